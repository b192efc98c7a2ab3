/**
 * Opening: lock → manifest → tables → logs in order → value-log tail → serve. All or nothing: a
 * failure releases everything taken so far, in reverse.
 */

import { compareBytes } from "../base/bytes.ts";
import type { Version } from "../base/ids.ts";
import type { Env } from "../env/env.ts";
import type { Executor } from "../env/executor.ts";
import type { DirectoryLock, FileSystem } from "../env/file-system.ts";
import { type Cut, CUT_KEY, readCut } from "../format/cut.ts";
import type { DirectoryPair } from "../format/directory-pair.ts";
import { ManifestLog } from "../manifest/manifest-log.ts";
import type { TableMeta } from "../manifest/version.ts";
import { cutRecords } from "../cursor/cut-records.ts";
import { BlockCache } from "../table/block-cache.ts";
import { ConflictTable } from "../transaction/conflict-table.ts";
import { Oracle } from "../transaction/oracle.ts";
import { ValueProbe } from "../value-log/value-probe.ts";
import { ValueLogReader } from "../value-log/value-log-reader.ts";
import { ValueLogWriter } from "../value-log/value-log-writer.ts";
import type { Job, JobResult } from "../worker/jobs.ts";
import { Collection } from "./collection.ts";
import { CommitQueue } from "./commit-queue.ts";
import { Cuts } from "./cuts.ts";
import { MelesDatabase, type QueryEngine } from "./database.ts";
import { DataKeys } from "./data-keys.ts";
import { type DirectoryContent, inspectDirectory, prepareDirectory } from "./directory.ts";
import { EventHub } from "./event-hub.ts";
import { Maintenance } from "./maintenance.ts";
import { ManagedVersions } from "./managed-versions.ts";
import { Memtables } from "./memtables.ts";
import { loadBans } from "./namespaces.ts";
import { checkOrphans, removeOrphans } from "./orphans.ts";
import { POLICIES, type Policies } from "./policies.ts";
import { Pressure } from "./pressure.ts";
import { ReadPath } from "./read-path.ts";
import { type RecoveredLogs, recoverLogs, recoverValueLogs, syncRecovered } from "./recovery.ts";
import type { Settings } from "./settings.ts";
import { Snapshots } from "./snapshots.ts";
import { TreeState } from "./tree-state.ts";
import { ValueDirectory } from "./value-directory.ts";
import { requireEvidence } from "./value-directory-evidence.ts";

/** What opening needs from above. */
export interface OpenParts {
  /** The path as the user knows it. */
  readonly name: string;
  readonly env: Env;
  /** For files that are not the database's own. */
  readonly outside: FileSystem;
  readonly settings: Settings;
  readonly executor: Executor<Job, JobResult>;
  readonly runInline: (job: Job) => JobResult;
  readonly runQuery: QueryEngine;
  /** Default: those of the layers below. */
  readonly policies?: Policies;
}

/** Badger closes a value-log file at so many records. */
const VALUE_LOG_RECORDS_MAX = 1_000_000;

/** Opens the database in these directories. */
export async function openDatabase(pair: DirectoryPair, parts: OpenParts): Promise<MelesDatabase> {
  const undo: (() => unknown)[] = [() => parts.executor.close()];
  try {
    const { database, settle } = assemble(pair, parts, undo);
    await settle();
    return database;
  } catch (error) {
    for (const step of undo.reverse()) {
      try {
        await step();
      } catch {
        // The first failure is the one to report.
      }
    }
    throw error;
  }
}

interface Assembled {
  readonly database: MelesDatabase;
  /** What has to be over before the database is handed out. */
  readonly settle: () => Promise<void>;
}

