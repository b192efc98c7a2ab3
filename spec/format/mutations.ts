/** Ways to spoil bytes: single bits, extreme numbers, cuts, insertions, repeats, and pieces of other samples. */

import type { Seeded } from "./seeded.ts";

const EXTREMES = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];

/** A spoiled copy; one to four mutations on top of each other. */
export function mutated(
  good: Uint8Array,
  others: readonly Uint8Array[],
  random: Seeded,
): Uint8Array {
  let bytes: Uint8Array = good.slice();
  for (let left = 1 + random.below(4); left > 0; left--) bytes = mutateOnce(bytes, others, random);
  return bytes;
}

function mutateOnce(bytes: Uint8Array, others: readonly Uint8Array[], random: Seeded): Uint8Array {
  if (bytes.length === 0) return random.bytes(random.below(40));
  const at = random.below(bytes.length);
  switch (random.below(8)) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
      return bytes;
    case 1:
      bytes[at] = random.u32();
      return bytes;
    case 2:
      bytes.fill(EXTREMES[random.below(EXTREMES.length)] as number, at, at + 1 + random.below(9));
      return bytes;
    case 3:
      return bytes.slice(0, at);
    case 4:
      return bytes.slice(at);
    case 5:
      return spliced(bytes, at, at, random.bytes(1 + random.below(12)));
    case 6: {
      const end = Math.min(bytes.length, at + 1 + random.below(64));
      return spliced(bytes, at, random.below(2) === 0 ? at : end, bytes.slice(at, end));
    }
    default: {
      const other = others[random.below(others.length)] ?? bytes;
      const start = random.below(other.length + 1);
      return spliced(bytes, at, at, other.slice(start, start + random.below(64)));
    }
  }
}

function spliced(bytes: Uint8Array, start: number, end: number, piece: Uint8Array): Uint8Array {
  const result = new Uint8Array(start + piece.length + bytes.length - end);
  result.set(bytes.subarray(0, start));
  result.set(piece, start);
  result.set(bytes.subarray(end), start + piece.length);
  return result;
}
