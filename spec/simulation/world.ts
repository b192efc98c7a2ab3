/**
 * The world of one simulation: disk, clock, randomness, and everything that happens later. One thread,
 * one seed: whatever could happen next is in a list, and the random source picks.
 *
 * A process is a `Life`. It ends by being closed, killed (the page cache stays) or with the power. What
 * its code still does afterwards reaches nothing, and its promises stay open for ever.
 */

import { posix } from "node:path";
import type { Clock, Env, Timer } from "../../src/env/env.ts";
import type { FileSystem } from "../../src/env/file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { DiskFile } from "./disk-file.ts";
import {
  type FileOperation,
  type Gate,
  PASS,
  ProcessFiles,
  type Verdict,
} from "./process-files.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { Trace } from "./trace.ts";

/** How a life ends. */
export type End = "kill" | "power loss";

/** Thrown where the simulation waits for a process that has died. */
export class Died extends Error {
  readonly end: End;

  constructor(end: End) {
    super(`the process died: ${end}`);
    this.end = end;
  }
}

/** A plan for the death of a process: at its n-th file operation from now. */
export interface Doom {
  readonly afterOperations: number;
  readonly end: End;
  readonly when: "before" | "amid" | "after";
}

/** Decides about faults; `undefined` lets the operation pass. */
export type FaultPlan = (operation: FileOperation, path: string) => string | undefined;

interface Task {
  readonly what: string;
  readonly run: () => void;
}

interface PendingTimer {
  readonly dueMs: number;
  readonly holdsProcess: boolean;
  readonly action: () => void;
}

/** Operations that change what is on disk. */
const CHANGING: ReadonlySet<FileOperation> = new Set([
  "create",
  "write",
  "sync",
  "truncate",
  "rename",
  "remove",
  "sync directory",
]);

const START_MS = Date.UTC(2030, 0, 1);

export class World {
  readonly disk: SimulatedDisk;
  readonly trace = new Trace();
  /** Changed by the simulation from step to step. */
  random: SeededRandom;
  wallMs: number;
  life: Life;

  constructor(seed: number, disk = new SimulatedDisk(), wallMs = START_MS) {
    this.disk = disk;
    this.wallMs = wallMs;
    this.random = new SeededRandom(seed);
    this.life = new Life(this);
  }

  /** A new process, after the one before has ended. */
  begin(): Life {
    this.life.isAlive = false;
    this.life = new Life(this);
    return this.life;
  }

  /** Ends the current process now, unless it has ended before: it may have died since anybody looked. */
  end(end: End, least?: boolean): void {
    if (!this.life.isAlive) return;
    this.life.isAlive = false;
    this.life.end = end;
    this.trace.note(`-- ${end}`);
    if (end === "power loss") this.trace.note(this.disk.losePower(this.random, least));
  }
}

/** One process: its files, clock and what it waits for. */
export class Life implements Gate {
  readonly #world: World;
  readonly clock: LifeClock;
  readonly files: ProcessFiles;
  isAlive = true;
  end: End | undefined;
  doom: Doom | undefined;
  faults: FaultPlan = () => undefined;
  /** Operations that change the disk, so far. */
  operations = 0;
  /** Faults injected so far. */
  faultCount = 0;
  #doomAt = Number.POSITIVE_INFINITY;
  readonly tasks: Task[] = [];

  constructor(world: World) {
    this.#world = world;
    this.clock = new LifeClock(world);
    this.files = new ProcessFiles(world.disk, this);
  }

  env(fileSystem: FileSystem = this.files): Env {
    const world = this.#world;
    return {
      fileSystem,
      clock: this.clock,
      random: { next: () => world.random.next(), fill: (bytes) => world.random.fill(bytes) },
      log: (level, message) => world.trace.note(`log ${level}: ${message}`),
    };
  }

  dieLater(doom: Doom | undefined): void {
    this.doom = doom;
    this.#doomAt =
      doom === undefined ? Number.POSITIVE_INFINITY : this.operations + doom.afterOperations;
  }