function assemble(pair: DirectoryPair, parts: OpenParts, undo: (() => unknown)[]): Assembled {
  const { env, settings, executor, policies = POLICIES } = parts;
  const { fileSystem, clock } = env;
  const { readOnly } = settings;
  const { directory, valueDirectory } = pair;
  const { lock, valueHome, content } = takeDirectories(pair, parts, undo);

  const manifest = content.hasManifest
    ? ManifestLog.open(fileSystem, directory, settings.externalMagic)
    : ManifestLog.create(fileSystem, directory, settings.externalMagic);
  if (settings.managed) manifest.keepHistory();
  undo.push(() => manifest.close());
  const keys = DataKeys.open(
    env,
    directory,
    settings.encryptionKey,
    settings.encryptionKeyRotationMs,
  );

  const cache = new BlockCache(settings.blockCacheSize, settings.blockSize, env.allocateSlab);
  const trees = new TreeState(env, directory, cache, keys, settings);
  undo.push(() => trees.close());
  trees.load([...manifest.tables.values()]);

  const newestInTables = trees.tree.version.levels
    .flat()
    .reduce((newest, { maxVersion }) => Math.max(newest, maxVersion), manifest.newestVersion);
  checkOrphans(env, directory, content, manifest, newestInTables, keys);
  requireEvidence(valueHome, { env, pair, content, trees, keys, settings, newestInTables });
  if (!readOnly) {
    // Nothing of a directory is changed before it is certain that it can be opened.
    if (content.hasManifest) manifest.settle(content.logs.length > 0);
    keys.settle();
  }
  valueHome.adopt();
  if (!readOnly) removeOrphans(env, pair, content, manifest);
  // Versions never go back, not even when compaction has dropped the newest ones altogether.
  const tableVersion = Math.max(manifest.thinnedVersion, newestInTables);
  for (const { maxVersion, knownOrdered } of trees.tree.version.levels.flat()) {
    // Badger's compactions thin without a record of it; managed ones only as far as the caller has said.
    if (!knownOrdered && !settings.managed) manifest.noteThinned(maxVersion);
  }
  const inUse = trees.tree.version.levels
    .flat()
    .flatMap(({ valueLogBytes }) => [...valueLogBytes.keys()]);
  const valueLogs = recoverValueLogs(env, valueDirectory, content.valueLogs, inUse, readOnly);
  const probe = new ValueProbe(fileSystem, valueDirectory, content.valueLogs.at(-1) ?? 0);
  undo.push(() => probe.close());
  const logs = recoverLogs(
    env,
    directory,
    content.logs,
    probe,
    settings.memtableSize,
    tableVersion,
    keys,
    readOnly,
  );
  probe.close();
  if (!readOnly) syncRecovered(env, pair, logs, valueLogs, probe);
  const memtables = new Memtables(
    env,
    directory,
    keys,
    settings.memtableSize,
    { frozen: logs.memtables, active: undefined },
    logs.nextNumber,
    logs.memtables.reduce(
      (newest, { memtable }) => Math.max(newest, memtable.maxVersion),
      tableVersion,
    ),
  );
  undo.push(() => memtables.close());

  const oracle = new Oracle(memtables.active.memtable.floorVersion);
  // Nothing may go before the caller has said what.
  if (settings.managed) oracle.setDiscardVersion(0);
  const conflicts = new ConflictTable(oracle);
  const events = new EventHub(env.log);
  const cuts = new Cuts();
  const replayed = memtables.frozen.map(({ memtable }) => memtable);
  for (const { cut, isDurable } of committedCuts(manifest, keys, logs, trees)) {
    cuts.add(cut, isDurable, replayed, trees.tree.version);
    manifest.noteCut(cut.version);
  }
  const banned = loadBans(
    settings.namespaceOffset,
    { memtables, trees, cuts },
    oracle.lastCommitted,
  );
  const values = new ValueLogReader(fileSystem, valueDirectory, keys);
  undo.push(() => values.close());
  const reads = new ReadPath(memtables, trees, values, clock, cuts);
  const valueLog = new ValueLogWriter(
    env,
    valueDirectory,
    { fileSizeBytes: settings.valueLogFileSize, recordCountMax: VALUE_LOG_RECORDS_MAX },
    valueLogs.nextNumber,
    keys,
    { names: "background" },
  );
  undo.push(() => valueLog.close());
  const collection = new Collection({
    env,
    valueDirectory,
    trees,
    memtables,
    valueLog,
    values,
    discards: valueLogs.discards,
    events,
    policies,
    fileSizeBytes: settings.valueLogFileSize,
    recordCountMax: VALUE_LOG_RECORDS_MAX,
    files: valueLogs.files,
  });
  const pressure = new Pressure({ memtables, trees, settings, collection });
  const maintenance: Maintenance = new Maintenance({
    env,
    pair,
    settings,
    oracle,
    memtables,
    trees,
    manifest,
    keys,
    valueLog,
    executor,
    runInline: parts.runInline,
    events,
    values,
    collection,
    policies,
    pressure,
    cuts,
    discards: valueLogs.discards,
    // The number of a file that was there is not given out again: a trace of it could pass for the new one.
    firstTable: Math.max(manifest.largestTable, content.tables.at(-1) ?? 0) + 1,
    onProgress: () => queue.resume(),
    writeStaged: () => queue.writeGroup(),
    syncLogs: () => queue.syncInBackground(),
  });
  const queue: CommitQueue = new CommitQueue({
    env,
    directory,
    oracle,
    conflicts,
    memtables,
    cuts,
    valueLog,
    valueThreshold: settings.valueThreshold,
    sync: settings.sync,
    syncIntervalMs: settings.syncIntervalMs,
    isEncrypted: settings.encryptionKey !== undefined,
    ...(settings.managed
      ? { managed: new ManagedVersions({ oracle, cuts, memtables, trees, reads }) }
      : {}),
    pressure,
    onWrite: () => maintenance.noteWrite(),
    onRotate: () => maintenance.schedule(),
    obstacle: () => maintenance.obstacle,
    onRefused: () => maintenance.retrySoon(),
    onStall: (waitedMs) => events.emit("stall", { waitedMs }),
    onFailure: (error) => events.emit("error", error),
  });
  // Nobody knows then which change the next open finds: no commit may build on any of them.
  manifest.onFailure((error) => queue.poison(error));
  const snapshots = new Snapshots(oracle, env, () => {
    if (!readOnly) maintenance.noteRelease();
  });
  if (!readOnly) maintenance.start();

  const database = new MelesDatabase({
    name: parts.name,
    path: directory,
    valueDirectory,
    env,
    outside: parts.outside,
    settings,
    oracle,
    conflicts,
    snapshots,
    memtables,
    trees,
    manifest,
    keys,
    cache,
    valueLog,
    values,
    collection,
    queue,
    maintenance,
    cuts,
    banned,
    reads,
    events,
    runQuery: parts.runQuery,
    release: async () => {
      // In reverse order of taking; the lock goes last.
      snapshots.stop();
      await executor.close();
      valueLog.close();
      values.close();
      memtables.close();
      trees.close();
      manifest.close();
      valueHome.release();
      lock.release();
    },
  });
  // What lies below a cut that is not carried out would hide new commits there.
  const mustCarryOut = settings.managed && !readOnly && !cuts.isEmpty;
  return { database, settle: async () => (mustCarryOut ? maintenance.carryOutCuts() : undefined) };
}

