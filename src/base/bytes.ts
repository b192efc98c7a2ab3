/**
 * Byte strings: comparison, copies, text. Keys are compared as unsigned bytes, a proper prefix sorts
 * first. The `(bytes, offset, length)` forms exist so that hot code never allocates a subarray.
 */

const encoder = new TextEncoder();
// A leading U+FEFF is text like any other: what was put must come back.
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

/** A string's UTF-8 bytes; bytes pass through uncopied, as a plain array: `slice` of a Buffer is no copy. */
export function toBytes(value: string | Uint8Array): Uint8Array {
  if (typeof value === "string") return encoder.encode(value);
  if (value.constructor === Uint8Array) return value;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** Text of bytes; invalid UTF-8 becomes U+FFFD. */
export function toText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Text of bytes, or `undefined` when they are not valid UTF-8. */
export function toTextStrict(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Negative, zero or positive, as `a` sorts before, with or after `b`. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return compareRange(a, 0, a.length, b, 0, b.length);
}

/** Like `compareBytes` for two slices given by start and length. */
export function compareRange(
  a: Uint8Array,
  aStart: number,
  aLength: number,
  b: Uint8Array,
  bStart: number,
  bLength: number,
): number {
  const common = aLength < bLength ? aLength : bLength;
  for (let i = 0; i < common; i++) {
    const difference = (a[aStart + i] as number) - (b[bStart + i] as number);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareRange(a, 0, a.length, b, 0, b.length) === 0;
}

export function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return (
    bytes.length >= prefix.length &&
    compareRange(bytes, 0, prefix.length, prefix, 0, prefix.length) === 0
  );
}

/** How many leading bytes two slices share. */
export function commonPrefixLength(a: Uint8Array, b: Uint8Array): number {
  const limit = a.length < b.length ? a.length : b.length;
  let i = 0;
  while (i < limit && a[i] === b[i]) i++;
  return i;
}

/**
 * The smallest byte string that sorts after every string starting with `prefix`, or `undefined` when
 * there is none (the prefix is empty or all 0xff).
 */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const byte = prefix[i] as number;
    if (byte !== 0xff) {
      const end = prefix.slice(0, i + 1);
      end[i] = byte + 1;
      return end;
    }
  }
  return undefined;
}

/** The smallest byte string that sorts after `key`: `key` followed by a zero byte. */
export function keyAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
