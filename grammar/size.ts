/**
 * How large a statement may be. Values may be large, so long literals may; but every token costs memory
 * (about 1 KB by the time it is a tree), and a text without end must not take all there is.
 */

import { codeLength } from "./scan.ts";

/** Characters of one statement. */
export const STATEMENT_LENGTH_MAX = 1 << 28;
/** … that lie neither in quotes nor in comments. */
export const CODE_LENGTH_MAX = 8 << 20;
/** Words, numbers, literals and signs of one statement. */
export const TOKENS_MAX = 600_000;

const ADVICE = "cut it into several statements, or read the data with IMPORT or meles load";

/** What is wrong with the size of a statement's text; `undefined` when it may be read. */
export function tooLong(text: string): { message: string; hint: string } | undefined {
  if (text.length <= CODE_LENGTH_MAX) return undefined;
  if (text.length > STATEMENT_LENGTH_MAX) {
    const message = `a statement is longer than ${STATEMENT_LENGTH_MAX >> 20} million characters`;
    return { message, hint: ADVICE };
  }
  if (codeLength(text) <= CODE_LENGTH_MAX) return undefined;
  const message = `a statement has more than ${CODE_LENGTH_MAX >> 20} million characters outside of literals`;
  return { message, hint: ADVICE };
}

export const TOO_MANY_TOKENS = {
  message: `a statement has more than ${TOKENS_MAX} words and signs`,
  hint: ADVICE,
};
