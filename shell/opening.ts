/**
 * Opens a database for a command. Whatever goes wrong becomes one clear line and the exit code of
 * "cannot open"; damage found while opening keeps its own code.
 */

import { readFile, stat } from "node:fs/promises";
import type { Arguments } from "./arguments.ts";
import type { Database, SyncLevel } from "./engine.ts";
import { loadEngine } from "./engine.ts";
import { errorCode, EXIT_CANNOT_OPEN, EXIT_CORRUPTION, ExitError } from "./exit-codes.ts";
import type { Host } from "./host.ts";

export interface OpenRequest {
  readonly directory: string;
  readonly readOnly: boolean;
  /** Without it a missing directory is refused. */
  readonly create: boolean;
  readonly sync?: SyncLevel | undefined;
  /** Old versions stay, however many there are of a key. */
  readonly keepVersions?: boolean;
}

export const MEMORY = ":memory:";

export async function openDatabase(
  host: Host,
  given: Arguments,
  request: OpenRequest,
): Promise<Database> {
  const { directory } = request;
  if (directory !== MEMORY) await checkDirectory(request);
  const encryptionKey = await readEncryptionKey(host, given);
  const valueDirectory = given.value("value-dir");
  const { open } = await loadEngine();
  try {
    return await open(directory, {
      readOnly: request.readOnly,
      ...(request.sync === undefined ? {} : { sync: request.sync }),
      ...(request.keepVersions === true ? { versionsToKeep: Number.MAX_SAFE_INTEGER } : {}),
      ...(encryptionKey === undefined ? {} : { encryptionKey }),
      ...(valueDirectory === undefined ? {} : { valueDirectory }),
      ...(given.has("authenticated") ? { authenticatedEncryption: true } : {}),
    });
  } catch (error) {
    throw openFailure(directory, error);
  }
}

/** The commonest mistakes, told before the engine is even loaded. */
export async function checkDirectory({
  directory,
  create,
}: Pick<OpenRequest, "directory" | "create">): Promise<void> {
  if (directory === "") throw cannotOpen("the directory's name is empty");
  try {
    const found = await stat(directory);
    if (found.isDirectory()) return;
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" && create) return;
    if (code === "ENOENT") throw cannotOpen(`there is no database at ${directory}`, error);
    if (code !== "ENOTDIR") throw cannotOpen(`cannot open ${directory}: ${code}`, error);
  }
  throw cannotOpen(`${directory} is a file; a database is a directory`);
}

/** One line for any failure to open. */
export function openFailure(directory: string, error: unknown): ExitError {
  const message = error instanceof Error ? error.message : String(error);
  const named = message.includes(directory) ? message : `cannot open ${directory}: ${message}`;
  const code = errorCode(error) === "ERR_CORRUPTION" ? EXIT_CORRUPTION : EXIT_CANNOT_OPEN;
  return new ExitError(code, named.replaceAll("\n", " "), undefined, error);
}

function cannotOpen(message: string, cause?: unknown): ExitError {
  return new ExitError(EXIT_CANNOT_OPEN, message, undefined, cause);
}

function systemCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

const KEY_SIZES = [16, 24, 32];

/** The encryption key named by flag or environment. */
export async function readEncryptionKey(
  host: Host,
  given: Arguments,
): Promise<Uint8Array | undefined> {
  const path = given.value("key-file") ?? host.env["MELES_KEY_FILE"];
  return path === undefined || path === "" ? undefined : readKeyFile(path);
}

/** A key: exact bytes, or hex digits and a line end. No message ever says what a key file holds. */
export async function readKeyFile(path: string): Promise<Uint8Array> {
  const { forbidCoreDumps } = await loadEngine();
  forbidCoreDumps();
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(await readFile(path));
  } catch (error) {
    // A key given in place of a file's name must not be repeated where it is logged.
    if (looksLikeKey(path)) {
      throw cannotOpen(
        "a key file is named, and what was given looks like a key itself; write it to a file",
      );
    }
    throw cannotOpen(`cannot read the key file ${path}: ${systemCode(error)}`, error);
  }
  if (KEY_SIZES.includes(bytes.length)) return bytes;
  const hex = new TextDecoder().decode(bytes).trim();
  if (/^[0-9a-f]+$/i.test(hex) && KEY_SIZES.includes(hex.length / 2)) {
    return new Uint8Array(Buffer.from(hex, "hex"));
  }
  throw cannotOpen(
    `the key file ${path} holds ${bytes.length} bytes; a key has 16, 24 or 32 (or as many pairs of hex digits)`,
  );
}

/** The digits or base64 of a key, or as many characters as it has bytes and none that paths have. */
function looksLikeKey(path: string): boolean {
  if (/^[0-9a-f]{32,64}$/i.test(path) || /^[0-9a-z+/]{22,43}={1,2}$/i.test(path)) return true;
  return KEY_SIZES.includes(path.length) && !/[/.]/.test(path);
}
