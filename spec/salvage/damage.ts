/** Damage done to a directory, from a seed, with an account of the bytes that it has touched. */

import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { Files, Span } from "./inventory.ts";

export interface Damaged {
  readonly files: Map<string, Uint8Array>;
  /** Stretches of the original files that are no longer to be had. */
  readonly spans: readonly Span[];
  /** What was done, for messages. */
  readonly told: readonly string[];
}

const EVERYTHING = 2 ** 40;

export function damage(files: Files, seed: number): Damaged {
  const random = new SeededRandom(seed);
  const result = new Damage(files, random);
  for (let count = 1 + random.below(3); count > 0; count--) result.strike();
  return result;
}

class Damage implements Damaged {
  readonly files: Map<string, Uint8Array>;
  readonly spans: Span[] = [];
  readonly told: string[] = [];
  readonly #random: SeededRandom;
  /** Whose content a name holds now: files may change places. */
  readonly #origin = new Map<string, string>();

  constructor(files: Files, random: SeededRandom) {
    this.files = new Map([...files].map(([name, bytes]) => [name, bytes.slice()]));
    for (const name of files.keys()) this.#origin.set(name, name);
    this.#random = random;
  }

  strike(): void {
    const names = [...this.files.keys()].filter((name) => name !== "DISCARD");
    const name = names[this.#random.below(names.length)];
    if (name === undefined) return;
    const bytes = this.files.get(name) as Uint8Array;
    switch (this.#random.below(8)) {
      case 0:
        return this.#cut(name, bytes);
      case 1:
        return this.#remove(name);
      case 2:
        return this.#swap(name, names);
      case 3:
        return this.#overwrite(name, bytes, 1 + this.#random.below(3000), "zeros");
      case 4:
        return this.#overwrite(name, bytes, 1 + this.#random.below(3000), "noise");
      default:
        return this.#flip(name, bytes);
    }
  }

  #flip(name: string, bytes: Uint8Array): void {
    for (let count = 1 + this.#random.below(6); count > 0 && bytes.length > 0; count--) {
      const at = this.#random.below(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << this.#random.below(8));
      this.#touch(name, at, at + 1);
      this.told.push(`${name}: a bit of byte ${at}`);
    }
  }

  #overwrite(name: string, bytes: Uint8Array, length: number, by: "zeros" | "noise"): void {
    const start = this.#random.below(Math.max(1, bytes.length));
    const end = Math.min(bytes.length, start + length);
    if (by === "zeros") bytes.fill(0, start, end);
    else this.#random.fill(bytes.subarray(start, end));
    this.#touch(name, start, end);
    this.told.push(`${name}: ${by} from ${start} to ${end}`);
  }

  #cut(name: string, bytes: Uint8Array): void {
    const size = this.#random.below(bytes.length + 1);
    this.files.set(name, bytes.slice(0, size));
    this.#touch(name, size, EVERYTHING);
    this.told.push(`${name}: cut to ${size} of ${bytes.length} bytes`);
  }

  #remove(name: string): void {
    this.files.delete(name);
    this.#touch(name, 0, EVERYTHING);
    this.told.push(`${name}: removed`);
  }

  /** Two files of a kind change places. */
  #swap(name: string, names: readonly string[]): void {
    const kind = name.slice(name.lastIndexOf("."));
    const others = names.filter((other) => other !== name && other.endsWith(kind));
    const other = others[this.#random.below(others.length || 1)];
    if (other === undefined) return;
    const bytes = this.files.get(name) as Uint8Array;
    this.files.set(name, this.files.get(other) as Uint8Array);
    this.files.set(other, bytes);
    const origin = this.#origin.get(name) as string;
    this.#origin.set(name, this.#origin.get(other) as string);
    this.#origin.set(other, origin);
    this.told.push(`${name} and ${other} have changed places`);
  }

  #touch(name: string, start: number, end: number): void {
    this.spans.push({ file: this.#origin.get(name) as string, start, end });
  }
}

/** Whether any damage touches the span. */
export function isTouched({ file, start, end }: Span, spans: readonly Span[]): boolean {
  return spans.some((span) => span.file === file && span.start < end && span.end > start);
}
