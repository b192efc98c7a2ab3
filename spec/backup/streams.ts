/** Backup streams for specs: in memory, in any pieces, and as text to compare. */

import { concatBytes, EMPTY_BYTES, toText } from "../../src/base/bytes.ts";
import type { Origin } from "../../src/backup/origin.ts";
import type { FrameReader } from "../../src/backup/frame-reader.ts";
import {
  type BackupEntry,
  decodeBackupFrame,
  decodeBackupFrameLength,
  encodeBackupFrame,
} from "../../src/format/backup-frame.ts";
import { META_POINTER } from "../../src/format/stored-value.ts";
import type { Database } from "../../src/database/contract.ts";
import { utf8 } from "../format/hex.ts";

/** Collects what a backup writes. */
export class Collected {
  readonly chunks: Uint8Array[] = [];
  readonly stream = new WritableStream<Uint8Array>({
    write: (chunk) => void this.chunks.push(chunk),
    close: () => void (this.closed = true),
    abort: (reason) => void (this.abortReason = reason),
  });
  closed = false;
  abortReason: unknown;

  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(concatBytes(...this.chunks));
  }
}

export async function backupBytes(db: Database, since = 0): Promise<Uint8Array<ArrayBuffer>> {
  const collected = new Collected();
  await db.backup(collected.stream, { since });
  return collected.bytes;
}

/** The bytes in pieces of `pieceSize`. */
export function streamOf(bytes: Uint8Array, pieceSize = bytes.length): ReadableStream<Uint8Array> {
  let position = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (position >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(position, position + pieceSize));
      position += pieceSize;
    },
  });
}

/** Bytes as an origin that hands them out in pieces of `pieceSize`. */
export function originOf(bytes: Uint8Array, pieceSize: number): Origin {
  let position = 0;
  return {
    name: "test.bak",
    sizeBytes: bytes.length,
    async read(target, offset, length) {
      const count = Math.min(length, pieceSize, bytes.length - position);
      target.set(bytes.subarray(position, position + count), offset);
      position += count;
      return count;
    },
    close: () => Promise.resolve(),
  };
}

/** Everything in a stream, the obvious way: frame by frame, all of it in memory. */
export function decodeAll(bytes: Uint8Array): BackupEntry[] {
  const entries: BackupEntry[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const length = decodeBackupFrameLength(bytes, offset);
    entries.push(...decodeBackupFrame(bytes, offset + 8, offset + 8 + length));
    offset += 8 + length;
  }
  return entries;
}

/** The same in pieces. */
export async function readAll(reader: FrameReader): Promise<BackupEntry[]> {
  const entries: BackupEntry[] = [];
  for (;;) {
    const piece = await reader.next();
    if (piece === undefined) return entries;
    for (const entry of piece.entries) {
      entries.push({ ...entry, key: entry.key.slice(), value: entry.value.slice() });
    }
  }
}

/** An entry as text; the pointer bit, which Badger leaves in, is left out. */
export function entryLine({ key, value, userMeta, version, expiresAt, meta }: BackupEntry): string {
  const shown = value.length > 60 ? `${value.length} bytes ${Bun.hash(value)}` : toText(value);
  return `${toText(key)}@${version} "${shown}" user ${userMeta ?? "-"} expires ${expiresAt} meta ${meta & ~META_POINTER}`;
}

export function entryLines(bytes: Uint8Array): string[] {
  return decodeAll(bytes).map(entryLine);
}

/** A stream of one frame. `entries` say what differs from a plain entry of value `v`. */
export function frameOf(...entries: (Partial<BackupEntry> & { text: string })[]): Uint8Array {
  return encodeBackupFrame(
    entries.map(({ text, ...rest }) => ({
      key: utf8(text),
      value: (rest.meta ?? 0) & 1 ? EMPTY_BYTES : utf8("v"),
      userMeta: 0,
      version: 1,
      expiresAt: 0,
      meta: 0,
      streamId: 1,
      streamDone: false,
      ...rest,
    })),
  );
}
