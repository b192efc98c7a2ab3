/**
 * Options: defaults as a golden text (`UPDATE_GOLDEN=1` writes it anew), and for each option what is taken
 * and what is refused.
 */

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MelesError } from "../src/base/errors.ts";
import { MemoryFileSystem } from "../src/env/memory-file-system.ts";
import { systemEnv } from "../src/env/system-env.ts";
import { ManifestLog } from "../src/manifest/manifest-log.ts";
import { open } from "../src/open.ts";
import { compressionOfLevel, type Settings } from "../src/database/settings.ts";
import { type Machine, type OpenOptions, resolveOptions } from "../src/options.ts";

const MIB = 1 << 20;
const GIB = 1 << 30;
const MACHINE: Machine = { memoryBytes: 16 * GIB, cores: 8 };
const GOLDEN = join(import.meta.dir, "golden/defaults.txt");

function print(settings: Settings): string {
  return Object.entries(settings)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name} = ${value === undefined ? "none" : JSON.stringify(value)}\n`)
    .join("");
}

describe("defaults", () => {
  test("are what the golden text says, on a large machine and a small one", () => {
    const small: Machine = { memoryBytes: 512 * MIB, cores: 1 };
    const text =
      `16 GiB of memory, 8 cores\n\n${print(resolveOptions({}, MACHINE))}\n` +
      `512 MiB of memory, 1 core\n\n${print(resolveOptions({}, small))}`;
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(GOLDEN, text);
    expect(text).toBe(readFileSync(GOLDEN, "utf8"));
  });

  // With 66 cores or less than 32 MiB of memory, open() once refused its own defaults.
  test("are valid on every machine", () => {
    for (const memoryBytes of [0, 1, 16 * MIB, 31 * MIB, GIB, 64 * GIB, 2 ** 53 - 1]) {
      for (const cores of [0, 1, 2, 64, 65, 66, 512]) {
        const settings = resolveOptions({}, { memoryBytes, cores });
        expect(settings.workers).toBeWithin(1, 65);
        // What was chosen by default can be chosen by hand.
        const { encryptionKey: _, valueDirectory: __, ...chosen } = settings;
        expect(resolveOptions(chosen, MACHINE)).toEqual(settings);
      }
    }
  });

  test("of sizes follow the memory budget", () => {
    const sizes = (memoryBudget: number): number[] => {
      const settings = resolveOptions({ memoryBudget }, MACHINE);
      return [settings.memtableSize, settings.blockCacheSize];
    };
    expect(sizes(4 * MIB)).toEqual([MIB, 2 * MIB]);
    expect(sizes(80 * MIB)).toEqual([10 * MIB, 40 * MIB]);
    expect(sizes(8 * GIB)).toEqual([64 * MIB, 4 * GIB]);
  });

  test("are what an option that is undefined means", () => {
    const names = Object.keys(OPTIONS);
    const given = Object.fromEntries(names.map((name) => [name, undefined]));
    expect(resolveOptions(given as OpenOptions, MACHINE)).toEqual(resolveOptions({}, MACHINE));
  });

  test("of the stall limit leave room above the level-0 tables", () => {
    for (const levelZeroTables of [1, 4, 12, 1000]) {
      const { levelZeroTablesStall } = resolveOptions({ levelZeroTables }, MACHINE);
      expect(levelZeroTablesStall).toBeGreaterThan(levelZeroTables);
    }
  });
});

interface Samples {
  readonly good: readonly unknown[];
  readonly bad: readonly unknown[];
}

function numbers(low: number, high: number): Samples {
  return {
    good: [low, high],
    bad: [low - 1, high + 1, low + 0.5, Number.NaN, Infinity, -Infinity, String(low), true],
  };
}

const FLAG: Samples = { good: [true, false], bad: [0, 1, "true", "", []] };

function choices(...good: string[]): Samples {
  return { good, bad: ["", "NONE", "other", 1, true, [good[0]]] };
}

const MAX = Number.MAX_SAFE_INTEGER;

const OPTIONS: Record<keyof OpenOptions, Samples> = {
  readOnly: FLAG,
  valueDirectory: { good: ["values", "/values"], bad: ["", ":memory:", 1, true, ["values"]] },
  sync: choices("commit", "interval", "never"),
  syncIntervalMs: numbers(1, 3_600_000),
  memoryBudget: numbers(4 * MIB, MAX),
  memtableSize: numbers(64 * 1024, 64 * MIB),
  blockCacheSize: numbers(0, MAX),
  compression: {
    good: ["none", "snappy", "zstd", ["none"], ["none", "none", "zstd"]],
    bad: ["", "lz4", "ZSTD", 0, true, [], ["none", "lz4"], ["none", undefined], [["zstd"]], {}],
  },
  compressionLevel: numbers(1, 19),
  valueThreshold: numbers(0, MIB),
  valueLogFileSize: numbers(MIB, 2 ** 31 - 1),
  versionsToKeep: numbers(1, MAX),
  blockSize: numbers(256, MIB),
  bloomFalsePositive: { good: [0, 0.01, 0.999], bad: [-0.01, 1, 5, Number.NaN, "0.01", false] },
  baseLevelSize: numbers(64 * 1024, MAX),
  levelSizeMultiplier: numbers(2, 100),
  maxLevels: numbers(2, 7),
  levelZeroTables: { good: [1, 11], bad: numbers(1, 1000).bad },
  levelZeroTablesStall: { good: [5, 10_000], bad: numbers(2, 10_000).bad },
  compactionBytesPerSecond: numbers(0, MAX),
  workers: { good: [1, 64, "inline"], bad: [0, 65, 1.5, Number.NaN, "2", "", "INLINE", true] },
  detectConflicts: FLAG,
  managed: FLAG,
  namespaceOffset: numbers(-1, 64_992),
  externalMagic: numbers(0, 65_535),
  encryptionKey: {
    good: [new Uint8Array(16), new Uint8Array(24), Buffer.alloc(32)],
    bad: [new Uint8Array(0), new Uint8Array(17), "0123456789abcdef", new ArrayBuffer(16), 16, []],
  },
  // True needs a key: see below.
  authenticatedEncryption: { good: [false], bad: [1, "true", null] },
  encryptionKeyRotationMs: numbers(1, MAX),
  verifyChecksums: choices("none", "open", "read", "both"),
  logger: { good: [() => {}], bad: ["warn", 1, {}, []] },
  env: { good: [{}], bad: [1, "env", () => {}] },
};

function refusal(options: unknown): MelesError {
  try {
    resolveOptions(options as OpenOptions, MACHINE);
  } catch (error) {
    if (error instanceof MelesError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("validation", () => {
  test("covers every option there is", () => {
    const resolved = Object.keys(resolveOptions({}, MACHINE));
    // These two are no settings of the engine: they go into the environment.
    expect([...resolved, "logger", "env"].sort()).toEqual(Object.keys(OPTIONS).sort());
  });

  for (const [name, { good, bad }] of Object.entries(OPTIONS)) {
    test(`takes ${name} as documented and refuses everything else by its name`, () => {
      for (const value of good) {
        const settings = resolveOptions({ [name]: value }, MACHINE);
        if (name === "logger" || name === "env") continue;
        const expected = name === "compression" && typeof value === "string" ? [value] : value;
        const found: unknown = settings[name as keyof Settings];
        expect(found).toEqual(value instanceof Uint8Array ? new Uint8Array(value) : expected);
      }
      for (const value of [...bad, null, Symbol("s"), 10n]) {
        const { code, message } = refusal({ [name]: value });
        expect(code).toBe("ERR_INVALID_ARGUMENT");
        expect(message).toContain(`option ${name} `);
      }
    });
  }

  test("refuses names that are no options, also without a value, and what looks like one", () => {
    for (const name of ["compresion", "readonly", "", "toString", "sync "]) {
      for (const value of [true, undefined]) {
        const { code, message } = refusal({ [name]: value });
        expect(code).toBe("ERR_INVALID_ARGUMENT");
        expect(message).toContain(`option ${name} is not an option of open()`);
      }
    }
  });

  test("refuses options that are no object", () => {
    for (const options of [null, 5, "readOnly", true, undefined]) {
      expect(refusal(options).code).toBe("ERR_INVALID_ARGUMENT");
    }
  });

  test("refuses a value threshold above half of the memtable, which would refuse values below it", () => {
    for (const options of [
      { memtableSize: 1 << 20, valueThreshold: (1 << 19) + 1 },
      { memoryBudget: 4 << 20, valueThreshold: 1 << 20 },
    ]) {
      const { code, message } = refusal(options);
      expect(code).toBe("ERR_INVALID_ARGUMENT");
      expect(message).toContain("option valueThreshold must be at most half of memtableSize");
    }
    resolveOptions({ memtableSize: 1 << 20, valueThreshold: 1 << 19 }, MACHINE);
    resolveOptions({ memtableSize: 64 * 1024 }, MACHINE);
  });

  test("takes authenticatedEncryption with a key of 32 bytes and with no other", () => {
    const encryptionKey = new Uint8Array(32);
    const wanted = { authenticatedEncryption: true };
    expect(resolveOptions({ ...wanted, encryptionKey }, MACHINE)).toMatchObject(wanted);
    for (const key of [{}, { encryptionKey: new Uint8Array(24) }]) {
      const { code, message } = refusal({ ...wanted, ...key });
      expect(code).toBe("ERR_INVALID_ARGUMENT");
      expect(message).toContain("authenticatedEncryption needs an encryptionKey of 32 bytes");
    }
  });

  test("refuses a stall limit that is not above the level-0 tables", () => {
    for (const [levelZeroTables, levelZeroTablesStall] of [
      [4, 4],
      [10, 9],
    ] as const) {
      const { code, message } = refusal({ levelZeroTables, levelZeroTablesStall });
      expect(code).toBe("ERR_INVALID_ARGUMENT");
      expect(message).toContain("levelZeroTablesStall");
    }
  });
});

describe("maxLevels", () => {
  // A table on a level that the option leaves no room for once ended open() with a failed assertion.
  test("below what a directory has is refused by name, and so is a directory beyond all limits", async () => {
    for (const [level, code, named] of [
      [6, "ERR_INVALID_ARGUMENT", "option maxLevels is 3"],
      [7, "ERR_UNSUPPORTED_FORMAT", "level 7"],
      [200, "ERR_UNSUPPORTED_FORMAT", "level 200"],
    ] as const) {
      const fileSystem = new MemoryFileSystem();
      fileSystem.makeDirectory("/db");
      const manifest = ManifestLog.create(fileSystem, "/db", 0);
      manifest.append({
        changes: [{ op: "create", fileNumber: 1, level, keyId: 0, compression: 0 }],
      });
      manifest.close();
      const opened = open("/db", { env: { ...systemEnv(), fileSystem }, maxLevels: 3 });
      await expect(opened).rejects.toMatchObject({
        code,
        message: expect.stringContaining(named),
      });
    }
  });
});

describe("resolved options", () => {
  test("cannot be changed, and do not follow what the caller does to its own", () => {
    const compression: ("none" | "zstd")[] = ["none", "zstd"];
    const encryptionKey = new Uint8Array(16).fill(1);
    const settings = resolveOptions({ compression, encryptionKey }, MACHINE);
    compression[0] = "zstd";
    encryptionKey.fill(2);
    expect(settings.compression).toEqual(["none", "zstd"]);
    expect(settings.encryptionKey).toEqual(new Uint8Array(16).fill(1));
    expect(Object.isFrozen(settings)).toBe(true);
  });

  test("name the compression of each level; the last one repeats", () => {
    const levels = (compression: OpenOptions["compression"]): string[] => {
      const settings = resolveOptions({ compression } as OpenOptions, MACHINE);
      return [0, 1, 2, 6].map((level) => compressionOfLevel(settings, level));
    };
    expect(levels(undefined)).toEqual(["none", "none", "none", "none"]);
    expect(levels("zstd")).toEqual(["zstd", "zstd", "zstd", "zstd"]);
    expect(levels(["none", "none", "zstd"])).toEqual(["none", "none", "zstd", "zstd"]);
  });
});
