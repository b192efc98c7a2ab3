/** Bytes that grow by doubling. For builders. */

export class GrowableBytes {
  items: Uint8Array;
  length = 0;

  constructor(capacity = 4096) {
    this.items = new Uint8Array(capacity);
  }

  /** Appends `bytes[start, end)`. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.items.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.items.length));
      grown.set(this.items.subarray(0, this.length));
      this.items = grown;
    }
    this.items.set(bytes.subarray(start, end), this.length);
    this.length = length;
  }

  /** The bytes so far, as a view. */
  view(): Uint8Array {
    return this.items.subarray(0, this.length);
  }
}
