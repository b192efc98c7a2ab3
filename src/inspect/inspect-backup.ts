/** A backup stream: frames and their entries, up to the first damage. */

import { FrameReader } from "../backup/frame-reader.ts";
import type { Origin } from "../backup/origin.ts";
import { CorruptionError, MelesError } from "../base/errors.ts";
import type { BackupEntry } from "../format/backup-frame.ts";
import { META_POINTER } from "../format/stored-value.ts";
import { metaFacts, valueFacts } from "./entry-facts.ts";
import { facts, finding, nestedRow, type Part, type Row, rowOf, shownKey } from "./part.ts";

/** Closes the origin. */
export async function* inspectBackup(origin: Origin): AsyncGenerator<Part> {
  try {
    yield* walkFrames(origin);
  } finally {
    await origin.close();
  }
}

async function* walkFrames(origin: Origin): AsyncGenerator<Part> {
  const frames = new FrameReader(origin);
  let frameCount = 0;
  let entryCount = 0;
  let lastFrame = -1;
  let newestVersion = 0;
  let problem: Part | undefined;
  for (;;) {
    let piece: Awaited<ReturnType<FrameReader["next"]>>;
    try {
      piece = await frames.next();
    } catch (error) {
      problem = problemOf(error, frames.offset);
      break;
    }
    if (piece === undefined) break;
    if (piece.frameOffset !== lastFrame) {
      lastFrame = piece.frameOffset;
      frameCount++;
      yield rowOf("frames", { offset: lastFrame, payloadBytes: piece.frameLength });
    }
    for (const entry of piece.entries) {
      entryCount++;
      newestVersion = Math.max(newestVersion, entry.version);
      yield nestedRow("entries", entryRow(entry));
    }
  }
  yield facts({ frameCount, entryCount, newestVersion });
  if (problem !== undefined) yield problem;
}

function problemOf(error: unknown, offset: number): Part {
  if (!(error instanceof MelesError)) throw error;
  if (!(error instanceof CorruptionError)) return finding(offset, error.message);
  return finding(error.offset, `expected ${error.expected}, found ${error.actual}`);
}

function entryRow(entry: BackupEntry): Row {
  const { key, value, version, userMeta, expiresAt, meta, streamId, streamDone } = entry;
  return {
    key: shownKey(key, 0, key.length),
    version,
    // Values are inline, whatever Badger has left in the bits.
    ...valueFacts(meta & ~META_POINTER, value, 0, value.length),
    ...metaFacts(meta & ~META_POINTER, userMeta ?? 0, expiresAt),
    pointerBit: (meta & META_POINTER) === 0 ? undefined : true,
    stream: streamId,
    endOfStream: streamDone ? true : undefined,
  };
}
