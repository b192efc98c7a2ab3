/**
 * Every decoder of `src/format`, with good bytes to begin from. A decoder gets bytes of any content and
 * either returns or throws a `MelesError`; what it returns is walked through, because a view that is
 * believed too early fails only then.
 */

import {
  decodeBackupFrame,
  decodeBackupFrameLength,
  encodeBackupFrame,
} from "../../src/format/backup-frame.ts";
import { BlockView } from "../../src/format/block.ts";
import { bloomMayContain, buildBloomFilter } from "../../src/format/bloom-filter.ts";
import { decodeChecksum } from "../../src/format/checksum.ts";
import { decompressBlock, toCompressionCode } from "../../src/format/compression.ts";
import { decodeDiscardTable, encodeDiscardTable } from "../../src/format/discard-table.ts";
import { decryptBlock } from "../../src/format/encryption.ts";
import {
  parseMemFileName,
  parseTableFileName,
  parseValueLogFileName,
} from "../../src/format/file-names.ts";
import {
  decodeKeyRegistry,
  encodeDataKeyRecord,
  encodeKeyRegistryHeader,
} from "../../src/format/key-registry.ts";
import { decodeLogHeader, encodeLogHeader, LOG_HEADER_SIZE } from "../../src/format/log-header.ts";
import { LogRecordView, writeLogRecord, writeTransactionEnd } from "../../src/format/log-record.ts";
import { LogReplay } from "../../src/format/log-replay.ts";
import { decodeManifestChangeSet, encodeManifestRecord } from "../../src/format/manifest-change.ts";
import { encodeManifestHeader, replayManifest } from "../../src/format/manifest-replay.ts";
import { decodePairFile, encodePairFile } from "../../src/format/pair-file.ts";
import { ProtobufReader } from "../../src/format/protobuf.ts";
import { encodeRegisterChange, replayRegister } from "../../src/format/seal-register.ts";
import {
  decodeSealedHeader,
  encodeSealedHeader,
  FRAME_OVERHEAD,
  FrameView,
  nonceBytes,
  openSealedHeader,
  SALT_SIZE,
  SEALED_HEADER_SIZE,
} from "../../src/format/sealed-file.ts";
import { readExpiry } from "../../src/format/stored-value.ts";
import { decodeTableFooter, verifyTableIndex } from "../../src/format/table-footer.ts";
import { decodeTableIndex } from "../../src/format/table-index.ts";
import { readUvarint, uvarintSize } from "../../src/format/varint.ts";
import { toText } from "../../src/base/bytes.ts";
import { hasZeroSector } from "../../src/format/zero-sector.ts";
import { PLAIN_BLOCK, SNAPPY_BLOCK, TABLE_217, ZSTD_BLOCK } from "./vectors.ts";

export interface Decoder {
  readonly name: string;
  readonly samples: readonly Uint8Array[];
  readonly decode: (bytes: Uint8Array) => void;
}

const KEY = new Uint8Array(16).fill(5);
const SEALED = { keyId: 1, session: 2, registerFrames: 3, salt: new Uint8Array(SALT_SIZE).fill(4) };
const SEALING_KEY = new Uint8Array(32).fill(8);
/** No stored block is larger, so nothing may claim to be. */
const BLOCK_BYTES_MAX = 1 << 20;

const encoder = new TextEncoder();

