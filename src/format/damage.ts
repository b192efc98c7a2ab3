/**
 * How decoders of this layer report damage. A decoder sees bytes, not files: it reports the offset
 * within the bytes it was given, and whoever knows the file completes the report with `located`.
 */

import { CorruptionError } from "../base/errors.ts";

/** A damage report by a decoder that does not know the file. `offset` counts from the start of its input. */
export function damaged(
  offset: number,
  expected: string,
  actual: string,
  cause?: unknown,
): CorruptionError {
  return new CorruptionError({ file: "", offset, expected, actual, cause });
}

/** The same report with the file's name and the offset counted from the start of the file; other errors pass through. */
export function located(error: unknown, file: string, baseOffset: number): unknown {
  if (!(error instanceof CorruptionError) || error.file !== "") return error;
  return new CorruptionError({
    file,
    offset: baseOffset + error.offset,
    expected: error.expected,
    actual: error.actual,
    cause: error.cause,
  });
}

/** Damage that a power cut explains: a sector reads as zeros, as one does that never reached the disk. */
export class LostWriteError extends CorruptionError {}
