/**
 * Sealed files: how the files of an authenticated directory lie on disk. What a file holds (a table, a log,
 * the manifest …, all in clear) is cut into frames, and each is encrypted and authenticated by AES-256-GCM:
 *
 *     file:    | header, 64 bytes | frame | frame | …
 *     header:  | "Bdgr" | 0 u16 | 0x8001 u16 | data key id u32 | session u32 | register frames u32 |
 *              | salt, 24 random bytes | tag, 16 bytes | CRC-32C of the 60 bytes before u32 |
 *     frame:   | flags and payload length u32 | number u32 | nonce, 12 random bytes |
 *              | CRC-32C of the 20 bytes before u32 | cipher text | tag, 16 bytes |
 *
 * Numbers are big endian. The key of a file is HMAC-SHA-256(data key, label, header up to the tag,
 * name of the file): a file under another name, or with a changed header, is another key. Associated data
 * of a frame are its header, where it lies in the file, where its payload lies in what the file holds, and
 * the 16 bytes before it, which are the tag of the frame before (or the end of the header). So a frame
 * is good only in its file, in its place, behind its predecessor. A CRC proves nothing to a forger; it tells
 * the remains of an interrupted write from damage without a key.
 *
 * A nonce is drawn for every frame ever written, and a file has a key of its own: what is cut off after a
 * full disk or a crash and written anew, or gets a number again, never meets the same pair twice. 2^32
 * frames a file, 12 random bytes: the chance of a twin is below 2^-32 in a file of 32 TiB.
 *
 * The header begins as a manifest does, with a format version that Badger does not know: Badger refuses the
 * directory ("manifest has unsupported version"). Frozen.
 */

import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { assert } from "../base/assert.ts";
import { equalBytes, toBytes } from "../base/bytes.ts";
import { crc32c } from "./crc32c.ts";
import { damaged } from "./damage.ts";
import { readU32BE, writeU16BE, writeU32BE, writeU64BE } from "./integers.ts";

/** What Badger reads as a manifest's format version; the top bit is Meles' own. Frozen. */
export const SEALED_FORMAT_VERSION = 0x8001;
export const SEALED_HEADER_SIZE = 64;
export const FRAME_HEADER_SIZE = 24;
export const SEAL_TAG_SIZE = 16;
/** Bytes a frame has beyond its payload. */
export const FRAME_OVERHEAD = FRAME_HEADER_SIZE + SEAL_TAG_SIZE;
/**
 * Most payload bytes of a frame, and what every frame but the last of an image has. A call of AES-256-GCM
 * (node:crypto in Bun 1.4.5, one core of a virtual machine) takes 1.1 to 1.6 µs and 0.15 ns a byte: 2.0 µs to
 * seal 4 KiB and 1.6 to open them, 2.8 for 8 KiB, 9 for 64 KiB; AES-CTR takes 1.8 and 2.3. More would
 * read more than a value or block needs, less would pay more calls: 0.5 % more space as it is.
 */
export const FRAME_PAYLOAD_MAX = 8192;
export const SALT_SIZE = 24;
/** Bytes of a master or data key: AES-256. */
export const SEAL_KEY_SIZE = 32;

const MAGIC = 0x42646772;
const SALT_OFFSET = 20;
const HEADER_TAG_OFFSET = 44;
const HEADER_CRC_OFFSET = 60;
const NONCE_SIZE = 12;
const FRAME_CRC_OFFSET = 20;
const LENGTH_MASK = 0x3fff_ffff;
const LABEL = toBytes("meles sealed file 1");

/** The last frame of an image: nothing may follow. */
export const FRAME_LAST = 0x8000_0000;
/** A frame that holds no content but a u64: so long is what the journal holds from here on. */
export const FRAME_CUT = 0x4000_0000;

export interface SealedHeader {
  /** Data key; 0 for the register, which lies under the master key. */
  readonly keyId: number;
  /** Which opening of the directory made the file. */
  readonly session: number;
  /** Frames the register had when the file was made: it can never have fewer again. */
  readonly registerFrames: number;
  /** What tells this file from any other that had its name. */
  readonly salt: Uint8Array;
}

