/** What a simulation did, line by line: a fingerprint of all of it, and the last lines in words. */

const KEPT_LINES = 4000;

export class Trace {
  #fingerprint = 0n;
  #lines: string[] = [];
  count = 0;

  note(line: string): void {
    this.count++;
    this.#fingerprint = Bun.hash.wyhash(line, this.#fingerprint);
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES * 2) this.#lines = this.#lines.slice(-KEPT_LINES);
  }

  /** Two runs with the same fingerprint did the same in the same order. */
  get fingerprint(): string {
    return this.#fingerprint.toString(16);
  }

  last(count: number): string[] {
    return this.#lines.slice(-count);
  }
}
