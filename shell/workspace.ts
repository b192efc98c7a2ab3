/**
 * The open database and the session on it; `.open` replaces both. Owned by the shell command, which
 * closes it on every way out.
 */

import { realpathSync } from "node:fs";
import type { Arguments } from "./arguments.ts";
import type { Database, Session, SessionOptions, SyncLevel } from "./engine.ts";
import { loadEngine } from "./engine.ts";
import type { Host } from "./host.ts";
import { MEMORY, openDatabase } from "./opening.ts";
import { Progress } from "./progress.ts";

export class Workspace implements AsyncDisposable {
  readonly #host: Host;
  #given: Arguments;
  /** Of IMPORT, EXPORT and VERIFY. */
  readonly progress: Progress;
  #database: Database;
  #session: Session;

  private constructor(
    host: Host,
    given: Arguments,
    progress: Progress,
    [database, session]: readonly [Database, Session],
  ) {
    this.#host = host;
    this.#given = given;
    this.progress = progress;
    this.#database = database;
    this.#session = session;
  }

  static async open(host: Host, given: Arguments, directory: string): Promise<Workspace> {
    const progress = new Progress(host);
    return new Workspace(host, given, progress, await openBoth(host, given, progress, directory));
  }

  get database(): Database {
    return this.#database;
  }

  get session(): Session {
    return this.#session;
  }

  /** An open transaction is rolled back. If `directory` cannot be opened, all stays as it was. */
  async reopen(directory: string, valueDirectory: string | undefined): Promise<void> {
    if (samePlace(directory, this.#database.path)) {
      // Its lock is ours: it has to be released first.
      await this.#close();
      if (valueDirectory !== undefined) {
        this.#given = this.#given.replacing("value-dir", valueDirectory);
      }
      [this.#database, this.#session] = await this.#openBoth(directory, this.#given);
      return;
    }
    // The value directory given so far is this database's.
    const given = this.#given.replacing("value-dir", valueDirectory);
    const [database, session] = await this.#openBoth(directory, given);
    await this.#close();
    this.#given = given;
    this.#database = database;
    this.#session = session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  #openBoth(directory: string, given: Arguments): Promise<[Database, Session]> {
    return openBoth(this.#host, given, this.progress, directory);
  }

  async #close(): Promise<void> {
    try {
      this.#session.close();
    } finally {
      await this.#database.close();
    }
  }
}

async function openBoth(
  host: Host,
  given: Arguments,
  progress: Progress,
  directory: string,
): Promise<[Database, Session]> {
  const readOnly = given.has("readonly");
  const database = await openDatabase(host, given, {
    directory,
    readOnly,
    create: !readOnly,
    sync: given.value("sync") as SyncLevel | undefined,
  });
  const { openSession } = await loadEngine();
  const onProgress: SessionOptions["onProgress"] = ({ label, done, total }) =>
    progress.show(done, total ?? 0, label);
  return [database, openSession(database, { onProgress })];
}

function samePlace(a: string, b: string): boolean {
  if (a === MEMORY || b === MEMORY) return false;
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return false;
  }
}
