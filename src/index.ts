/**
 * Meles, the public surface: an embedded, transactional, ordered key-value database on Badger v4's disk
 * format. Everything else under `src/` is internal.
 */

export {
  ConflictError,
  CorruptionError,
  type ErrorCode,
  IoError,
  LockedError,
  MelesError,
  StatementError,
} from "./base/errors.ts";
export type { Version } from "./base/ids.ts";
export type * from "./database/contract.ts";
export type { DirectoryReport } from "./database/verify-directory.ts";
export type { CompressionName } from "./database/settings.ts";
export { forbidCoreDumps } from "./env/core-dumps.ts";
export type { Log, LogLevel } from "./env/env.ts";
export { inspectFile } from "./inspection.ts";
export type { Inspection, InspectOptions } from "./inspection.ts";
export { rotateKey, salvage, verifyDirectory } from "./offline.ts";
export type { RotateKeyOptions, SalvageOptions, VerifyDirectoryOptions } from "./offline.ts";
export { open, openSession } from "./open.ts";
export type { OpenOptions } from "./options.ts";
export type { ColumnInfo, StatementResult } from "./query/result.ts";
export type { Session, SessionOptions } from "./query/session.ts";
export type { SalvageFinding, SalvageProgress, SalvageReport } from "./salvage/report.ts";
