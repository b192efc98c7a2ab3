/**
 * `PAIR`: lies, with the same content, in both directories of a database whose value log has one of its own, and
 * says that they belong together. Badger ignores it.
 *
 *     {"format":1,"id":"32 hex digits","directory":"/…","valueDirectory":"/…"} newline
 *     CRC-32C of the line, 8 hex digits, newline
 *
 * The id counts; the paths are for messages, and for an adoption that a kill has cut short: directories may be
 * moved. Where there is no such file (Badger wrote the directories) pointers must prove the same.
 */

import { toBytes, toTextStrict } from "../base/bytes.ts";
import { CorruptionError } from "../base/errors.ts";
import { crc32c } from "./crc32c.ts";
import type { DirectoryPair } from "./directory-pair.ts";
import { PAIR } from "./file-names.ts";

export interface PairFile extends DirectoryPair {
  readonly id: string;
}

const FORMAT = 1;
/** More is no such file: paths end at 4096 bytes. */
const SIZE_MAX = 64 * 1024;

export function encodePairFile({ id, directory, valueDirectory }: PairFile): Uint8Array {
  const line = JSON.stringify({ format: FORMAT, id, directory, valueDirectory });
  return toBytes(`${line}\n${checksumOf(line)}\n`);
}

/** `CorruptionError` for anything that `encodePairFile` has not made. */
export function decodePairFile(bytes: Uint8Array): PairFile {
  const text = bytes.length > SIZE_MAX ? undefined : toTextStrict(bytes);
  const [line = "", checksum, ...rest] = (text ?? "").split("\n");
  const isWhole = rest.length === 1 && rest[0] === "" && checksum === checksumOf(line);
  const found = isWhole ? fieldsOf(line) : undefined;
  if (found !== undefined) return found;
  throw new CorruptionError({
    file: PAIR,
    offset: 0,
    expected: "which two directories belong together, with a right checksum",
    actual:
      "something else; when it is certain that they do, remove the file from both, and what is there decides",
  });
}

function checksumOf(line: string): string {
  const bytes = toBytes(line);
  return crc32c(bytes, 0, bytes.length).toString(16).padStart(8, "0");
}

function fieldsOf(line: string): PairFile | undefined {
  let fields: Partial<Record<string, unknown>> | null;
  try {
    fields = JSON.parse(line) as Partial<Record<string, unknown>> | null;
  } catch {
    return undefined;
  }
  const { format, id, directory, valueDirectory } = fields ?? {};
  const isKnown =
    format === FORMAT &&
    typeof id === "string" &&
    typeof directory === "string" &&
    typeof valueDirectory === "string";
  return isKnown ? { id, directory, valueDirectory } : undefined;
}
