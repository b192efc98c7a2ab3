/**
 * Runs a compaction script: text in, text out. A script is a list of blocks; each block is commands, a
 * line `----`, and what they print.
 *
 *     options base=10M multiplier=10 levels=7 table=2M growth=2 zero=5
 *     state discard=1000 now=1000 [memtables-may-hold-older]
 *     table L0 a..z 64M [#5] [v=9] [n=1000] [del=500] [end=900] [stale=1M] [expires=10..20] [unordered]
 *     tables L6 x100 64M        100 tables that share the whole key space
 *     clear                     forget all tables
 *     show                      levels with targets and scores
 *     pick                      what is chosen, without doing it
 *     busy                      pick, and leave it running
 *     step                      pick and do it
 *     run                       steps until there is nothing to do, then show
 *     load 40 x 64M random      flushes of that size, with steps in between; a line when the base moves
 *
 * Doing is simulated: bytes and entries add up, markers that reach the bottom go with what they delete.
 */

import { toText } from "../../../src/base/bytes.ts";
import { applyPlan, planInputs, totalBytes } from "../../../src/compaction/compaction-plan.ts";
import type { CompactionPlan } from "../../../src/compaction/compaction-plan.ts";
import { hullOf } from "../../../src/compaction/key-span.ts";
import { levelScores } from "../../../src/compaction/level-scores.ts";
import { levelTargets } from "../../../src/compaction/level-targets.ts";
import { pickCompaction } from "../../../src/compaction/leveled-policy.ts";
import type { CompactionOptions, CompactionState } from "../../../src/compaction/leveled-policy.ts";
import type { TableMeta, TreeVersion } from "../../../src/manifest/version.ts";
import { BADGER_SHAPE, table, tree } from "../../compaction/tables.ts";
import type { TableFields } from "../../compaction/tables.ts";

const UNITS = ["", "K", "M", "G", "T", "P"];
const ENTRY_BYTES = 1024;
/** Simulated keys are numbers below this, as fixed-width text. */
const KEY_SPACE = 36 ** 6;
const LISTED_MAX = 4;

export class ScriptRun {
  #options: CompactionOptions = BADGER_SHAPE;
  #discardVersion = 1000;
  #nowSeconds = 1000;
  #memtablesMayHoldOlder = false;
  #version: TreeVersion = tree([]);
  #running: CompactionPlan[] = [];
  #nextFile = 1;
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
    switch (name) {
      case "options":
        return this.#setOptions(words);
      case "state":
        return this.#setState(words);
      case "table":
        return this.#addTable(words);
      case "tables":
        return this.#addTables(words);
      case "clear":
        this.#version = tree([], this.#options.maxLevels);
        this.#running = [];
        return;
      case "show":
        return this.#show();
      case "pick":
        this.#print(describe(this.#pick()));
        return;
      case "busy": {
        const plan = this.#pick();
        this.#print(describe(plan));
        if (plan !== undefined) this.#running.push(plan);
        return;
      }
      case "step":
        this.#step();
        return;
      case "run":
        for (let i = 0; this.#step() && i < 200; i++);
        return this.#show();
      case "load":
        return this.#load(Number(words[0]), bytesOf(words[2] ?? ""), words[3] ?? "random");
      default:
        throw new Error(`not a command: ${name}`);
    }
  }

