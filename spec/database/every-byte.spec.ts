/**
 * Small directories of several kinds, and every single byte of them changed in turn: verification finds
 * it, unless the byte means nothing; and whoever opens the directory gets right answers or typed errors.
 */

import { beforeAll, describe, expect, test } from "bun:test";

import { MelesError } from "../../src/base/errors.ts";
import { LOG_HEADER_SIZE } from "../../src/format/log-header.ts";
import { LogRecordView } from "../../src/format/log-record.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { type OpenOptions, verifyDirectory } from "../../src/index.ts";
import { readDirectory, writeFile } from "../suites/copy-file-system.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";

const KEY = new Uint8Array(16).fill(9);

interface Small {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly options: OpenOptions;
  readonly content: ReadonlyMap<string, string>;
}

/** The last commit; its record is the last of the log, if there is one. */
const LAST = "larger";

/** A table, a value log, and if it is killed a log. */
async function small(options: OpenOptions, isOpen: boolean): Promise<Small> {
  const system = new MemoryFileSystem();
  const merged = { ...TINY, blockSize: 256, ...options };
  const db = await openIn(testEnv(system), merged);
  const content = new Map<string, string>();
  const put = async (key: string, value: string): Promise<void> => {
    await db.put(key, value);
    content.set(key, value);
  };
  for (let number = 0; number < 20; number++) await put(`key-${number}`, `value ${number}`);
  await put("large", "abcdefgh".repeat(30));
  await db.delete("key-3");
  content.delete("key-3");
  await db.flush();
  await put("key-1", "again");
  await put("key-21", "late");
  await put(LAST, "ijklmnop".repeat(30));
  if (!isOpen) await db.close();
  const files = readDirectory(system, DIRECTORY);
  files.delete("LOCK");
  files.delete("DISCARD");
  if (isOpen) await db.close();
  return { files, options: merged, content };
}

/** What no reader looks at: the vector of a file that is not encrypted, the application's mark. */
function meansNothing(name: string, at: number, { options }: Small): boolean {
  if (name === "MANIFEST") return at === 4 || at === 5;
  if (options.encryptionKey !== undefined) return false;
  return name === "KEYREGISTRY" ? at < 16 : /\.(mem|vlog)$/.test(name) && at >= 8 && at < 20;
}

function copyOf({ files }: Small, name: string, bytes: Uint8Array): MemoryFileSystem {
  const system = new MemoryFileSystem();
  system.makeDirectory(DIRECTORY);
  for (const [other, content] of files) {
    writeFile(system, `${DIRECTORY}/${other}`, other === name ? bytes : content);
  }
  return system;
}

/** Where in the log the lengths of its last record begin: a longer one looks like one that was torn. */
function isLengthOfLast(name: string, at: number, { files }: Small): boolean {
  if (!name.endsWith(".mem")) return false;
  const bytes = files.get(name) as Uint8Array;
  const view = new LogRecordView();
  let last = 0;
  for (let offset = LOG_HEADER_SIZE; view.checkStored(bytes, offset, bytes.length) === "ok";) {
    last = offset;
    offset = view.end;
  }
  return at >= last + 2 && at < last + 5;
}

/** Opens and reads everything; throws for a wrong answer. Returns whether every answer was right. */
async function expectRightOrTyped(
  system: MemoryFileSystem,
  made: Small,
  mayLoseLast = false,
): Promise<boolean> {
  const decoder = new TextDecoder();
  let isRight = true;
  try {
    const db = await openIn(testEnv(system), { ...made.options, readOnly: true });
    try {
      for (const key of [...made.content.keys(), "key-3", "nothing"]) {
        let value: string | undefined;
        try {
          const found = db.get(key);
          value = found === undefined ? undefined : decoder.decode(found);
        } catch (error) {
          if (!(error instanceof MelesError)) throw error;
          isRight = false;
          continue;
        }
        if (mayLoseLast && key === LAST && value === undefined) continue;
        if (value !== made.content.get(key)) throw new Error(`${key} is ${value}`);
      }
    } finally {
      await db.close();
    }
  } catch (error) {
    if (!(error instanceof MelesError)) throw error;
    return false;
  }
  return isRight;
}

describe.each<readonly [string, OpenOptions, boolean]>([
  ["plain, closed", {}, false],
  ["zstd, killed", { compression: "zstd" }, true],
  ["encrypted, killed", { encryptionKey: KEY }, true],
])("every byte of a directory, %s,", (_, options, isOpen) => {
  let made: Small;

  beforeAll(async () => {
    made = await small(options, isOpen);
  });

  test("is seen by verification when it changes", async () => {
    const key = options.encryptionKey === undefined ? {} : { encryptionKey: options.encryptionKey };
    const sound = copyOf(made, "", new Uint8Array(0));
    const { findings, notes } = await verifyDirectory(DIRECTORY, { env: testEnv(sound), ...key });
    expect([findings, notes]).toEqual([[], []]);
    let tried = 0;
    for (const [name, original] of made.files) {
      for (let at = 0; at < original.length; at++) {
        if (meansNothing(name, at, made)) continue;
        const bytes = original.with(at, (original[at] as number) ^ (1 << (at & 7)));
        const env = testEnv(copyOf(made, name, bytes));
        // Refused altogether is seen, too.
        const report = await verifyDirectory(DIRECTORY, { env, ...key }).catch((error: unknown) => {
          if (error instanceof MelesError) return undefined;
          throw error;
        });
        const seen = report === undefined ? 1 : report.findings.length + report.notes.length;
        tried++;
        if (seen > 0) continue;
        // Some bits of a compressed block's frame make no difference to what it holds.
        const isRight = await expectRightOrTyped(copyOf(made, name, bytes), made);
        const isFrame = options.compression === "zstd" && name.endsWith(".sst");
        if (!isRight || !isFrame) throw new Error(`byte ${at} of ${name} (${original.length})`);
      }
    }
    expect(tried).toBeGreaterThan(1000);
  }, 60_000);

  test("leads to right answers or typed errors when it changes", async () => {
    for (const [name, original] of made.files) {
      for (let at = 0; at < original.length; at++) {
        const bytes = original.with(at, (original[at] as number) ^ (1 << ((at * 5) & 7)));
        try {
          const mayLoseLast = isLengthOfLast(name, at, made);
          await expectRightOrTyped(copyOf(made, name, bytes), made, mayLoseLast);
        } catch (error) {
          throw new Error(`byte ${at} of ${name} (${original.length}): ${String(error)}`, {
            cause: error,
          });
        }
      }
    }
  }, 60_000);
});
