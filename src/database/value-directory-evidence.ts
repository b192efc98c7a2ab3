/**
 * Gathers what an opening has to know of pointers before it trusts a value log, where the directories do not say
 * themselves that they belong together (value-directory.ts). Logs are read as they are: nothing is cut yet.
 */

import type { Version } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { Env } from "../env/env.ts";
import type { DirectoryPair } from "../format/directory-pair.ts";
import { memFileName } from "../format/file-names.ts";
import { LOG_HEADER_SIZE } from "../format/log-header.ts";
import { decodeLogLink } from "../format/log-link.ts";
import { readLogHeader } from "../log/read-log-header.ts";
import { ValueLogReader } from "../value-log/value-log-reader.ts";
import type { DataKeys } from "./data-keys.ts";
import type { DirectoryContent } from "./directory.ts";
import { pointerEvidence } from "./pointer-evidence.ts";
import { recoverLogs } from "./recovery.ts";
import type { Settings } from "./settings.ts";
import type { TreeState } from "./tree-state.ts";
import type { ValueDirectory } from "./value-directory.ts";

export interface EvidenceParts {
  readonly env: Env;
  readonly pair: DirectoryPair;
  readonly content: DirectoryContent;
  readonly trees: TreeState;
  readonly keys: DataKeys;
  readonly settings: Settings;
  readonly newestInTables: Version;
}

/** Throws unless the value log is this database's, or there is nothing that could get lost. */
export function requireEvidence(valueDirectory: ValueDirectory, parts: EvidenceParts): void {
  const { env, pair, content, trees, keys, settings, newestInTables } = parts;
  const { levelZero, deeper } = trees.tree;
  const tables = [...levelZero, ...deeper.flatMap((level) => level.tables)];
  const tablesPoint = tables.some((table) => table.mayPoint);
  const logsCount =
    !valueDirectory.isHome && content.logs.some((number) => isBadgers(parts, number));
  if (!valueDirectory.needsEvidence(content, tablesPoint || logsCount)) return;
  const values = new ValueLogReader(env.fileSystem, pair.valueDirectory, keys);
  try {
    const { memtables } = recoverLogs(
      env,
      pair.directory,
      content.logs,
      { isLost: () => false },
      settings.memtableSize,
      newestInTables,
      keys,
      true,
    );
    const evidence = pointerEvidence({
      tree: trees.tree,
      memtables: memtables.map(({ memtable }) => memtable).reverse(),
      logsCount,
      values,
      nowSeconds: Math.floor(env.clock.nowMs() / 1000),
    });
    valueDirectory.judge(content, evidence);
  } finally {
    values.close();
  }
}

/** Badger makes its logs so much longer than what is in them; no write of Meles's is so large that a power cut leaves as much. */
const SPARE_BYTES_MIN = 1 << 20;

/**
 * Whether Badger wrote a log. Meles puts a link into the header of its own, unless they are encrypted; Badger's are
 * known by the zeros behind their content then.
 */
function isBadgers({ env, pair }: EvidenceParts, number: number): boolean {
  const file = env.fileSystem.open(join(pair.directory, memFileName(number)), {
    write: false,
    create: "never",
  });
  try {
    const header = readLogHeader(file);
    if (header === undefined) return false;
    if (header.keyId === 0) return decodeLogLink(header.baseIv) === undefined;
    const tail = new Uint8Array(SPARE_BYTES_MIN);
    const size = file.size();
    if (size < tail.length + LOG_HEADER_SIZE) return false;
    file.read(tail, 0, tail.length, size - tail.length);
    return tail.every((byte) => byte === 0);
  } finally {
    file.close();
  }
}