export const DECODERS: readonly Decoder[] = [
  {
    name: "backup frame",
    samples: [encodeBackupFrame([backupEntry("a", "one"), backupEntry("bb", "x".repeat(300))])],
    decode: decodeBackup,
  },
  { name: "block", samples: [PLAIN_BLOCK], decode: decodeBlock },
  { name: "register", samples: [register()], decode: (bytes) => void replayRegister(bytes) },
  { name: "sealed file", samples: [sealedFile()], decode: decodeSealedFile },
  { name: "bloom filter", samples: [filterOf(40)], decode: probeFilter },
  {
    name: "checksum",
    samples: [TABLE_217.slice(-10, -4)],
    decode: (bytes) => void decodeChecksum(bytes, 0, bytes.length),
  },
  { name: "compression", samples: [SNAPPY_BLOCK, ZSTD_BLOCK, PLAIN_BLOCK], decode: decompressAll },
  {
    name: "discard table",
    samples: [
      encodeDiscardTable(
        new Map([
          [1, 100],
          [7, 5000],
        ]),
      ).slice(0, 64),
    ],
    decode: (bytes) => void decodeDiscardTable(bytes),
  },
  {
    name: "encrypted block",
    samples: [PLAIN_BLOCK],
    decode: (bytes) => void decryptBlock(KEY, bytes),
  },
  {
    name: "file names",
    samples: [encoder.encode("000012.sst"), encoder.encode("00001.mem")],
    decode: parseNames,
  },
  { name: "key registry", samples: [registry(KEY), registry(undefined)], decode: decodeRegistry },
  {
    name: "log header",
    samples: [encodeLogHeader(3, new Uint8Array(12).fill(9))],
    decode: (bytes) => void decodeLogHeader(bytes),
  },
  { name: "log", samples: [log()], decode: replayLog },
  { name: "manifest", samples: [manifest()], decode: (bytes) => void replayManifest(bytes) },
  {
    name: "manifest change set",
    samples: [firstChangeSet()],
    decode: (bytes) => void decodeManifestChangeSet(bytes, 0, bytes.length),
  },
  {
    name: "pair file",
    samples: [encodePairFile({ id: "0f".repeat(16), directory: "/db", valueDirectory: "/values" })],
    decode: (bytes) => void decodePairFile(bytes),
  },
  { name: "protobuf", samples: [firstChangeSet()], decode: readFields },
  {
    name: "stored value",
    samples: [new Uint8Array([0x80, 0xe9, 0x9a, 0x40, 1])],
    decode: (bytes) => void readExpiry(bytes, 0, bytes.length),
  },
  { name: "table", samples: [TABLE_217], decode: decodeTable },
  { name: "varint", samples: [new Uint8Array(10).fill(0x81)], decode: readVarints },
  {
    name: "zero sectors",
    samples: [new Uint8Array(2000)],
    decode: (bytes) => void hasZeroSector(bytes, 0, bytes.length, 77),
  },
];

function backupEntry(key: string, value: string) {
  return {
    key: encoder.encode(key),
    value: encoder.encode(value),
    userMeta: 1,
    version: 7,
    expiresAt: 0,
    meta: 0,
    streamId: 0,
    streamDone: false,
  };
}

function decodeBackup(bytes: Uint8Array): void {
  for (let offset = 0; offset + 8 <= bytes.length;) {
    const end = offset + 8 + decodeBackupFrameLength(bytes, offset);
    if (end > bytes.length) return;
    decodeBackupFrame(bytes, offset + 8, end);
    offset = end;
  }
}

function decodeBlock(bytes: Uint8Array): void {
  const view = new BlockView();
  view.parse(bytes, 0, bytes.length);
  view.checkEntries();
  for (let i = 0; i < view.entryCount; i++) {
    if (view.entryStart(i) < 0 || view.entryEnd(i) > bytes.length)
      throw new Error("an entry leads outside its block");
  }
}

function filterOf(count: number): Uint8Array {
  const hashes = Uint32Array.from({ length: count }, (_, index) => index * 2_654_435_761);
  return buildBloomFilter(hashes, count, 10, 7);
}

function probeFilter(bytes: Uint8Array): void {
  for (const hash of [0, 1, 0xffff_ffff, 0x9e37_79b1])
    bloomMayContain(bytes, 0, bytes.length, hash);
}

