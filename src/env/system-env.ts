/**
 * The environments that exist outside specs: the real one, and the real one with its files in memory.
 */

import { BunFileSystem, readMemoryMap, writeToStandardError } from "./bun-file-system.ts";
import type { Clock, Env, Log, LogLevel, Random } from "./env.ts";
import { allocateSlab } from "./large-pages.ts";
import { MemoryFileSystem } from "./memory-file-system.ts";

/** The real file system, clock and randomness. Default log: warnings and errors to standard error. */
export function systemEnv(options: { readonly log?: Log } = {}): Env {
  return {
    fileSystem: new BunFileSystem(),
    clock: systemClock,
    random: systemRandom,
    log: options.log ?? standardErrorLog,
    allocateSlab: (sizeBytes) => allocateSlab(sizeBytes, readMemoryMap),
  };
}

/** `base` (default: the real environment) with an empty file system in memory. */
export function memoryEnv(base: Env = systemEnv()): Env {
  return { ...base, fileSystem: new MemoryFileSystem() };
}

const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, action, holdsProcess = false) {
    const timer = setTimeout(action, delayMs);
    if (!holdsProcess) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

const systemRandom: Random = {
  next: () => Math.random(),
  fill: (bytes) => fillRandom(bytes),
};

/** `getRandomValues` takes at most 65,536 bytes at a time, and none that lie in a SharedArrayBuffer. */
const RANDOM_CHUNK_MAX = 65_536;

function fillRandom(bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length; offset += RANDOM_CHUNK_MAX) {
    const chunk = new Uint8Array(Math.min(RANDOM_CHUNK_MAX, bytes.length - offset));
    bytes.set(crypto.getRandomValues(chunk), offset);
  }
}

const LOGGED_BY_DEFAULT: ReadonlySet<LogLevel> = new Set(["warn", "error"]);

function standardErrorLog(
  level: LogLevel,
  message: string,
  fields?: Record<string, unknown>,
): void {
  if (!LOGGED_BY_DEFAULT.has(level)) return;
  const line = `${message}${formatFields(fields)}`.replace(UNSAFE, escaped);
  writeToStandardError(`meles: ${level}: ${line}\n`);
}

/**
 * What a terminal would act on: control characters, also those of two bytes in UTF-8, and marks that turn the
 * direction of text. A path may hold any of them.
 */
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

function escaped(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
}

/** ` name=value …`; a value that JSON cannot hold is shown as text, because a log must never throw. */
function formatFields(fields: Record<string, unknown> | undefined): string {
  let text = "";
  for (const [name, value] of Object.entries(fields ?? {}))
    text += ` ${name}=${formatValue(value)}`;
  return text;
}

function formatValue(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
