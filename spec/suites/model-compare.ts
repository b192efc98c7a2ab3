/** How a model run compares: answers as text, the first difference as an error. */

import { MelesError } from "../../src/base/errors.ts";
import type { Version } from "../../src/base/ids.ts";
import type { Entry, Range, Scan } from "../../src/database/contract.ts";

export function sameEntries(
  real: readonly (Entry | undefined)[],
  naive: readonly (Entry | undefined)[],
  what: string,
): void {
  const ours = real.map((entry) => describe(entry));
  const theirs = naive.map((entry) => describe(entry));
  for (let i = 0; i < Math.max(ours.length, theirs.length); i++) {
    if (ours[i] !== theirs[i]) {
      throw new Error(`${what}: entry ${i} of ${ours.length} is ${ours[i]}, twin: ${theirs[i]}`);
    }
  }
}

export function sameBytes(
  real: Iterable<Uint8Array>,
  naive: Iterable<Uint8Array>,
  what: string,
): void {
  const ours = [...real].map((bytes) => bytes.toHex()).join();
  const theirs = [...naive].map((bytes) => bytes.toHex()).join();
  same(ours, theirs, what);
}

export function same(real: unknown, naive: unknown, what: string): void {
  if (real !== naive) throw new Error(`${what}: ${String(real)}, twin: ${String(naive)}`);
}

/** The values a `forEach` shows before it is stopped after `limit` of them. */
export function visited(scan: Scan, limit: number): Uint8Array[] {
  const seen: Uint8Array[] = [];
  scan.forEach((key, value) => {
    seen.push(key.slice(), value.slice());
    return seen.length < limit * 2;
  });
  return seen;
}

function describe(entry: Entry | undefined): string | undefined {
  if (entry === undefined) return undefined;
  const { key, value, userMeta, expiresAt, valueSize } = entry;
  return `${key.toHex()}=${value.toHex()} meta ${userMeta} expires ${expiresAt} size ${valueSize}`;
}

export function show(range: Range): string {
  return JSON.stringify(range, (_, value: unknown) =>
    value instanceof Uint8Array ? value.toHex() : value,
  );
}

export async function outcome(commit: Promise<Version>): Promise<Version | string> {
  try {
    return await commit;
  } catch (error) {
    if (error instanceof MelesError && error.code === "ERR_CONFLICT") return error.code;
    throw error;
  }
}
