/**
 * The files of a directory, read with nothing of `src/`: straight from the description of the format,
 * slow and simple. It shows what the bytes say, whatever our own decoders would make of them.
 */

import { createDecipheriv } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { uncompress } from "snappyjs";

/** CRC-32C, bit by bit: reflected polynomial 0x82F63B78. */
export function naiveCrc(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0);
  }
  return ~crc >>> 0;
}

/** Bytes read front to back. */
class Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.offset = offset;
  }

  get left(): number {
    return this.bytes.length - this.offset;
  }

  take(length: number): Uint8Array {
    if (length > this.left) throw new RangeError(`${length} bytes of ${this.left}`);
    this.offset += length;
    return this.bytes.subarray(this.offset - length, this.offset);
  }

  u8(): number {
    return this.take(1)[0] as number;
  }

  u32(littleEndian = false): number {
    this.take(4);
    return this.view.getUint32(this.offset - 4, littleEndian);
  }

  u64(littleEndian = false): bigint {
    this.take(8);
    return this.view.getBigUint64(this.offset - 8, littleEndian);
  }

  uvarint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
}

/** Fields of a Protocol Buffers message, in order. */
export function protobuf(bytes: Uint8Array): { field: number; value: bigint | Uint8Array }[] {
  const reader = new Reader(bytes);
  const fields: { field: number; value: bigint | Uint8Array }[] = [];
  while (reader.left > 0) {
    const tag = Number(reader.uvarint());
    const isBytes = (tag & 7) === 2;
    if (!isBytes && (tag & 7) !== 0) throw new Error(`wire type ${tag & 7}`);
    const value = reader.uvarint();
    fields.push({ field: tag >>> 3, value: isBytes ? reader.take(Number(value)) : value });
  }
  return fields;
}

function numberOf(fields: ReturnType<typeof protobuf>, field: number): number {
  return Number(fields.findLast((one) => one.field === field)?.value ?? 0);
}

/** AES in counter mode. */
export function naiveCtr(key: Uint8Array, counter: Uint8Array, bytes: Uint8Array): Uint8Array {
  return createDecipheriv(`aes-${key.length * 8}-ctr`, key, counter).update(bytes);
}

/** An internal key: user key, and the complement of the version. */
export function splitKey(key: Uint8Array): { user: Uint8Array; version: bigint } {
  const suffix = new Reader(key, key.length - 8).u64();
  return { user: key.subarray(0, key.length - 8), version: 0xffff_ffff_ffff_ffffn - suffix };
}

export interface NaiveRecord {
  readonly offset: number;
  readonly end: number;
  readonly meta: number;
  readonly userMeta: number;
  readonly keyLength: number;
  readonly valueLength: number;
  readonly expiresAt: bigint;
  readonly user: Uint8Array;
  readonly version: bigint;
  readonly value: Uint8Array;
}

export interface NaiveLog {
  readonly name: string;
  readonly keyId: bigint;
  readonly records: readonly NaiveRecord[];
  /** What follows the last record with a right checksum. */
  readonly tail: Uint8Array;
}

