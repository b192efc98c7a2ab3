/**
 * Protocol Buffers, as far as directories use them: varint and length-delimited fields.
 *
 *     field: | number << 3 | wire type, uvarint | payload |
 *
 * Writers compute lengths first and then write into their target. The reader is a bounds-checked
 * cursor that reports damage with its offset. The runtime of `@bufbuild/protobuf` was measured on
 * backup entries (16-byte keys, 100-byte values): encoding takes it 210 ns an entry against 80 here,
 * decoding 240 for half the fields against 200, and it makes a BigInt of every u64.
 */

import { MelesError } from "../base/errors.ts";
import { damaged } from "./damage.ts";
import {
  readUvarint,
  UVARINT_SIZE_MAX,
  UVARINT_TOO_LARGE,
  UVARINT_TRUNCATED,
  uvarintLength,
  uvarintSize,
  writeUvarint,
} from "./varint.ts";

const WIRE_VARINT = 0;
const WIRE_FIXED64 = 1;
const WIRE_BYTES = 2;
const WIRE_FIXED32 = 5;
const FIELD_NUMBER_MAX = 0x1fff_ffff;

/** Encoded size of a varint field; 0, which proto3 leaves out, takes none. */
export function varintFieldLength(field: number, value: number): number {
  return value === 0 ? 0 : uvarintLength(field * 8) + uvarintLength(value);
}

/** Writes a varint field, unless it is 0; returns the offset behind it. */
export function writeVarintField(
  target: Uint8Array,
  offset: number,
  field: number,
  value: number,
): number {
  if (value === 0) return offset;
  return writeUvarint(target, writeUvarint(target, offset, field * 8 + WIRE_VARINT), value);
}

/** Encoded size of a length-delimited field with a payload of `length` bytes, which is not left out. */
export function bytesFieldLength(field: number, length: number): number {
  return uvarintLength(field * 8) + uvarintLength(length) + length;
}

/** Writes the tag and length of a length-delimited field; returns the offset of its payload. */
export function writeBytesFieldHeader(
  target: Uint8Array,
  offset: number,
  field: number,
  length: number,
): number {
  return writeUvarint(target, writeUvarint(target, offset, field * 8 + WIRE_BYTES), length);
}

/** Writes a whole length-delimited field; returns the offset behind it. */
export function writeBytesField(
  target: Uint8Array,
  offset: number,
  field: number,
  payload: Uint8Array,
): number {
  const start = writeBytesFieldHeader(target, offset, field, payload.length);
  target.set(payload, start);
  return start + payload.length;
}

/**
 * Length, tag included, of the field at `start` in a message of which `bytes[start, available)` is there
 * and which ends at `end`, perhaps beyond that; -1 when too little is there to tell. `CorruptionError` for
 * what is no field or is longer than its message. Serves to read a long message in pieces.
 */
export function fieldLength(
  bytes: Uint8Array,
  start: number,
  available: number,
  end: number,
): number {
  const tag = readUvarint(bytes, start, available);
  if (tag === UVARINT_TRUNCATED && available < end) return -1;
  if (tag < 8 || Math.floor(tag / 8) > FIELD_NUMBER_MAX)
    throw damaged(start, "a field tag", "none");
  const position = start + uvarintSize();
  let length: number;
  switch (tag % 8) {
    case WIRE_VARINT: {
      const value = readUvarint(bytes, position, available);
      if (value === UVARINT_TRUNCATED && available < end) return -1;
      if (value < 0 && value !== UVARINT_TOO_LARGE) throw damaged(position, "a varint", "none");
      length = position + uvarintSize() - start;
      break;
    }
    case WIRE_BYTES: {
      const payload = readUvarint(bytes, position, available);
      if (payload === UVARINT_TRUNCATED && available < end) return -1;
      if (payload < 0) throw damaged(position, "the length of a field", "none");
      length = position + uvarintSize() - start + payload;
      break;
    }
    case WIRE_FIXED64:
      length = position + 8 - start;
      break;
    case WIRE_FIXED32:
      length = position + 4 - start;
      break;
    default:
      throw damaged(start, "a field type", `wire type ${tag % 8}`);
  }
  if (length > end - start) throw damaged(start, "a field inside its message", "a longer one");
  return length;
}

