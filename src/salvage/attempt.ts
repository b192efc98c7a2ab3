/** Decoding doubtful bytes: a complaint of ours is an answer, anything else a bug that goes on up. */

import { CorruptionError, MelesError } from "../base/errors.ts";

/** What `decode` returns, or what `otherwise` makes of its complaint. */
export function attempt<T>(decode: () => T, otherwise: (problem: string) => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof MelesError) return otherwise(complaintOf(error));
    throw error;
  }
}

/** What is wrong, without the place, which the listener knows better. */
export function complaintOf(error: MelesError): string {
  if (!(error instanceof CorruptionError)) return error.message;
  return `expected ${error.expected}, found ${error.actual}`;
}