export function naiveLog(name: string, bytes: Uint8Array, keys: NaiveKeys = new Map()): NaiveLog {
  const reader = new Reader(bytes);
  const keyId = reader.u64();
  const baseIv = reader.take(12);
  const records: NaiveRecord[] = [];
  let end = reader.offset;
  try {
    for (;;) {
      const offset = reader.offset;
      const [meta, userMeta] = [reader.u8(), reader.u8()];
      const keyLength = Number(reader.uvarint());
      const valueLength = Number(reader.uvarint());
      const expiresAt = reader.uvarint();
      const stored = reader.take(keyLength + valueLength);
      const crc = naiveCrc(bytes.subarray(offset, reader.offset));
      if (keyLength === 0 || reader.u32() !== crc) break;
      const plain = decrypted(stored, keyId, baseIv, offset, keys);
      const { user, version } = splitKey(plain.subarray(0, keyLength));
      const value = plain.subarray(keyLength);
      const rest = { keyLength, valueLength, expiresAt, user, version, value };
      end = reader.offset;
      records.push({ offset, end, meta, userMeta, ...rest });
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return { name, keyId, records, tail: bytes.subarray(end) };
}

function decrypted(
  stored: Uint8Array,
  keyId: bigint,
  baseIv: Uint8Array,
  offset: number,
  keys: NaiveKeys,
): Uint8Array {
  if (keyId === 0n) return stored;
  const counter = new Uint8Array(16);
  counter.set(baseIv);
  new DataView(counter.buffer).setUint32(12, offset);
  return naiveCtr(keys.get(keyId) as Uint8Array, counter, stored);
}

export interface NaiveChange {
  readonly id: number;
  readonly op: "create" | "delete";
  readonly level: number;
  readonly keyId: bigint;
  readonly compression: number;
}

export interface NaiveManifest {
  readonly externalMagic: number;
  /** One list per record; empty records are empty lists. */
  readonly records: readonly (readonly NaiveChange[])[];
  readonly payloads: readonly Uint8Array[];
  /** What exists in the end, by number. */
  readonly tables: ReadonlyMap<number, NaiveChange>;
}

export function naiveManifest(bytes: Uint8Array): NaiveManifest {
  const reader = new Reader(bytes);
  const magic = new TextDecoder().decode(reader.take(4));
  const [externalMagic, format] = [
    reader.u8() * 256 + reader.u8(),
    reader.u8() * 256 + reader.u8(),
  ];
  if (magic !== "Bdgr" || format !== 8) throw new Error(`no manifest: ${magic} ${format}`);
  const records: NaiveChange[][] = [];
  const payloads: Uint8Array[] = [];
  const tables = new Map<number, NaiveChange>();
  while (reader.left > 0) {
    const [length, crc] = [reader.u32(), reader.u32()];
    const payload = reader.take(length);
    if (naiveCrc(payload) !== crc) throw new Error("a manifest record's checksum is wrong");
    const changes = protobuf(payload).filter(({ field }) => field === 1);
    payloads.push(payload);
    records.push(changes.map(({ value }) => change(value as Uint8Array)));
    for (const one of records.at(-1) ?? []) {
      if (one.op === "create" && tables.has(one.id)) throw new Error(`table ${one.id} again`);
      if (one.op === "create") tables.set(one.id, one);
      else if (!tables.delete(one.id)) throw new Error(`no table ${one.id}`);
    }
  }
  return { externalMagic, records, payloads, tables };
}

function change(bytes: Uint8Array): NaiveChange {
  const fields = protobuf(bytes);
  return {
    id: numberOf(fields, 1),
    op: numberOf(fields, 2) === 0 ? "create" : "delete",
    level: numberOf(fields, 3),
    keyId: BigInt(numberOf(fields, 4)),
    compression: numberOf(fields, 6),
  };
}

/** Data keys in clear, by id. */
export type NaiveKeys = ReadonlyMap<bigint, Uint8Array>;

export function naiveRegistry(bytes: Uint8Array, master: Uint8Array | undefined): NaiveKeys {
  const reader = new Reader(bytes);
  const iv = reader.take(16);
  const stored = reader.take(12);
  const sanity = master === undefined ? stored : naiveCtr(master, iv, stored);
  if (new TextDecoder().decode(sanity) !== "Hello Badger") throw new Error("another master key");
  const keys = new Map<bigint, Uint8Array>();
  while (reader.left > 0) {
    const [length, crc] = [reader.u32(), reader.u32()];
    const payload = reader.take(length);
    if (naiveCrc(payload) !== crc) throw new Error("a data key's checksum is wrong");
    const bytesOf = (wanted: number) =>
      protobuf(payload).find(({ field }) => field === wanted)?.value as Uint8Array;
    const id = BigInt(numberOf(protobuf(payload), 1));
    keys.set(id, naiveCtr(master as Uint8Array, bytesOf(3), bytesOf(2)));
  }
  return keys;
}

export interface NaiveEntry {
  readonly user: Uint8Array;
  readonly version: bigint;
  readonly meta: number;
  readonly userMeta: number;
  readonly expiresAt: bigint;
  /** The value, or a pointer of 12 bytes. */
  readonly value: Uint8Array;
}

export interface NaiveBlock {
  readonly offset: number;
  readonly baseKey: Uint8Array;
  readonly stored: Uint8Array;
  readonly plain: Uint8Array;
  /** The checksum message, and what it covers. */
  readonly checksum: Uint8Array;
  readonly covered: Uint8Array;
  readonly entries: readonly NaiveEntry[];
}

export interface NaiveTable extends NaiveChange {
  readonly blocks: readonly NaiveBlock[];
  readonly entries: readonly NaiveEntry[];
  /** Plain, from the index's own first byte. */
  readonly index: Uint8Array;
  readonly indexOffset: number;
  readonly storedIndex: Uint8Array;
  readonly indexChecksum: Uint8Array;
  readonly bloomFilter: Uint8Array | undefined;
  /** Whether the first block's table has a slot for its offset, which is 0. */
  readonly firstOffsetIsStored: boolean;
  readonly maxVersion: bigint;
  readonly keyCount: number;
  readonly uncompressedSize: number;
  readonly onDiskSize: number;
}

export function naiveTable(bytes: Uint8Array, table: NaiveChange, keys: NaiveKeys): NaiveTable {
  const footer = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const checksumLength = footer.getUint32(bytes.length - 4);
  const lengthOffset = bytes.length - 8 - checksumLength;
  const indexOffset = lengthOffset - footer.getUint32(lengthOffset);
  const storedIndex = bytes.subarray(indexOffset, lengthOffset);
  const key = keys.get(table.keyId);
  const index = key === undefined ? storedIndex : decryptedPart(storedIndex, key);
  const root = new FlatTable(index, new Reader(index).u32(true));
  const list = root.vector(0);
  const blocks = list.map((at): NaiveBlock => {
    const entry = new FlatTable(index, at + new Reader(index, at).u32(true));
    const offset = entry.u32(1);
    const stored = bytes.subarray(offset, offset + entry.u32(2));
    const packed = key === undefined ? stored : decryptedPart(stored, key);
    const plain = decompressed(packed, table.compression);
    return { offset, baseKey: entry.bytes(0) as Uint8Array, stored, plain, ...naiveBlock(plain) };
  });
  const first = list[0] as number;
  return {
    ...table,
    blocks,
    entries: blocks.flatMap((block) => block.entries),
    index,
    indexOffset,
    storedIndex,
    indexChecksum: bytes.subarray(lengthOffset + 4, bytes.length - 4),
    bloomFilter: root.bytes(1),
    firstOffsetIsStored: new FlatTable(index, first + new Reader(index, first).u32(true)).has(1),
    maxVersion: root.u64(2),
    keyCount: root.u32(3),
    uncompressedSize: root.u32(4),
    onDiskSize: root.u32(5),
  };
}

function decryptedPart(stored: Uint8Array, key: Uint8Array): Uint8Array {
  const end = stored.length - 16;
  return naiveCtr(key, stored.subarray(end), stored.subarray(0, end));
}

function decompressed(bytes: Uint8Array, compression: number): Uint8Array {
  if (compression === 0) return bytes;
  return compression === 1 ? uncompress(bytes) : Bun.zstdDecompressSync(bytes);
}

function naiveBlock(plain: Uint8Array): Pick<NaiveBlock, "checksum" | "covered" | "entries"> {
  const view = new DataView(plain.buffer, plain.byteOffset, plain.length);
  const checksumLength = view.getUint32(plain.length - 4);
  const checksumStart = plain.length - 4 - checksumLength;
  const count = view.getUint32(checksumStart - 4);
  const entriesEnd = checksumStart - 4 - 4 * count;
  const starts = Array.from({ length: count }, (_, n) => view.getUint32(entriesEnd + 4 * n, true));
  const baseKey = plain.subarray(4, 4 + view.getUint16(2, true));
  const entries = starts.map((start, n): NaiveEntry => {
    const overlap = view.getUint16(start, true);
    const reader = new Reader(plain.subarray(0, starts[n + 1] ?? entriesEnd), start + 4);
    const rest = reader.take(view.getUint16(start + 2, true));
    const { user, version } = splitKey(Buffer.concat([baseKey.subarray(0, overlap), rest]));
    const [meta, userMeta, expiresAt] = [reader.u8(), reader.u8(), reader.uvarint()];
    return { user, version, meta, userMeta, expiresAt, value: reader.take(reader.left) };
  });
  const checksum = plain.subarray(checksumStart, plain.length - 4);
  return { checksum, covered: plain.subarray(0, checksumStart), entries };
}

/** What a checksum message says of bytes, and whether that is right. */
export function naiveChecksumHolds(message: Uint8Array, bytes: Uint8Array): boolean {
  const fields = protobuf(message);
  const sum = fields.find(({ field }) => field === 2)?.value ?? 0n;
  const algorithm = numberOf(fields, 1);
  if (algorithm > 1) throw new Error(`checksum algorithm ${algorithm}`);
  return sum === (algorithm === 1 ? Bun.hash.xxHash64(bytes) : BigInt(naiveCrc(bytes)));
}

/** A FlatBuffers table, through its vtable. */
class FlatTable {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #position: number;
  readonly #vtable: number;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#position = position;
    this.#vtable = position - this.#view.getInt32(position, true);
  }

  has(slot: number): boolean {
    return this.#field(slot) !== 0;
  }

  u32(slot: number): number {
    const at = this.#field(slot);
    return at === 0 ? 0 : this.#view.getUint32(at, true);
  }

  u64(slot: number): bigint {
    const at = this.#field(slot);
    return at === 0 ? 0n : this.#view.getBigUint64(at, true);
  }

  /** Positions of a vector's elements of 4 bytes. */
  vector(slot: number): number[] {
    const start = this.#indirect(slot);
    if (start === 0) return [];
    return Array.from({ length: this.#view.getUint32(start, true) }, (_, n) => start + 4 + 4 * n);
  }

  bytes(slot: number): Uint8Array | undefined {
    const start = this.#indirect(slot);
    if (start === 0) return undefined;
    return this.#bytes.subarray(start + 4, start + 4 + this.#view.getUint32(start, true));
  }

  #indirect(slot: number): number {
    const at = this.#field(slot);
    return at === 0 ? 0 : at + this.#view.getUint32(at, true);
  }

  #field(slot: number): number {
    const entry = 4 + 2 * slot;
    if (entry >= this.#view.getUint16(this.#vtable, true)) return 0;
    const offset = this.#view.getUint16(this.#vtable + entry, true);
    return offset === 0 ? 0 : this.#position + offset;
  }
}

/** A whole directory. */
export interface NaiveDirectory {
  readonly names: readonly string[];
  readonly manifest: NaiveManifest;
  readonly keys: NaiveKeys;
  readonly tables: readonly NaiveTable[];
  /** Write-ahead logs, then value logs, ascending. */
  readonly logs: readonly NaiveLog[];
  readonly valueLogs: readonly NaiveLog[];
}

export function naiveDirectory(directory: string, master?: Uint8Array): NaiveDirectory {
  const names = readdirSync(directory).sort();
  const read = (name: string) => new Uint8Array(readFileSync(join(directory, name)));
  const manifest = naiveManifest(read("MANIFEST"));
  const keys = naiveRegistry(read("KEYREGISTRY"), master);
  const logs = (suffix: string) =>
    names.filter((name) => name.endsWith(suffix)).map((name) => naiveLog(name, read(name), keys));
  const tables = [...manifest.tables.values()].map((table) =>
    naiveTable(read(`${String(table.id).padStart(6, "0")}.sst`), table, keys),
  );
  return { names, manifest, keys, tables, logs: logs(".mem"), valueLogs: logs(".vlog") };
}

/** The record a pointer leads to; `undefined` when there is none that starts there and ends there. */
export function naiveFollow(
  { valueLogs }: NaiveDirectory,
  pointer: Uint8Array,
): NaiveRecord | undefined {
  const reader = new Reader(pointer);
  const [file, length, offset] = [reader.u32(true), reader.u32(true), reader.u32(true)];
  const log = valueLogs.find(({ name }) => Number(name.slice(0, -5)) === file);
  return log?.records.find((one) => one.offset === offset && one.end - one.offset === length);
}
