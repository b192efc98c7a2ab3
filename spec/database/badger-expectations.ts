/** What Badger itself read from its directories: the `.jsonl.gz` files beside the archives. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Entry } from "../../src/database/contract.ts";
import { FIXTURES } from "../fixtures/unpack.ts";

export interface ExpectedEntry {
  /** Base64, as the value. */
  readonly key: string;
  /** Absent for long values: then `sha256`, in hex. */
  readonly value?: string;
  readonly sha256?: string;
  readonly length: number;
  readonly version: number;
  readonly userMeta: number;
  readonly expiresAt: number;
  readonly deleted?: boolean;
}

export function readExpectations(name: string): ExpectedEntry[] {
  const packed = new Uint8Array(readFileSync(join(FIXTURES, `${name}.jsonl.gz`)));
  const text = new TextDecoder().decode(Bun.gunzipSync(packed));
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as ExpectedEntry);
}

/** An expectation as text. */
export function expectedText(entry: ExpectedEntry): string {
  const { key, version, userMeta, expiresAt, length, deleted } = entry;
  const value = entry.sha256 ?? sha256(Buffer.from(entry.value ?? "", "base64"));
  return `${key}@${version} meta ${userMeta} expires ${expiresAt} ${deleted === true ? "deleted" : `${length} ${value}`}`;
}

/** An entry as the same text. */
export function entryText(entry: Entry): string {
  const { key, version, userMeta, expiresAt, value, deleted } = entry;
  const shown = deleted ? "deleted" : `${value.length} ${sha256(value)}`;
  return `${Buffer.from(key).toString("base64")}@${version} meta ${userMeta} expires ${expiresAt} ${shown}`;
}

function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}