function decompressAll(bytes: Uint8Array): void {
  let failure: unknown;
  for (const code of [0, 1, 2]) {
    try {
      const plain = decompressBlock(toCompressionCode(code), bytes, BLOCK_BYTES_MAX);
      if (plain.length > Math.max(BLOCK_BYTES_MAX, bytes.length))
        throw new Error("larger than allowed");
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
}

function parseNames(bytes: Uint8Array): void {
  const name = toText(bytes);
  parseTableFileName(name);
  parseMemFileName(name);
  parseValueLogFileName(name);
}

function registry(masterKey: Uint8Array | undefined): Uint8Array {
  const iv = new Uint8Array(16).fill(3);
  const key = { keyId: 1, data: KEY, iv, createdAt: 1_700_000_000 };
  return joined([encodeKeyRegistryHeader(iv, masterKey), encodeDataKeyRecord(key, masterKey)]);
}

function decodeRegistry(bytes: Uint8Array): void {
  let failure: unknown;
  for (const key of [KEY, undefined]) {
    try {
      decodeKeyRegistry(bytes, key);
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
}

function log(): Uint8Array {
  const bytes = new Uint8Array(600);
  let offset = LOG_HEADER_SIZE;
  bytes.set(encodeLogHeader(0, new Uint8Array(12)));
  const key = encoder.encode("key");
  offset = writeLogRecord(bytes, offset, 0, 1, 0, key, 3, encoder.encode("plain"));
  offset = writeLogRecord(
    bytes,
    offset,
    0x40,
    0,
    1_900_000_000,
    key,
    4,
    new Uint8Array(200).fill(8),
  );
  offset = writeLogRecord(bytes, offset, 0x41, 0, 0, encoder.encode("other"), 4, new Uint8Array(0));
  offset = writeTransactionEnd(bytes, offset, 4);
  return bytes.slice(0, offset);
}

function replayLog(bytes: Uint8Array): void {
  if (bytes.length < LOG_HEADER_SIZE) return;
  const view = new LogRecordView();
  const end = new LogReplay().replay(bytes, LOG_HEADER_SIZE, bytes.length, (offset) => {
    if (!view.decode(bytes, offset, bytes.length))
      throw new Error("a record that counts cannot be decoded");
    if (view.end > bytes.length || view.valueOffset + view.valueLength > view.end)
      throw new Error("a record leads outside its log");
  });
  if (end > bytes.length) throw new Error("the log ends behind its end");
}

function register(): Uint8Array {
  const salt = new Uint8Array(SALT_SIZE).fill(1);
  const mark = { name: "MANIFEST", salt, frames: 3, tag: new Uint8Array(16).fill(2) };
  return joined([
    encodeRegisterChange({
      session: 4,
      keys: [{ keyId: 1, key: new Uint8Array(32).fill(7), createdAt: 1_700_000_000 }],
      marks: [mark, { ...mark, name: "000001.sst", frames: 0, tag: new Uint8Array(0) }],
    }),
    encodeRegisterChange({ removed: ["00001.mem"], successor: mark }),
  ]);
}

function sealedFile(): Uint8Array {
  const { bytes, cipher } = encodeSealedHeader(SEALED, "00001.mem", SEALING_KEY);
  const file = new Uint8Array(bytes.length + FRAME_OVERHEAD + 100);
  file.set(bytes);
  cipher.seal(file, bytes.length, 100, 0, 0, bytes.length, 0, nonceBytes(1).fill(6), 0);
  return file;
}

/** Nothing of it is believed but what authenticates: every change is either noticed or changes nothing. */
function decodeSealedFile(bytes: Uint8Array): void {
  decodeSealedHeader(bytes);
  const cipher = openSealedHeader(bytes.subarray(0, SEALED_HEADER_SIZE), "00001.mem", SEALING_KEY);
  const view = new FrameView();
  if (cipher === undefined || !view.decode(bytes, SEALED_HEADER_SIZE, bytes.length)) return;
  if (view.end > bytes.length) return;
  const payload = cipher.open(bytes, SEALED_HEADER_SIZE, view, SEALED_HEADER_SIZE, 0);
  const isWhole = payload?.length === 100 && payload.every((byte) => byte === 0);
  if (payload !== undefined && !isWhole) throw new Error("what was changed authenticates");
}

/** The payload of the manifest's first record, behind the file header and the record's own. */
function firstChangeSet(): Uint8Array {
  const bytes = manifest();
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8);
  return bytes.slice(16, 16 + length);
}

function manifest(): Uint8Array {
  const create = (fileNumber: number) =>
    ({ op: "create", fileNumber, level: 1, keyId: 2, compression: 1 }) as const;
  return joined([
    encodeManifestHeader(7),
    encodeManifestRecord({
      changes: [create(1), create(200)],
      thinnedVersion: 12,
      newestVersion: 90,
    }),
    encodeManifestRecord({
      changes: [{ op: "delete", fileNumber: 1 }, create(3)],
      valueLogDiscards: [{ file: 4, bytes: 1000 }],
    }),
  ]);
}

function readFields(bytes: Uint8Array): void {
  const reader = new ProtobufReader(bytes, 0, bytes.length);
  let count = 0;
  while (reader.next()) if (++count > bytes.length) throw new Error("more fields than bytes");
}

function decodeTable(bytes: Uint8Array): void {
  const footer = decodeTableFooter(bytes, bytes.length);
  const { indexOffset, indexLength } = footer;
  const index = bytes.subarray(indexOffset, indexOffset + indexLength);
  let failure: unknown;
  try {
    verifyTableIndex(footer, index);
  } catch (error) {
    failure = error;
  }
  // Also without its checksum, as with a checksum that happens to fit.
  const { blocks } = decodeTableIndex(index, indexOffset);
  for (let i = 0; i < blocks.offsets.length; i++) {
    const end = (blocks.offsets[i] as number) + (blocks.lengths[i] as number);
    if (end > bytes.length) throw new Error("a block leads outside its table");
  }
  if (failure !== undefined) throw failure;
}

function readVarints(bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length;) {
    if (readUvarint(bytes, offset, bytes.length) < 0) return;
    offset += uvarintSize();
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
