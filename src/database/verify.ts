/**
 * Verification of an open database: every table that the tree names (verify-table.ts), the order of
 * the tables among each other, and for every value pointer the record it leads to. Findings are
 * collected, not thrown; the database stays in use meanwhile. A directory that is not open, and may not
 * even be possible to open, is verified by verify-directory.ts.
 */

import { compareBytes, equalBytes, keyAfter } from "../base/bytes.ts";
import { CorruptionError, MelesError } from "../base/errors.ts";
import { baseName, join } from "../base/paths.ts";
import { tableFileName, valueLogFileName } from "../format/file-names.ts";
import { isDeletedOrExpired } from "../format/stored-value.ts";
import { pointerFile } from "../format/value-pointer.ts";
import type { TableMeta } from "../manifest/version.ts";
import type { VerifyOptions, VerifyReport } from "./contract.ts";
import type { DatabaseParts } from "./database.ts";
import { openSource } from "./scan-source.ts";
import type { Tree } from "./tree.ts";
import { checkTable, type PointingEntry, reportDamage } from "./verify-table.ts";

/** Blocks checked between two returns to the event loop. */
const CHUNK_BLOCKS = 256;

type Finding = VerifyReport["findings"][number];

export async function verifyDatabase(
  parts: DatabaseParts,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const tree = parts.trees.tree.retain();
  try {
    return await new Verification(parts, options, tree).run();
  } finally {
    tree.release();
  }
}

class Verification {
  readonly #parts: DatabaseParts;
  readonly #options: VerifyOptions;
  readonly #tree: Tree;
  readonly #findings: Finding[] = [];
  readonly #totalBytes: number;
  #bytes = 0;
  #entries = 0;
  #blocks = 0;

  constructor(parts: DatabaseParts, options: VerifyOptions, tree: Tree) {
    this.#parts = parts;
    this.#options = options;
    this.#tree = tree;
    this.#totalBytes = tree.version.levels.flat().reduce((sum, table) => sum + table.sizeBytes, 0);
  }

  async run(): Promise<VerifyReport> {
    const tables = this.#tree.version.levels.flat();
    for (const table of tables) {
      await this.#pause();
      await this.#verifyTable(table);
    }
    this.#findings.push(...overlapsIn(this.#tree.version.levels));
    return {
      files: tables.length,
      bytes: this.#bytes,
      entries: this.#entries,
      findings: this.#findings,
    };
  }

  async #verifyTable(table: TableMeta): Promise<void> {
    const { env, path, keys } = this.#parts;
    const name = tableFileName(table.fileNumber);
    const report = (offset: number, message: string): void => {
      this.#findings.push({ file: name, offset, message });
    };
    this.#options.onProgress?.({ bytes: this.#bytes, totalBytes: this.#totalBytes, file: name });
    try {
      const file = env.fileSystem.open(join(path, name), { write: false, create: "never" });
      try {
        const key = table.keyId === 0 ? undefined : keys.keyOf(table.keyId);
        const codec = { compression: table.compression, key };
        const onPointer = (entry: PointingEntry): void => this.#verifyPointer(entry);
        await this.#drive(checkTable({ file, codec, report, onPointer }));
      } finally {
        file.close();
      }
    } catch (error) {
      if (error instanceof MelesError && error.code === "ERR_ABORTED") throw error;
      reportDamage(error, report);
    }
    this.#bytes += table.sizeBytes;
  }

  async #drive(walk: ReturnType<typeof checkTable>): Promise<void> {
    for (;;) {
      const step = walk.next();
      if (step.done === true) {
        this.#entries += step.value?.entries ?? 0;
        return;
      }
      if (++this.#blocks % CHUNK_BLOCKS === 0) await this.#pause();
    }
  }

  #verifyPointer(entry: PointingEntry): void {
    const { pointer, key, version } = entry;
    try {
      // The database's own reader: it keeps files that were collected meanwhile open for this tree.
      this.#parts.values.readView(pointer, 0, key, 0, key.length, version);
    } catch (error) {
      if (this.#isCollected(entry)) return;
      const file =
        error instanceof CorruptionError && error.file !== ""
          ? baseName(error.file)
          : valueLogFileName(pointerFile(pointer, 0));
      reportDamage(error, (offset, message) => this.#findings.push({ file, offset, message }));
    }
  }

  /**
   * Whether the pointer leads into a file that is gone, as it may once a newer entry shadows this one or
   * its time is over: Badger's collection leaves such pointers behind.
   */
  #isCollected({ pointer, key, version, meta, expiresAt }: PointingEntry): boolean {
    const { env, memtables, trees, values } = this.#parts;
    if (!values.isGone(pointerFile(pointer, 0))) return false;
    if (isDeletedOrExpired(meta, expiresAt, env.clock.nowMs() / 1000)) return true;
    const bounds = { lower: key, upper: keyAfter(key) };
    const newest = openSource(undefined, memtables.newestFirst, trees.tree, bounds, [], undefined);
    try {
      newest.seek(key, Number.POSITIVE_INFINITY);
      // An entry of the same version in a newer source has a pointer of its own.
      const { valueBytes, valueOffset, valueLength } = newest;
      return (
        newest.valid &&
        (newest.version > version ||
          !equalBytes(valueBytes.subarray(valueOffset, valueOffset + valueLength), pointer))
      );
    } finally {
      newest.close();
    }
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resume) => setImmediate(resume));
    const { signal } = this.#options;
    if (signal?.aborted === true) {
      throw new MelesError("ERR_ABORTED", "the verification was stopped", { cause: signal.reason });
    }
  }
}

/** Tables of a level that share keys; level 0 may. Each level is in order of smallest keys. */
export function overlapsIn(
  levels: readonly (readonly Pick<
    TableMeta,
    "fileNumber" | "level" | "smallestKey" | "largestKey"
  >[])[],
): Finding[] {
  const findings: Finding[] = [];
  for (const tables of levels.slice(1)) {
    for (const [i, right] of tables.entries()) {
      const left = tables[i - 1];
      if (left === undefined || compareBytes(left.largestKey, right.smallestKey) < 0) continue;
      const file = tableFileName(right.fileNumber);
      const message = `overlaps ${tableFileName(left.fileNumber)} in level ${right.level}`;
      findings.push({ file, offset: 0, message });
    }
  }
  return findings;
}
