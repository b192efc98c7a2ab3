/**
 * LIKE: `%` stands for any run, `_` for one character, a backslash takes the next character as it is.
 * Case matters. Matching works on UTF-8 bytes, so bytes and text behave alike, and `LIKE 'p%'` is exactly a
 * range of keys. A byte that is not part of valid UTF-8 counts as one character.
 */

import { concatBytes, EMPTY_BYTES, equalBytes, startsWith, toBytes } from "../../base/bytes.ts";

/** Literal bytes, or a wildcard. */
type Part = Uint8Array | "any" | "one";

export class LikePattern {
  /** Literal bytes that every match starts with. */
  readonly prefix: Uint8Array;
  /** What follows the prefix: nothing, one `%` only, or anything else. */
  readonly shape: "exact" | "prefix" | "general";
  readonly #parts: readonly Part[];

  constructor(pattern: string) {
    this.#parts = partsOf(pattern);
    const first = this.#parts[0];
    this.prefix = first instanceof Uint8Array ? first : EMPTY_BYTES;
    const rest = first instanceof Uint8Array ? this.#parts.slice(1) : this.#parts;
    this.shape =
      rest.length === 0 ? "exact" : rest.length === 1 && rest[0] === "any" ? "prefix" : "general";
  }

  matches(bytes: Uint8Array): boolean {
    if (this.shape === "exact") return equalBytes(bytes, this.prefix);
    if (!startsWith(bytes, this.prefix)) return false;
    return this.shape === "prefix" || this.#matchesParts(bytes);
  }

  /** Greedy with one step back: to the last `%` seen. Linear in text times pattern, never exponential. */
  #matchesParts(bytes: Uint8Array): boolean {
    const parts = this.#parts;
    let at = 0;
    let part = 0;
    let retryPart = -1;
    let retryAt = 0;
    for (;;) {
      const current = parts[part];
      if (current === "any") {
        part++;
        if (part === parts.length) return true;
        retryPart = part;
        retryAt = at;
        continue;
      }
      const length =
        current === undefined ? (at === bytes.length ? 0 : -1) : matchLength(bytes, at, current);
      if (length >= 0) {
        if (current === undefined) return true;
        at += length;
        part++;
        continue;
      }
      if (retryPart < 0 || retryAt >= bytes.length) return false;
      retryAt += characterLength(bytes, retryAt);
      at = retryAt;
      part = retryPart;
    }
  }
}

/** Bytes that `part` takes at `at`, or −1. */
function matchLength(bytes: Uint8Array, at: number, part: Uint8Array | "one"): number {
  if (part === "one") return at < bytes.length ? characterLength(bytes, at) : -1;
  if (at + part.length > bytes.length) return -1;
  for (let i = 0; i < part.length; i++) {
    if (bytes[at + i] !== part[i]) return -1;
  }
  return part.length;
}

/** Length of the UTF-8 character at `at`; 1 for a byte that does not start one. */
export function characterLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  const length = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
  for (let i = 1; i < length; i++) {
    if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 1;
  }
  return length;
}

function partsOf(pattern: string): Part[] {
  const parts: Part[] = [];
  let literal = "";
  const flush = (): void => {
    const last = parts.at(-1);
    if (literal === "") return;
    if (last instanceof Uint8Array) parts[parts.length - 1] = concatBytes(last, toBytes(literal));
    else parts.push(toBytes(literal));
    literal = "";
  };
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern.charAt(i);
    if (character === "\\" && i + 1 < pattern.length) {
      literal += pattern.charAt(++i);
    } else if (character === "%" || character === "_") {
      flush();
      if (character === "_") parts.push("one");
      else if (parts.at(-1) !== "any") parts.push("any");
    } else {
      literal += character;
    }
  }
  flush();
  return parts;
}
