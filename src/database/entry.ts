/** `Entry` as callers get it: bytes of their own, with the two usual views of a value. */

import { toText } from "../base/bytes.ts";
import { MelesError } from "../base/errors.ts";
import type { Version } from "../base/ids.ts";
import type { Entry } from "./contract.ts";

export class OwnedEntry implements Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly version: Version;
  readonly userMeta: number;
  readonly expiresAt: number;
  readonly deleted: boolean;
  readonly valueSize: number;

  constructor(
    key: Uint8Array,
    value: Uint8Array,
    version: Version,
    userMeta: number,
    expiresAt: number,
    deleted: boolean,
    valueSize: number,
  ) {
    this.key = key;
    this.value = value;
    this.version = version;
    this.userMeta = userMeta;
    this.expiresAt = expiresAt;
    this.deleted = deleted;
    this.valueSize = valueSize;
  }

  text(): string {
    return toText(this.value);
  }

  json(): unknown {
    try {
      return JSON.parse(this.text());
    } catch (error) {
      throw new MelesError("ERR_INVALID_ARGUMENT", "the value is not JSON", { cause: error });
    }
  }
}