/**
 * Reads the fields of one message: `while (reader.next()) …`, asking `isVarint` or `isBytes` for the
 * fields it knows; others are skipped.
 */
export class ProtobufReader {
  readonly bytes: Uint8Array;
  /** Where the message starts. */
  start = 0;
  #position = 0;
  #end = 0;
  /** Number of the current field. */
  field = 0;
  #wireType = 0;
  #payloadStart = 0;
  #payloadEnd = 0;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.open(start, end);
  }

  /** Moves to the message `bytes[start, end)`, so that one reader serves many messages. */
  open(start: number, end: number): void {
    this.start = start;
    this.#position = start;
    this.#end = end;
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    const start = this.#position;
    if (start >= this.#end) return false;
    const tag = readUvarint(this.bytes, start, this.#end);
    const field = Math.floor(tag / 8);
    if (tag < 8 || field > FIELD_NUMBER_MAX) throw damaged(start, "a field tag", "none");
    this.field = field;
    this.#wireType = tag % 8;
    this.#readPayload(start + uvarintSize());
    this.#position = this.#payloadEnd;
    return true;
  }

  #readPayload(start: number): void {
    let payloadStart = start;
    let length: number;
    switch (this.#wireType) {
      case WIRE_VARINT:
        length = this.#varintSize(start);
        break;
      case WIRE_BYTES:
        length = readUvarint(this.bytes, start, this.#end);
        payloadStart = start + (length < 0 ? 0 : uvarintSize());
        break;
      case WIRE_FIXED64:
        length = 8;
        break;
      case WIRE_FIXED32:
        length = 4;
        break;
      default:
        throw damaged(start, "a field type", `wire type ${this.#wireType}`);
    }
    if (length < 0 || length > this.#end - payloadStart) {
      throw damaged(start, `a field inside its message`, "a longer one");
    }
    this.#payloadStart = payloadStart;
    this.#payloadEnd = payloadStart + length;
  }

  #varintSize(start: number): number {
    const value = readUvarint(this.bytes, start, this.#end);
    if (value < 0 && value !== UVARINT_TOO_LARGE) {
      throw damaged(start, `a varint of at most ${UVARINT_SIZE_MAX} bytes`, "none");
    }
    return uvarintSize();
  }

  /** Whether the current field is field `field` with a varint; others with its number are ignored. */
  isVarint(field: number): boolean {
    return this.field === field && this.#wireType === WIRE_VARINT;
  }

  /** Whether the current field is field `field` with bytes or a message. */
  isBytes(field: number): boolean {
    return this.field === field && this.#wireType === WIRE_BYTES;
  }

  /** Value of a u64 field; `ERR_UNSUPPORTED_FORMAT` beyond 2^53 − 1. */
  u64(): number {
    const value = readUvarint(this.bytes, this.#payloadStart, this.#payloadEnd);
    if (value === UVARINT_TOO_LARGE) {
      throw new MelesError(
        "ERR_UNSUPPORTED_FORMAT",
        `field ${this.field} holds a number beyond 2^53 - 1, which is not supported`,
      );
    }
    return value;
  }

  /** Value of a u64 field, at most 2^53 − 1: for times, where larger means never. */
  u64Clamped(): number {
    const value = readUvarint(this.bytes, this.#payloadStart, this.#payloadEnd);
    return value === UVARINT_TOO_LARGE ? Number.MAX_SAFE_INTEGER : value;
  }

  /** Where the payload of a bytes field starts. */
  get payloadStart(): number {
    return this.#payloadStart;
  }

  /** Where the payload of a bytes field ends. */
  get payloadEnd(): number {
    return this.#payloadEnd;
  }

  /** The first byte of a bytes field, or `undefined` when it is empty. */
  firstByte(): number | undefined {
    return this.#payloadStart < this.#payloadEnd ? this.bytes[this.#payloadStart] : undefined;
  }

  /** The payload of a bytes field, as a view of the input. */
  view(): Uint8Array {
    return this.bytes.subarray(this.#payloadStart, this.#payloadEnd);
  }
}
