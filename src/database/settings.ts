/**
 * `Settings`: the options of a database with every default decided (src/options.ts does that). Plain
 * data; the layers below get the single values they need.
 */

import type { SyncLevel } from "./contract.ts";

export type CompressionName = "none" | "snappy" | "zstd";

export interface Settings {
  readonly readOnly: boolean;
  /** As it was given. */
  readonly valueDirectory: string | undefined;
  readonly sync: SyncLevel;
  readonly syncIntervalMs: number;
  readonly memoryBudget: number;
  readonly memtableSize: number;
  readonly blockCacheSize: number;
  readonly compression: readonly CompressionName[];
  readonly compressionLevel: number;
  readonly valueThreshold: number;
  readonly valueLogFileSize: number;
  readonly versionsToKeep: number;
  readonly blockSize: number;
  readonly bloomFalsePositive: number;
  readonly baseLevelSize: number;
  readonly levelSizeMultiplier: number;
  readonly maxLevels: number;
  readonly levelZeroTables: number;
  readonly levelZeroTablesStall: number;
  readonly workers: number | "inline";
  /** 0 = no limit. */
  readonly compactionBytesPerSecond: number;
  readonly detectConflicts: boolean;
  /** Callers choose the versions of their commits. */
  readonly managed: boolean;
  /** Place of the namespace in a key; negative: keys have none. */
  readonly namespaceOffset: number;
  readonly externalMagic: number;
  /** Master key, 16, 24 or 32 bytes. */
  readonly encryptionKey: Uint8Array | undefined;
  /** The files are sealed below all layers (src/seal); then `encryptionKey` is absent. */
  readonly authenticatedEncryption: boolean;
  readonly encryptionKeyRotationMs: number;
  readonly verifyChecksums: "none" | "open" | "read" | "both";
}

/** Compression of a level's new tables; the last entry stands for all deeper levels. */
export function compressionOfLevel(settings: Settings, level: number): CompressionName {
  const { compression } = settings;
  return compression[Math.min(level, compression.length - 1)] ?? "none";
}
