/**
 * Runs a collection script: what files there are, what is wanted, what is condemned.
 *
 *     goal space=1.2 slack=1M share=0.15 move=64M
 *     file #3 256M live=100M [busy]
 *     clear                     forget all files
 *     pick                      files to empty, and what that costs and frees
 *     run                       pick again and again, as if the live values went into one new, full file
 */

import { at } from "../../../src/base/assert.ts";
import {
  type CollectionGoal,
  garbageShare,
  pickCondemned,
  type ValueLogFileState,
} from "../../../src/value-log/collection-policy.ts";

const UNITS: Readonly<Record<string, number>> = { K: 1 << 10, M: 1 << 20, G: 1 << 30 };
const RUNS_MAX = 20;

export class CollectionScript {
  #goal: CollectionGoal = {
    spaceAmplification: 1.2,
    slackBytes: 1 << 20,
    garbageShareMin: 0.15,
    moveBytesMax: 64 << 20,
  };
  #files: ValueLogFileState[] = [];
  #lines: string[] = [];

  /** What the commands print. */
  run(commands: readonly string[]): string {
    this.#lines = [];
    for (const command of commands) {
      const [name = "", ...words] = command.trim().split(/\s+/);
      this.#do(name, words);
    }
    return this.#lines.join("\n");
  }

  #do(name: string, words: readonly string[]): void {
    const given = new Map(words.map((word) => word.split("=") as [string, string | undefined]));
    switch (name) {
      case "goal":
        this.#goal = {
          spaceAmplification: Number(given.get("space")),
          slackBytes: bytesOf(given.get("slack") ?? "0"),
          garbageShareMin: Number(given.get("share")),
          moveBytesMax: bytesOf(given.get("move") ?? "64M"),
        };
        return;
      case "file":
        this.#files.push({
          file: Number(at(words, 0).slice(1)),
          sizeBytes: bytesOf(at(words, 1)),
          liveBytes: bytesOf(given.get("live") ?? "0"),
          isBusy: words.includes("busy"),
        });
        return;
      case "clear":
        this.#files = [];
        return;
      case "pick":
        this.#pick();
        return;
      case "run":
        for (let i = 0; this.#pick() && i < RUNS_MAX; i++);
        return;
      default:
        throw new Error(`not a command: ${name}`);
    }
  }

  #pick(): boolean {
    const numbers = pickCondemned(this.#files, this.#goal);
    const condemned = numbers.map((file) => this.#fileOf(file));
    const total = this.#files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const live = this.#files.reduce((sum, { liveBytes }) => sum + liveBytes, 0);
    const space = live === 0 ? "nothing lives" : `${(total / live).toFixed(2)} × live`;
    if (condemned.length === 0) {
      this.#lines.push(`nothing to do at ${space}`);
      return false;
    }
    const moved = condemned.reduce((sum, { liveBytes }) => sum + liveBytes, 0);
    const freed = condemned.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) - moved;
    const names = condemned.map(
      (file) => `#${file.file} (${Math.round(garbageShare(file) * 100)} %)`,
    );
    this.#lines.push(
      `at ${space}: ${names.join(", ")}; moves ${shown(moved)}, frees ${shown(freed)}`,
    );
    this.#files = this.#files.filter(({ file }) => !numbers.includes(file));
    const next = 1 + Math.max(0, ...this.#files.map(({ file }) => file), ...numbers);
    if (moved > 0) {
      this.#files.push({ file: next, sizeBytes: moved, liveBytes: moved, isBusy: false });
    }
    return true;
  }

  #fileOf(file: number): ValueLogFileState {
    const found = this.#files.find((one) => one.file === file);
    if (found === undefined) throw new Error(`no file #${file}`);
    return found;
  }
}

function bytesOf(text: string): number {
  const unit = UNITS[text.at(-1) ?? ""];
  return unit === undefined ? Number(text) : Number(text.slice(0, -1)) * unit;
}

function shown(bytes: number): string {
  if (bytes < 1 << 10) return String(bytes);
  const unit = bytes < 1 << 20 ? "K" : bytes < 1 << 30 ? "M" : "G";
  return `${Number((bytes / (UNITS[unit] as number)).toFixed(1))}${unit}`;
}
