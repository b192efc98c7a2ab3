/** The bare work that no store can do without, in pieces, to be measured beside it. */

import { closeSync, fdatasyncSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { Xorshift } from "./data.ts";

/**
 * `append`: write blocks to a file; `sync`: the same, each followed by `fdatasync`. `pread`: read blocks
 * at random offsets into fresh memory. `memcpy`: copy blocks from random offsets.
 */
export type BareWork = "append" | "sync" | "pread" | "memcpy";

const SEED = 2_463_534_242;
/** In the file and in the memory that are read: more than the caches of a processor hold. */
const BLOCKS = 8192;

export class BareLoop {
  readonly #work: BareWork;
  readonly #path: string;
  readonly #file: number;
  readonly #block: Uint8Array;
  readonly #memory: Uint8Array;
  readonly #random = new Xorshift(SEED);

  constructor(work: BareWork, path: string, blockBytes: number) {
    this.#work = work;
    this.#path = path;
    this.#file = openSync(path, "w+");
    this.#block = new Uint8Array(blockBytes).fill(0x61);
    this.#memory = work === "memcpy" ? new Uint8Array(BLOCKS * blockBytes).fill(0x62) : this.#block;
    if (work === "pread") for (let i = 0; i < BLOCKS; i++) writeSync(this.#file, this.#block);
  }

  run(ops: number): void {
    const size = this.#block.length;
    for (let i = 0; i < ops; i++) {
      switch (this.#work) {
        case "append":
          writeSync(this.#file, this.#block);
          break;
        case "sync":
          writeSync(this.#file, this.#block);
          fdatasyncSync(this.#file);
          break;
        case "pread":
          readSync(this.#file, new Uint8Array(size), 0, size, this.#random.below(BLOCKS) * size);
          break;
        case "memcpy": {
          const at = this.#random.below(BLOCKS) * size;
          this.#block.set(this.#memory.subarray(at, at + size));
        }
      }
    }
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#path);
  }
}
