/** Assertions: a failure is a bug in Meles, never a condition a caller should handle. */

class AssertionFailure extends Error {
  override readonly name = "AssertionFailure";
}

/** States what must hold. The message says what was expected, in words. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

/** For the default branch of a switch over a closed union: the compiler proves it unreachable. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unexpected value ${String(value)}`);
}

/** Reads an element that the caller knows to exist. Not for hot loops: use typed arrays and `!`-free accessors there. */
export function at<T>(items: ArrayLike<T>, index: number): T {
  const item = items[index];
  assert(item !== undefined, `index ${index} is outside a list of ${items.length}`);
  return item;
}
