/** From values of the language to what is stored: keys, values, expiry, user metadata. */

import type { Span } from "../../../grammar/ast.ts";
import { toBytes } from "../../base/bytes.ts";
import type { PutOptions } from "../../database/contract.ts";
import { describeDatum } from "../expression/compiled.ts";
import { Problem } from "../problem.ts";
import { bytesOf, unboxed, type Datum } from "../value/datum.ts";

/** A key is text or bytes: the order of numbers written as text would surprise. */
export function storedKey(datum: Datum, span: Span | undefined): Uint8Array {
  const plain = unboxed(datum);
  if (typeof plain === "string") return toBytes(plain);
  if (plain instanceof Uint8Array) return new Uint8Array(plain);
  const hint = typeof plain === "number" ? "CAST(… AS text) makes it text" : undefined;
  throw new Problem(`a key is text or bytes, found ${describeDatum(plain)}`, span, hint);
}

/** Text as UTF-8, bytes as they are, numbers, booleans and JSON as JSON text. */
export function storedValue(datum: Datum, span: Span | undefined): Uint8Array {
  if (datum === null) {
    const hint = "'' is the empty value; DELETE removes the key";
    throw new Problem("a value cannot be null", span, hint);
  }
  return bytesOf(datum);
}

/** `ttl` in seconds from now; null is never. */
export function ttlOption(datum: Datum, span: Span | undefined): PutOptions {
  const seconds = unboxed(datum);
  if (seconds === null) return { expiresAt: 0 };
  if (typeof seconds === "number" && seconds > 0) return { ttl: seconds };
  throw new Problem(
    `ttl is a number of seconds above 0 or null for never, found ${shown(seconds)}`,
    span,
    "durations are written 90s, 15m, 2h, 7d",
  );
}

/** `expires_at` in unix seconds; null is never. */
export function expiryOption(datum: Datum, span: Span | undefined): PutOptions {
  const seconds = unboxed(datum);
  if (seconds === null) return { expiresAt: 0 };
  if (typeof seconds === "number" && Number.isSafeInteger(seconds) && seconds >= 0) {
    return { expiresAt: seconds };
  }
  throw new Problem(
    `expires_at is a time in whole unix seconds or null for never, found ${shown(seconds)}`,
    span,
  );
}

export function metaOption(datum: Datum, span: Span | undefined): PutOptions {
  const meta = unboxed(datum);
  if (typeof meta === "number" && Number.isInteger(meta) && meta >= 0 && meta <= 255) {
    return { userMeta: meta };
  }
  throw new Problem(`user_meta is a whole number from 0 to 255, found ${shown(meta)}`, span);
}

function shown(datum: Datum): string {
  return typeof datum === "number" ? String(datum) : describeDatum(datum);
}
