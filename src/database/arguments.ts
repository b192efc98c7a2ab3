/** Checks of what callers pass in, all before any effect. */

import { EMPTY_BYTES, keyAfter, prefixEnd, startsWith, toBytes } from "../base/bytes.ts";
import { compareBytes } from "../base/bytes.ts";
import { MelesError } from "../base/errors.ts";
import { KEY_SIZE_MAX, RESERVED_KEY_PREFIX } from "../base/ids.ts";
import type { BannedNamespaces } from "../format/namespace.ts";
import type { Key, PutOptions, Range, Value } from "./contract.ts";

/** A key to read: any non-empty byte string outside of banned namespaces; what cannot exist is simply not found. */
export function readKey(key: Key, banned?: BannedNamespaces): Uint8Array {
  if (typeof key !== "string" && !(key instanceof Uint8Array)) {
    throw invalid("a key is a string or a Uint8Array");
  }
  if (key.length === 0) {
    throw new MelesError("ERR_EMPTY_KEY", "a key has at least one byte");
  }
  const bytes = toBytes(key);
  if (banned?.hides(bytes, 0, bytes.length) === true) throw inBannedNamespace();
  return bytes;
}

function inBannedNamespace(): MelesError {
  return new MelesError(
    "ERR_BANNED",
    "the key is in a banned namespace, which can be neither read nor written",
  );
}

/** A key to write. */
export function writeKey(key: Key, banned: BannedNamespaces): Uint8Array {
  const bytes = readKey(key, banned);
  if (bytes.length > KEY_SIZE_MAX) {
    throw new MelesError(
      "ERR_KEY_TOO_LARGE",
      `a key of ${bytes.length} bytes exceeds the limit of ${KEY_SIZE_MAX}`,
    );
  }
  if (bytes[0] === RESERVED_KEY_PREFIX[0] && startsWith(bytes, RESERVED_KEY_PREFIX)) {
    throw new MelesError(
      "ERR_RESERVED_KEY",
      'keys that start with "!badger!" belong to the engine',
    );
  }
  return bytes;
}

export function writeValue(value: Value, sizeMax: number): Uint8Array {
  if (typeof value !== "string" && !(value instanceof Uint8Array)) {
    throw invalid("a value is a string or a Uint8Array");
  }
  const bytes = toBytes(value);
  if (bytes.length > sizeMax) {
    throw new MelesError(
      "ERR_VALUE_TOO_LARGE",
      `a value of ${bytes.length} bytes exceeds the limit of ${sizeMax}, the value-log file size`,
    );
  }
  return bytes;
}

/** Bytes nobody else can change: strings were encoded into fresh ones, callers' arrays are copied. */
export function owned(given: Key | Value, bytes: Uint8Array): Uint8Array {
  return typeof given === "string" ? bytes : bytes.slice();
}

/** Largest expiry that is kept exactly. */
const EXPIRY_MAX = Number.MAX_SAFE_INTEGER;

/** `expiresAt` in unix seconds from either option; 0 = never. */
export function expiryOf(options: PutOptions | undefined, nowMs: number): number {
  if (options === undefined) return 0;
  const { ttl, expiresAt } = options;
  if (ttl !== undefined && expiresAt !== undefined) {
    throw invalid("ttl and expiresAt exclude each other");
  }
  if (ttl !== undefined) {
    if (typeof ttl !== "number" || !(ttl > 0) || ttl > EXPIRY_MAX / 1000) {
      throw invalid("ttl is a positive number of seconds");
    }
    return Math.ceil(nowMs / 1000 + ttl);
  }
  if (expiresAt === undefined) return 0;
  if (!Number.isSafeInteger(expiresAt) || expiresAt < 0) {
    throw invalid("expiresAt is a whole number of unix seconds, 0 for never");
  }
  return expiresAt;
}

export function userMetaOf(options: PutOptions | undefined): number {
  const userMeta = options?.userMeta ?? 0;
  if (!Number.isInteger(userMeta) || userMeta < 0 || userMeta > 255) {
    throw invalid("userMeta is a whole number from 0 to 255");
  }
  return userMeta;
}

/** A range with its bounds decided: lower inclusive, upper exclusive, `undefined` = open. */
export interface Bounds {
  readonly lower: Uint8Array | undefined;
  readonly upper: Uint8Array | undefined;
  readonly reverse: boolean;
  readonly limit: number;
  readonly keysOnly: boolean;
  readonly allVersions: boolean;
  /** −1 = everything. */
  readonly since: number;
  /** Nothing can lie between the bounds. */
  readonly isEmpty: boolean;
}

const RANGE_NAMES: ReadonlySet<string> = new Set<keyof Range>([
  "prefix",
  "gt",
  "gte",
  "lt",
  "lte",
  "reverse",
  "limit",
  "keysOnly",
  "allVersions",
  "since",
]);

export function boundsOf(range: Range = {}): Bounds {
  if (typeof range !== "object" || range === null) throw invalid("a range is an object");
  for (const name of Object.keys(range)) {
    if (!RANGE_NAMES.has(name)) throw invalid(`a range has no field ${name}`);
  }
  let lower: Uint8Array | undefined;
  let upper: Uint8Array | undefined;
  const raise = (bound: Uint8Array): void => {
    if (lower === undefined || compareBytes(bound, lower) > 0) lower = bound;
  };
  const cut = (bound: Uint8Array): void => {
    if (upper === undefined || compareBytes(bound, upper) < 0) upper = bound;
  };
  if (range.prefix !== undefined) {
    const prefix = boundKey(range.prefix, "prefix");
    if (prefix.length > 0) raise(prefix);
    const end = prefixEnd(prefix);
    if (end !== undefined) cut(end);
  }
  if (range.gte !== undefined) raise(boundKey(range.gte, "gte"));
  if (range.gt !== undefined) raise(keyAfter(boundKey(range.gt, "gt")));
  if (range.lt !== undefined) cut(boundKey(range.lt, "lt"));
  if (range.lte !== undefined) cut(keyAfter(boundKey(range.lte, "lte")));
  const limit = range.limit ?? Number.POSITIVE_INFINITY;
  if (typeof limit !== "number" || !(limit >= 0)) throw invalid("limit is a number, 0 or more");
  const since = range.since ?? -1;
  if (typeof since !== "number" || Number.isNaN(since)) throw invalid("since is a version");
  return {
    lower,
    upper,
    reverse: flagOf(range.reverse, "reverse"),
    limit,
    keysOnly: flagOf(range.keysOnly, "keysOnly"),
    allVersions: flagOf(range.allVersions, "allVersions"),
    // Badger: since 0 means everything.
    since: since <= 0 ? -1 : since,
    isEmpty: upper !== undefined && compareBytes(upper, lower ?? EMPTY_BYTES) <= 0,
  };
}

function flagOf(flag: boolean | undefined, name: string): boolean {
  if (flag === undefined) return false;
  if (typeof flag !== "boolean") throw invalid(`${name} of a range is true or false`);
  return flag;
}

function boundKey(key: Key, name: string): Uint8Array {
  if (typeof key === "string") return toBytes(key);
  if (key instanceof Uint8Array) return toBytes(key).slice();
  throw invalid(`${name} of a range is a string or a Uint8Array`);
}

export function invalid(problem: string): MelesError {
  return new MelesError("ERR_INVALID_ARGUMENT", problem);
}
