/**
 * Namespaces, Badger's: where the option says so, eight bytes at one place of a key name its namespace,
 * and some namespaces are banned.
 *
 *     key of a user     … `offset` bytes … | namespace u64 BE | at least one more byte
 *     record of a ban   `!badger!banned` | namespace u64 BE, without a value
 *
 * Frozen. A key of `offset` + 8 bytes or fewer is in no namespace, and neither is a key of the engine.
 */

import { startsWith, toBytes } from "../base/bytes.ts";
import { RESERVED_KEY_PREFIX } from "../base/ids.ts";
import { readU32BE } from "./integers.ts";

const NAMESPACE_BYTES = 8;
export const NAMESPACE_MAX = 2n ** 64n - 1n;
/** Begins the keys under which bans are stored. Frozen. */
export const BAN_PREFIX: Uint8Array = toBytes("!badger!banned");

export function encodeBan(namespace: bigint): Uint8Array {
  const key = new Uint8Array(BAN_PREFIX.length + NAMESPACE_BYTES);
  key.set(BAN_PREFIX);
  new DataView(key.buffer).setBigUint64(BAN_PREFIX.length, namespace);
  return key;
}

/** The namespace in the key of a ban; `undefined` when that is something else. */
export function decodeBan(key: Uint8Array): bigint | undefined {
  if (key.length !== BAN_PREFIX.length + NAMESPACE_BYTES || !startsWith(key, BAN_PREFIX)) {
    return undefined;
  }
  return new DataView(key.buffer, key.byteOffset).getBigUint64(BAN_PREFIX.length);
}

/** The banned namespaces of a database. Asking allocates nothing: the halves of a number are looked up. */
export class BannedNamespaces {
  /** Place of the namespace in a key; negative: keys have none. */
  readonly offset: number;
  readonly #lowByHigh = new Map<number, Set<number>>();
  readonly #all = new Set<bigint>();

  constructor(offset: number) {
    this.offset = offset;
  }

  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  /** Ascending. */
  list(): bigint[] {
    return [...this.#all].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }

  add(namespace: bigint): void {
    const high = Number(namespace >> 32n);
    const low = Number(namespace & 0xffff_ffffn);
    const lows = this.#lowByHigh.get(high);
    if (lows === undefined) this.#lowByHigh.set(high, new Set([low]));
    else lows.add(low);
    this.#all.add(namespace);
  }

  /** Whether this key is in a banned namespace. */
  hides(bytes: Uint8Array, start: number, length: number): boolean {
    if (this.#all.size === 0 || length <= this.offset + NAMESPACE_BYTES) return false;
    const at = start + this.offset;
    if (!this.#lowByHigh.get(readU32BE(bytes, at))?.has(readU32BE(bytes, at + 4))) return false;
    return !isReserved(bytes, start, length);
  }
}

function isReserved(bytes: Uint8Array, start: number, length: number): boolean {
  if (length < RESERVED_KEY_PREFIX.length) return false;
  for (let i = 0; i < RESERVED_KEY_PREFIX.length; i++) {
    if (bytes[start + i] !== RESERVED_KEY_PREFIX[i]) return false;
  }
  return true;
}
