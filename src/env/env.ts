/**
 * `Env`: every effect the engine has on the world, as one value passed down. Reading time, randomness
 * or disk anywhere else is a lint error, so that a simulator can own all three.
 */

import type { FileSystem } from "./file-system.ts";

export interface Clock {
  /** Unix time in milliseconds; may jump. */
  nowMs(): number;
  /** Milliseconds from an arbitrary origin; never goes back. */
  monotonicMs(): number;
  /**
   * Runs `action` once after `delayMs`. The timer keeps the process alive only if `holdsProcess` says
   * so: for an acknowledgement somebody waits for, not for housekeeping.
   */
  after(delayMs: number, action: () => void, holdsProcess?: boolean): Timer;
}

export interface Timer {
  cancel(): void;
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Fills with cryptographically strong bytes (IVs, data keys). */
  fill(bytes: Uint8Array): void;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

/** What the engine reports about its own work; never keys or values. */
export type Log = (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;

export interface Env {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /**
   * Zeroed bytes for long-lived memory that is read at random; the environment may know of better than
   * ordinary memory. Not given: ordinary memory.
   */
  readonly allocateSlab?: (sizeBytes: number) => Uint8Array;
}