  #print(line: string): void {
    this.#lines.push(line);
  }

  #setOptions(words: readonly string[]): void {
    const given = fields(words);
    const number = (name: string, byDefault: number): number =>
      given[name] === undefined ? byDefault : bytesOf(given[name]);
    this.#options = {
      maxLevels: number("levels", 7),
      baseLevelSizeBytes: number("base", BADGER_SHAPE.baseLevelSizeBytes),
      levelSizeMultiplier: number("multiplier", 10),
      baseTableSizeBytes: number("table", BADGER_SHAPE.baseTableSizeBytes),
      tableSizeMultiplier: number("growth", 2),
      levelZeroTables: number("zero", 5),
    };
    this.#version = tree([], this.#options.maxLevels);
  }

  #setState(words: readonly string[]): void {
    const given = fields(words);
    this.#discardVersion = Number(given["discard"] ?? this.#discardVersion);
    this.#nowSeconds = Number(given["now"] ?? this.#nowSeconds);
    this.#memtablesMayHoldOlder = words.includes("memtables-may-hold-older");
  }

  #addTable(words: readonly string[]): void {
    const [level = "", keys = "", size = "", ...rest] = words;
    const given = fields(rest);
    const number = rest.find((word) => word.startsWith("#"));
    const [smallest = "", largest = smallest] = keys.split("..");
    const made: TableFields = {
      fileNumber: number === undefined ? this.#nextFile : Number(number.slice(1)),
      sizeBytes: bytesOf(size),
      entryCount: Number(given["n"] ?? Math.max(1, Math.floor(bytesOf(size) / ENTRY_BYTES))),
      maxVersion: Number(given["v"] ?? 1),
      tombstoneCount: Number(given["del"] ?? 0),
      endingCount: Number(given["end"] ?? given["del"] ?? 0),
      staleBytes: bytesOf(given["stale"] ?? "0"),
      knownOrdered: !rest.includes("unordered"),
    };
    const [minExpiresAt, maxExpiresAt] = (given["expires"] ?? "0..0").split("..").map(Number);
    if (maxExpiresAt) Object.assign(made, { minExpiresAt, maxExpiresAt });
    this.#add(table(Number(level.slice(1)), smallest, largest, made));
  }

  #addTables(words: readonly string[]): void {
    const [level = "", count = "", size = ""] = words;
    const tables = Number(count.slice(1));
    const added = Array.from({ length: tables }, (_, i) =>
      this.#simulated(Number(level.slice(1)), i / tables, (i + 1) / tables, bytesOf(size), 0),
    );
    this.#version = tree([...this.#version.levels.flat(), ...added], this.#options.maxLevels);
  }

  #add(one: TableMeta): void {
    this.#nextFile = Math.max(this.#nextFile, one.fileNumber + 1);
    this.#version = tree([...this.#version.levels.flat(), one], this.#options.maxLevels);
  }

  /** A table over a share of the key space, `from` and `to` in 0 … 1. */
  #simulated(
    level: number,
    from: number,
    to: number,
    sizeBytes: number,
    tombstoneCount: number,
  ): TableMeta {
    const smallest = Math.floor(from * KEY_SPACE);
    const largest = Math.max(smallest, Math.floor(to * KEY_SPACE) - 1);
    return table(level, keyOf(smallest), keyOf(largest), {
      fileNumber: this.#nextFile++,
      sizeBytes,
      entryCount: Math.max(1, Math.floor(sizeBytes / ENTRY_BYTES)),
      tombstoneCount,
    });
  }

  #state(): CompactionState {
    return {
      options: this.#options,
      running: this.#running,
      discardVersion: this.#discardVersion,
      nowSeconds: this.#nowSeconds,
      memtablesMayHoldOlder: this.#memtablesMayHoldOlder,
    };
  }

  #pick(): CompactionPlan | undefined {
    return pickCompaction(this.#version, this.#state());
  }

  #step(quiet = false): boolean {
    const plan = this.#pick();
    if (!quiet) this.#print(describe(plan));
    if (plan === undefined) return false;
    this.#version = applyPlan(this.#version, plan, this.#outputs(plan));
    return true;
  }

  #outputs(plan: CompactionPlan): TableMeta[] {
    const { targetLevel } = plan;
    if (plan.kind === "drop") return [];
    if (plan.kind === "move") return plan.sources.map((one) => ({ ...one, level: targetLevel }));
    const inputs = planInputs(plan);
    const isBottom = this.#version.levels
      .slice(targetLevel + 1)
      .every((level) => level.length === 0);
    const entries = inputs.reduce((sum, one) => sum + one.entryCount, 0);
    const markers = inputs.reduce((sum, one) => sum + one.tombstoneCount, 0);
    // At the bottom a marker goes, and an entry with it.
    const left = isBottom ? Math.max(0, entries - 2 * markers) / entries : 1;
    const stale = inputs.reduce((sum, one) => sum + one.staleBytes, 0);
    const bytes = Math.max(0, Math.floor((totalBytes(inputs) - stale) * left));
    if (bytes === 0) return [];
    const { smallestKey, largestKey } = hullOf(inputs);
    const from = numberOf(smallestKey);
    const span = numberOf(largestKey) + 1 - from;
    const count = Math.min(span, Math.max(1, Math.round(bytes / plan.tableSizeBytes)));
    return Array.from({ length: count }, (_, i) =>
      this.#simulated(
        targetLevel,
        (from + Math.floor((i * span) / count)) / KEY_SPACE,
        (from + Math.floor(((i + 1) * span) / count)) / KEY_SPACE,
        Math.floor(bytes / count),
        isBottom ? 0 : Math.floor(markers / count),
      ),
    );
  }

  /** Flushes with the compactions they cause; reports when the base level moves, then the end. */
  #load(count: number, sizeBytes: number, order: string): void {
    let base = 0;
    let steps = 0;
    let written = 0;
    let moved = 0;
    for (let i = 0; i < count; i++) {
      const [from, to] = order === "sequential" ? [i / count, (i + 1) / count] : [0, 1];
      this.#add(this.#simulated(0, from, to, sizeBytes, 0));
      for (let plan = this.#pick(); plan !== undefined; plan = this.#pick()) {
        steps++;
        if (plan.kind === "move") moved++;
        else written += totalBytes(planInputs(plan));
        this.#step(true);
      }
      const now = this.#targets().baseLevel;
      if (now !== base) this.#print(`after ${size((i + 1) * sizeBytes)}: base L${now}`);
      base = now;
    }
    const factor = (written / (count * sizeBytes)).toFixed(1);
    this.#print(
      `${steps} compactions, ${moved} of them moves; written ${factor} times what was loaded`,
    );
    this.#show();
  }

  #targets() {
    return levelTargets(this.#version.levels.map(totalBytes), this.#options);
  }

  #show(): void {
    const targets = this.#targets();
    const scores = levelScores(this.#version, targets, this.#running, this.#options);
    this.#print("level  tables     size   target   score  adjusted");
    for (const { level, sizeBytes, targetBytes, score, adjusted } of scores) {
      const tables = this.#version.levels[level]?.length ?? 0;
      if (level > 0 && tables === 0 && level !== targets.baseLevel) continue;
      this.#print(
        [
          `L${level}${level === targets.baseLevel ? " base" : "     "}`,
          String(tables).padStart(5),
          size(sizeBytes).padStart(8),
          (level === 0 ? "" : size(targetBytes)).padStart(8),
          score.toFixed(2).padStart(7),
          (level === this.#options.maxLevels - 1 ? "" : adjusted.toFixed(2)).padStart(9),
        ]
          .join(" ")
          .trimEnd(),
      );
    }
  }
}

