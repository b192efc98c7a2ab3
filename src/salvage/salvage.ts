/**
 * Salvage: builds a new directory from what can be read of a damaged one, and tells what cannot.
 *
 *     look    MANIFEST, KEYREGISTRY and every table are surveyed, every log is read
 *     merge   all versions of all keys in order; of twins the one the engine would show, and if its
 *             value is lost, the next
 *     write   tables at the last level and a value log (new-directory.ts)
 *
 * The source is only ever opened for reading. Which version of a key is the newest is decided by the
 * versions alone, as the engine does for tables that are not known to be ordered, so it does not
 * matter whether levels are known.
 */

import { compareBytes, EMPTY_BYTES } from "../base/bytes.ts";
import { MelesError } from "../base/errors.ts";
import type { FileNumber, Version } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { Env } from "../env/env.ts";
import type { DirectoryLock } from "../env/file-system.ts";
import type { CompressionCode } from "../format/compression.ts";
import {
  KEYREGISTRY,
  MANIFEST,
  memFileName,
  parseMemFileName,
  parseTableFileName,
  parseValueLogFileName,
  tableFileName,
  valueLogFileName,
} from "../format/file-names.ts";
import { isDeletedOrExpired, META_POINTER } from "../format/stored-value.ts";
import { pointerFile, pointerOffset } from "../format/value-pointer.ts";
import { EntryMerge, type EntrySource } from "./entry-merge.ts";
import { type KeyEvidence, readKeyEvidence } from "./key-evidence.ts";
import { readLogEvidence } from "./log-evidence.ts";
import { LogSource } from "./log-source.ts";
import { type ManifestEvidence, readManifestEvidence } from "./manifest-evidence.ts";
import { NewDirectory } from "./new-directory.ts";
import { Findings, type SalvageProgress, type SalvageReport } from "./report.ts";
import { SourceFile } from "./source-file.ts";
import { TableSource } from "./table-source.ts";
import { surveyTable, type TableSurvey } from "./table-survey.ts";
import { ValueFinder } from "./value-finder.ts";