  judge(operation: FileOperation, path: string, bytes: number): Verdict {
    const world = this.#world;
    const name = posix.basename(path);
    const changes = CHANGING.has(operation);
    if (changes) {
      world.trace.note(`${operation} ${name}${bytes > 0 ? ` ${bytes}` : ""}`);
      if (++this.operations >= this.#doomAt && this.doom !== undefined) {
        return { kind: "die", when: this.doom.when, part: world.random.next() };
      }
    }
    const errno = this.faults(operation, path);
    if (errno === undefined) return PASS;
    this.faultCount++;
    world.trace.note(`fault ${errno}: ${operation} ${name}`);
    return { kind: "fail", errno, part: world.random.next() };
  }

  die(): void {
    this.#world.end(this.doom?.end ?? "kill");
  }

  failSync(file: DiskFile): void {
    file.failSync(this.#world.random);
  }

  later(what: string, run: () => void): void {
    this.tasks.push({ what, run });
  }

  /** Lets one of the things that could happen next happen; false when there is none. */
  runTask(): boolean {
    const { random, trace } = this.#world;
    if (!this.isAlive || this.tasks.length === 0) return false;
    const [task] = this.tasks.splice(random.below(this.tasks.length), 1);
    trace.note(`task ${task?.what}`);
    task?.run();
    return true;
  }

  /**
   * Waits for `promise` while the world goes on: late jobs end, acknowledgements held back arrive, and
   * if nothing else is left, time passes. Throws `Died` when the process does not live to see it.
   */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let outcome: { value: T } | { error: unknown } | undefined;
    promise.then(
      (value) => (outcome = { value }),
      (error: unknown) => (outcome = { error }),
    );
    for (let idle = 0; idle < 100;) {
      await turn();
      if (!this.isAlive) throw new Died(this.end ?? "kill");
      const ended = outcome;
      if (ended !== undefined) {
        if ("error" in ended) throw ended.error;
        return ended.value;
      }
      if (this.runTask() || this.clock.runNext(true)) idle = 0;
      // Some turns are taken by work that lets others run in between, as a verification does.
      else if (++idle > 2) this.clock.runNext(false);
    }
    throw new Error("hang: nothing is left to happen, and somebody still waits");
  }

  /** Lets everything that is under way come to rest. */
  async rest(): Promise<void> {
    for (let idle = 0; idle < 2;) {
      await turn();
      if (!this.isAlive) throw new Died(this.end ?? "kill");
      if (this.runTask() || this.clock.runNext(true)) idle = 0;
      else idle++;
    }
  }
}

class LifeClock implements Clock {
  readonly #world: World;
  #monotonicMs = 0;
  #timers: PendingTimer[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  nowMs(): number {
    return this.#world.wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, action: () => void, holdsProcess = false): Timer {
    const timer = { dueMs: this.#monotonicMs + Math.max(0, delayMs), holdsProcess, action };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers = this.#timers.filter((one) => one !== timer)) };
  }

  /** Lets time pass and runs what falls due. */
  advance(durationMs: number): void {
    const end = this.#monotonicMs + durationMs;
    for (;;) {
      const next = this.#earliest(false);
      if (next === undefined || next.dueMs > end) break;
      this.#run(next);
    }
    this.#moveTo(end);
  }

  /** Runs the next timer, moving time there; `held`: only among those somebody waits for. */
  runNext(held: boolean): boolean {
    const next = this.#earliest(held);
    if (next === undefined) return false;
    this.#run(next);
    return true;
  }

  #earliest(held: boolean): PendingTimer | undefined {
    let earliest: PendingTimer | undefined;
    for (const timer of this.#timers) {
      if (held && !timer.holdsProcess) continue;
      if (earliest === undefined || timer.dueMs < earliest.dueMs) earliest = timer;
    }
    return earliest;
  }

  #run(timer: PendingTimer): void {
    this.#timers = this.#timers.filter((one) => one !== timer);
    this.#moveTo(timer.dueMs);
    this.#world.trace.note("timer");
    timer.action();
  }

  #moveTo(monotonicMs: number): void {
    const step = Math.max(0, monotonicMs - this.#monotonicMs);
    this.#monotonicMs += step;
    this.#world.wallMs += step;
  }
}

/** One turn of the event loop: everything that was resolved has been taken notice of. */
export function turn(): Promise<void> {
  return new Promise((resume) => setImmediate(resume));
}