/** The key of the file `name` that begins with `header`. */
function fileKey(header: Uint8Array, name: string, key: Uint8Array): Uint8Array {
  assert(key.length === SEAL_KEY_SIZE, "a key of an authenticated directory has 32 bytes");
  return createHmac("sha256", key)
    .update(LABEL)
    .update(header.subarray(0, HEADER_TAG_OFFSET))
    .update(name)
    .digest();
}

function headerTag(key: Uint8Array): Uint8Array {
  return createHmac("sha256", key).update("header").digest().subarray(0, SEAL_TAG_SIZE);
}

/** The header of a new file, and its cipher. `key`: the data key with the id in `header`. */
export function encodeSealedHeader(
  header: SealedHeader,
  name: string,
  key: Uint8Array,
): { readonly bytes: Uint8Array; readonly cipher: FrameCipher } {
  const bytes = new Uint8Array(SEALED_HEADER_SIZE);
  writeU32BE(bytes, 0, MAGIC);
  writeU16BE(bytes, 6, SEALED_FORMAT_VERSION);
  writeU32BE(bytes, 8, header.keyId);
  writeU32BE(bytes, 12, header.session);
  writeU32BE(bytes, 16, header.registerFrames);
  bytes.set(header.salt, SALT_OFFSET);
  const derived = fileKey(bytes, name, key);
  bytes.set(headerTag(derived), HEADER_TAG_OFFSET);
  writeU32BE(bytes, HEADER_CRC_OFFSET, crc32c(bytes, 0, HEADER_CRC_OFFSET));
  return { bytes, cipher: new FrameCipher(derived) };
}

/** Whether bytes begin as a sealed file does. */
export function isSealed(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 8 &&
    readU32BE(bytes, 0) === MAGIC &&
    readU32BE(bytes, 4) === SEALED_FORMAT_VERSION
  );
}

/** Reads a header without believing it: `openSealedHeader` proves it. */
export function decodeSealedHeader(bytes: Uint8Array): SealedHeader {
  if (bytes.length < SEALED_HEADER_SIZE) {
    throw damaged(bytes.length, "the header of a sealed file", `${bytes.length} bytes`);
  }
  if (!isSealed(bytes)) throw damaged(0, "a sealed file", "another one");
  if (crc32c(bytes, 0, HEADER_CRC_OFFSET) !== readU32BE(bytes, HEADER_CRC_OFFSET)) {
    throw damaged(0, "a header that matches its checksum", "another checksum");
  }
  return {
    keyId: readU32BE(bytes, 8),
    session: readU32BE(bytes, 12),
    registerFrames: readU32BE(bytes, 16),
    salt: bytes.slice(SALT_OFFSET, SALT_OFFSET + SALT_SIZE),
  };
}

/** The cipher of a file with this header; `undefined` when key, name or header are not what it was made with. */
export function openSealedHeader(
  bytes: Uint8Array,
  name: string,
  key: Uint8Array,
): FrameCipher | undefined {
  const derived = fileKey(bytes, name, key);
  const tag = bytes.subarray(HEADER_TAG_OFFSET, HEADER_CRC_OFFSET);
  return equalBytes(headerTag(derived), tag) ? new FrameCipher(derived) : undefined;
}

/** The head of a frame, decoded in place; reusable. */
export class FrameView {
  flags = 0;
  payloadLength = 0;
  number = 0;
  /** Offset behind the frame. */
  end = 0;