function describe(plan: CompactionPlan | undefined): string {
  if (plan === undefined) return "nothing to do";
  const { kind, reason, sourceLevel, targetLevel, sources, targets } = plan;
  const way =
    sourceLevel === targetLevel ? `in L${sourceLevel}` : `L${sourceLevel} → L${targetLevel}`;
  const into = targets.length === 0 ? "" : ` with ${list(targets)}`;
  return `${kind} ${way} (${reason}): ${list(sources)}${into}`;
}

function list(tables: readonly TableMeta[]): string {
  const shown = tables.slice(0, LISTED_MAX).map((one) => {
    const [from, to] = [toText(one.smallestKey), toText(one.largestKey)];
    return `#${one.fileNumber} ${from === to ? from : `${from}..${to}`} ${size(one.sizeBytes)}`;
  });
  const more = tables.length - shown.length;
  if (more > 0) shown.push(`${more} more of ${size(totalBytes(tables.slice(LISTED_MAX)))}`);
  return shown.join(", ");
}

function fields(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.filter((word) => word.includes("=")).map((word) => word.split("=") as [string, string]),
  );
}

function bytesOf(text: string): number {
  const [, digits = "", unit = ""] = /^([\d.]+)([KMGTP]?)$/.exec(text) ?? [];
  if (digits === "") throw new Error(`not a size: ${text}`);
  return Math.floor(Number(digits) * 1024 ** UNITS.indexOf(unit));
}

function size(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)}${UNITS[unit]}`;
}

function keyOf(number: number): string {
  return number.toString(36).padStart(6, "0");
}

/** Where a key lies in the simulated key space; keys written by hand count by their first letters. */
function numberOf(key: Uint8Array): number {
  const text = toText(key).slice(0, 6).padEnd(6, "0");
  const number = Number.parseInt(text, 36);
  return Number.isNaN(number) ? 0 : number;
}
