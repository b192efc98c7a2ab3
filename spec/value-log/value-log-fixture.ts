/** A value log in memory: writer, reader and the bookkeeping to check both. */

import { expect } from "bun:test";
import { CorruptionError, MelesError } from "../../src/base/errors.ts";
import type { Env } from "../../src/env/env.ts";
import type { FileSystem } from "../../src/env/file-system.ts";
import { ManualClock } from "../../src/env/manual-clock.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { VALUE_POINTER_SIZE } from "../../src/format/value-pointer.ts";
import type { LogKeys } from "../../src/log/log-keys.ts";
import { ValueLogReader } from "../../src/value-log/value-log-reader.ts";
import { type ValueLogLimits, ValueLogWriter } from "../../src/value-log/value-log-writer.ts";
import { FailingFileSystem } from "../log/failing-file-system.ts";

export const PLAIN: LogKeys = {
  current: () => undefined,
  keyOf: (keyId) => {
    throw new MelesError("ERR_ENCRYPTION_KEY", `no key ${keyId}`);
  },
};

export const ENCRYPTED: LogKeys = {
  current: () => ({ keyId: 3, key: new Uint8Array(32).fill(0x77) }),
  keyOf: (keyId) => (keyId === 3 ? new Uint8Array(32).fill(0x77) : PLAIN.keyOf(keyId)),
};

/** What was stored, and where the writer said it would be. */
export interface Stored {
  readonly key: Uint8Array;
  readonly version: number;
  readonly value: Uint8Array;
  readonly pointer: Uint8Array;
}

export const LIMITS: ValueLogLimits = { fileSizeBytes: 1 << 26, recordCountMax: 1_000_000 };

export class ValueLog {
  readonly fileSystem = new FailingFileSystem();
  readonly writer: ValueLogWriter;
  readonly reader: ValueLogReader;
  #version = 0;

  constructor(
    limits: Partial<ValueLogLimits> = {},
    keys = PLAIN,
    nextNumber = 1,
    options: { readonly fileEndMax?: number } = {},
  ) {
    this.fileSystem.makeDirectory("/db");
    this.writer = new ValueLogWriter(
      environment(this.fileSystem),
      "/db",
      { ...LIMITS, ...limits },
      nextNumber,
      keys,
      options,
    );
    this.reader = new ValueLogReader(this.fileSystem, "/db", keys);
  }

  stage(value: Uint8Array | number, key = "key", expiresAt = 0): Stored {
    const bytes = typeof value === "number" ? new Uint8Array(value).fill(value) : value;
    const keyBytes = new TextEncoder().encode(key);
    // The pointer lies somewhere in a larger buffer, as it does in a record.
    const buffer = new Uint8Array(VALUE_POINTER_SIZE + 3);
    const version = ++this.#version;
    this.writer.stage(9, 0, expiresAt, keyBytes, version, bytes, buffer, 3);
    return { key: keyBytes, version, value: bytes, pointer: buffer.slice(3) };
  }

  /** Stages and writes one value. */
  write(value: Uint8Array | number, key = "key"): Stored {
    const stored = this.stage(value, key);
    this.writer.flush();
    return stored;
  }

  read({ pointer, key, version }: Omit<Stored, "value">): Uint8Array {
    return this.reader.read(pointer, 0, key, 0, key.length, version);
  }

  expectReadable(all: readonly Stored[]): void {
    for (const stored of all) expect(this.read(stored)).toEqual(stored.value);
  }

  /** The damage that a read reports. */
  damage(stored: Omit<Stored, "value">): CorruptionError {
    try {
      this.read(stored);
    } catch (error) {
      if (error instanceof CorruptionError) return error;
      throw error;
    }
    throw new Error("a value was read");
  }

  bytesOf(name: string): Uint8Array {
    return this.fileSystem.readFile(`/db/${name}`) ?? new Uint8Array(0);
  }

  /** Puts other bytes into a file, under the eyes of whoever has it open. */
  overwrite(name: string, bytes: Uint8Array): void {
    const file = this.fileSystem.inner.open(`/db/${name}`, { write: true, create: "never" });
    file.truncate(bytes.length);
    file.write(bytes, 0, bytes.length, 0);
    file.close();
  }

  close(): void {
    this.writer.close();
    this.reader.close();
  }
}

function environment(fileSystem: FileSystem): Env {
  return { fileSystem, clock: new ManualClock(), random: new SeededRandom(1), log: () => {} };
}
