/** Decoding doubtful bytes: a complaint of ours is an answer, anything else a bug that goes on up. */

import { MelesError } from "../base/errors.ts";

/** What `decode` returns, or what `otherwise` makes of its complaint. */
export function attempt<T>(decode: () => T, otherwise: (problem: string) => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof MelesError) return otherwise(error.message);
    throw error;
  }
}