interface TakenDirectories {
  readonly lock: DirectoryLock;
  readonly valueHome: ValueDirectory;
  readonly content: DirectoryContent;
}

/** Makes or finds the directories, and locks them: the database's first, as Badger does. */
function takeDirectories(
  pair: DirectoryPair,
  { env, settings }: OpenParts,
  undo: (() => unknown)[],
): TakenDirectories {
  const { fileSystem } = env;
  const { readOnly } = settings;
  const mode = readOnly ? "shared" : "exclusive";
  prepareDirectory(fileSystem, pair.directory, readOnly);
  // Before the lock: a directory that is no database should not get a LOCK file either.
  const valueHome = new ValueDirectory(env, pair, readOnly);
  inspectDirectory(fileSystem, pair);
  if (settings.authenticatedEncryption) valueHome.requirePaired();
  const lock = fileSystem.lockDirectory(pair.directory, mode);
  undo.push(() => lock.release());
  valueHome.lock();
  undo.push(() => valueHome.release());
  const content = inspectDirectory(fileSystem, pair);
  if (!content.hasManifest && content.logs.length === 0) {
    valueHome.requireVacant();
    valueHome.adopt();
  }
  return { lock, valueHome, content };
}

/** Of manifest, logs, and tables that Badger has made of logs; in the order of their versions. */
function committedCuts(
  manifest: ManifestLog,
  keys: DataKeys,
  logs: RecoveredLogs,
  trees: TreeState,
): { cut: Cut; isDurable: boolean }[] {
  const recorded = manifest.cuts.map((stored) => ({
    cut: readCut(stored, (keyId) => keys.keyOf(keyId)),
    isDurable: true,
  }));
  const { levelZero, deeper } = trees.tree;
  const flushedElsewhere = [...levelZero, ...deeper.flatMap(({ tables }) => tables)].filter(
    ({ meta }) => !meta.hasStatistics && covers(meta, CUT_KEY),
  );
  const logged = [...logs.memtables.map(({ memtable }) => memtable), ...flushedElsewhere]
    .flatMap(cutRecords)
    .map((cut) => ({ cut, isDurable: false }));
  const found = new Map<Version, { cut: Cut; isDurable: boolean }>();
  for (const one of [...logged, ...recorded]) found.set(one.cut.version, one);
  return [...found.values()].sort((a, b) => a.cut.version - b.cut.version);
}

function covers({ smallestKey, largestKey }: TableMeta, key: Uint8Array): boolean {
  return compareBytes(smallestKey, key) <= 0 && compareBytes(largestKey, key) >= 0;
}