  /**
   * Decodes the header at `offset`. False when it cannot be one: cut short by `limit`, or a wrong checksum or
   * length. The frame itself may reach beyond `limit`. Nothing is proven by this.
   */
  decode(bytes: Uint8Array, offset: number, limit: number): boolean {
    if (offset + FRAME_HEADER_SIZE > limit) return false;
    const word = readU32BE(bytes, offset);
    const length = word & LENGTH_MASK;
    if (length > FRAME_PAYLOAD_MAX) return false;
    const checksum = readU32BE(bytes, offset + FRAME_CRC_OFFSET);
    if (crc32c(bytes, offset, offset + FRAME_CRC_OFFSET) !== checksum) return false;
    this.flags = (word & ~LENGTH_MASK) >>> 0;
    this.payloadLength = length;
    this.number = readU32BE(bytes, offset + 4);
    this.end = offset + FRAME_OVERHEAD + length;
    return true;
  }
}

/** Seals and opens the frames of one file. */
export class FrameCipher {
  readonly #key: Uint8Array;
  readonly #aad = new Uint8Array(FRAME_HEADER_SIZE + 16 + SEAL_TAG_SIZE);

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /**
   * Writes a frame to `target[offset…]` and returns the offset behind it. The 16 bytes before `offset` must
   * hold the tag before, and the place of the payload its clear text; `random[nonce…]` are 12 random bytes.
   *
   * @param filePosition where the frame will lie in the file
   * @param contentPosition where its payload lies in what the file holds
   */
  seal(
    target: Uint8Array,
    offset: number,
    payloadLength: number,
    flags: number,
    number: number,
    filePosition: number,
    contentPosition: number,
    random: Uint8Array,
    nonce: number,
  ): number {
    writeU32BE(target, offset, (flags | payloadLength) >>> 0);
    writeU32BE(target, offset + 4, number);
    target.set(random.subarray(nonce, nonce + NONCE_SIZE), offset + 8);
    writeU32BE(
      target,
      offset + FRAME_CRC_OFFSET,
      crc32c(target, offset, offset + FRAME_CRC_OFFSET),
    );
    const start = offset + FRAME_HEADER_SIZE;
    const end = start + payloadLength;
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonceOf(target, offset));
    cipher.setAAD(this.#associated(target, offset, filePosition, contentPosition));
    target.set(cipher.update(target.subarray(start, end)), start);
    cipher.final();
    target.set(cipher.getAuthTag(), end);
    return end + SEAL_TAG_SIZE;
  }

  /**
   * The payload of the frame at `bytes[offset]`, whose header `view` has decoded and which lies in `bytes` as a
   * whole, behind the tag before; `undefined` when anything in it or around it is not as it was written.
   */
  open(
    bytes: Uint8Array,
    offset: number,
    view: FrameView,
    filePosition: number,
    contentPosition: number,
  ): Uint8Array | undefined {
    const end = view.end - SEAL_TAG_SIZE;
    const options = { authTagLength: SEAL_TAG_SIZE };
    const nonce = nonceOf(bytes, offset);
    const decipher = createDecipheriv("aes-256-gcm", this.#key, nonce, options);
    decipher.setAAD(this.#associated(bytes, offset, filePosition, contentPosition));
    decipher.setAuthTag(bytes.subarray(end, view.end));
    const payload = decipher.update(bytes.subarray(offset + FRAME_HEADER_SIZE, end));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return payload;
  }

  #associated(
    bytes: Uint8Array,
    offset: number,
    filePosition: number,
    contentPosition: number,
  ): Uint8Array {
    const aad = this.#aad;
    aad.set(bytes.subarray(offset, offset + FRAME_HEADER_SIZE));
    writeU64BE(aad, FRAME_HEADER_SIZE, filePosition);
    writeU64BE(aad, FRAME_HEADER_SIZE + 8, contentPosition);
    aad.set(bytes.subarray(offset - SEAL_TAG_SIZE, offset), FRAME_HEADER_SIZE + 16);
    return aad;
  }
}

/** Room for the random bytes of `frames` nonces. */
export function nonceBytes(frames: number): Uint8Array {
  return new Uint8Array(frames * NONCE_SIZE);
}

function nonceOf(bytes: Uint8Array, offset: number): Uint8Array {
  return bytes.subarray(offset + 8, offset + 8 + NONCE_SIZE);
}
