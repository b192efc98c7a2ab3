/**
 * The real Badger in a process of its own: requests in, answers out, one after the other. A killed
 * process leaves its directory as a crash does.
 */

import { badgerProgram } from "./badger-build.ts";

/** Options of Badger, see `badger/settings.go`. What is absent keeps Badger's default. */
export interface BadgerOptions {
  readonly managed?: boolean;
  readonly readOnly?: boolean;
  /** Where value logs lie, if not with everything else. */
  readonly valueDir?: string;
  readonly memTableSize?: number;
  readonly valueThreshold?: number;
  readonly valueLogFileSize?: number;
  readonly valueLogMaxEntries?: number;
  /** 0 none, 1 Snappy (default), 2 Zstandard. */
  readonly compression?: number;
  readonly encryptionKey?: Uint8Array;
  readonly encryptionRotationMs?: number;
  readonly indexCacheSize?: number;
  readonly blockCacheSize?: number;
  readonly versionsToKeep?: number;
  readonly namespaceOffset?: number;
  readonly externalMagic?: number;
  readonly baseTableSize?: number;
  readonly baseLevelSize?: number;
  readonly blockSize?: number;
  readonly bloomFalsePositive?: number;
  readonly maxLevels?: number;
  /** 0: nothing is compacted, so nothing is dropped. */
  readonly compactors?: number;
  readonly levelZeroTables?: number;
  readonly compactOnClose?: boolean;
  readonly syncWrites?: boolean;
  /** 3, both at open and when a block is read, unless said otherwise. */
  readonly checksumMode?: 0 | 1 | 2 | 3;
  readonly verifyValueChecksum?: boolean;
}

/** One write as the program takes it. */
export interface BadgerWrite {
  readonly key: Uint8Array;
  readonly value?: Uint8Array;
  readonly userMeta?: number;
  readonly expiresAt?: number;
  /** Seconds from now. */
  readonly ttl?: number;
  readonly delete?: boolean;
  readonly discard?: boolean;
  /** Managed mode and streams. */
  readonly version?: number;
  /** Streams. */
  readonly streamId?: number;
  readonly streamDone?: boolean;
  readonly meta?: number;
}

/** One stored version as Badger sees it. */
export interface BadgerVersion {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly version: number;
  readonly userMeta: number;
  readonly expiresAt: number;
  readonly deleted: boolean;
  readonly discard: boolean;
  /** Its value cannot be had: Badger logs that and returns an empty one. */
  readonly unreadable: boolean;
}

export interface BadgerDump {
  readonly versions: BadgerVersion[];
  readonly live: BadgerVersion[];
  /** What Badger logged since the last answer. */
  readonly errors: string[];
  readonly warnings: string[];
}

export interface BadgerTable {
  readonly id: number;
  readonly level: number;
  readonly keyCount: number;
  readonly left: string;
  readonly right: string;
  readonly maxVersion: number;
  readonly onDiskSize: number;
  readonly staleDataSize: number;
  readonly uncompressedSize: number;
  readonly bloomFilterSize: number;
}

/** An operation failed; its text is Badger's. */
export class BadgerError extends Error {}

/** The process ended: a panic, a fatal assertion, or because it was told to. */
export class BadgerExit extends Error {}

type Answer = { readonly result: unknown; readonly error?: string };

export class BadgerProcess implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #lines: AsyncIterator<string>;
  readonly #errors: Promise<string>;

  private constructor() {
    this.#child = Bun.spawn([badgerProgram()], { stdio: ["pipe", "pipe", "pipe"] });
    this.#lines = linesOf(this.#child.stdout);
    this.#errors = new Response(this.#child.stderr).text();
  }

  /** A process with no database open. */
  static start(): BadgerProcess {
    return new BadgerProcess();
  }

  /** A process with the directory open. Badger's warnings at open are not failures, its errors are. */
  static async open(directory: string, options: BadgerOptions = {}): Promise<BadgerProcess> {
    const badger = new BadgerProcess();
    try {
      const opened = (await badger.call("open", { dir: directory, options })) as BadgerDump;
      if (opened.errors.length > 0) throw new BadgerError(opened.errors.join("; "));
      return badger;
    } catch (error) {
      await badger.kill();
      throw error;
    }
  }

  /** One operation of `badger/main.go`. */
  async call(op: string, parameters: Record<string, unknown> = {}): Promise<unknown> {
    const request = JSON.stringify({ op, ...parameters }, base64);
    void this.#child.stdin.write(`${request}\n`);
    await this.#child.stdin.flush();
    const line = await this.#lines.next();
    if (line.done === true) throw await this.#ended(op);
    const answer = JSON.parse(line.value) as Answer;
    if (answer.error !== undefined) throw new BadgerError(`${op}: ${answer.error}`);
    return answer.result;
  }

  /** Commits transactions one by one; their versions. */
  async commit(...transactions: readonly (readonly BadgerWrite[])[]): Promise<number[]> {
    return (await this.call("commit", { transactions })) as number[];
  }

  /** Everything there is; fails on unreadable values and whatever else Badger logged as an error. */
  async dump(parameters: { since?: number; internal?: boolean } = {}): Promise<BadgerDump> {
    const dump = await this.dumpCollected(parameters);
    const unreadable = dump.versions.filter((one) => one.unreadable).map((one) => one.version);
    if (unreadable.length > 0) throw new BadgerError(`no values of versions ${unreadable.join()}`);
    return dump;
  }

  /**
   * The same after Badger has collected: it leaves superseded versions behind whose value-log file it
   * has removed. What is live must be readable still.
   */
  async dumpCollected(
    parameters: { since?: number; internal?: boolean } = {},
  ): Promise<BadgerDump> {
    const dump = (await this.call("dump", parameters)) as BadgerDump;
    const lost = dump.live.filter((one) => one.unreadable).map((one) => `live ${one.version}`);
    const errors = [...dump.errors, ...lost];
    if (errors.length > 0) throw new BadgerError(errors.slice(0, 3).join("; "));
    return { ...dump, versions: dump.versions.map(decoded), live: dump.live.map(decoded) };
  }

  /** Value-log files rewritten. */
  async collect(ratio = 0.1): Promise<number> {
    return (await this.call("collect", { ratio })) as number;
  }

  async tables(): Promise<BadgerTable[]> {
    return ((await this.call("structure")) as { tables: BadgerTable[] }).tables;
  }

  /** Closes the database, then ends the process. */
  async close(): Promise<void> {
    const { errors } = (await this.call("close")) as { errors: string[] };
    await this.#end();
    if (errors.length > 0) throw new BadgerError(errors.join("; "));
  }

  /** Ends the process in the middle of whatever it does. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) await this.kill();
  }

  async #end(): Promise<void> {
    await this.#child.stdin.end();
    await this.#child.exited;
  }

  async #ended(op: string): Promise<BadgerExit> {
    const code = await this.#child.exited;
    const text = (await this.#errors).trim().split("\n").slice(0, 4).join("; ");
    return new BadgerExit(`${op}: the process ended with ${code}: ${text}`);
  }
}

/** A replacer; `this` holds the original, which a `Buffer` has turned into something else by now. */
function base64(this: Record<string, unknown>, name: string, value: unknown): unknown {
  const original = this[name];
  return original instanceof Uint8Array ? original.toBase64() : value;
}

function decoded(entry: BadgerVersion): BadgerVersion {
  const bytes = (text: unknown): Uint8Array => Uint8Array.fromBase64(String(text));
  return { ...entry, key: bytes(entry.key), value: bytes(entry.value) };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  for await (const chunk of stream) {
    const pieces = decoder.decode(chunk, { stream: true }).split("\n");
    for (const piece of pieces.slice(0, -1)) {
      yield parts.join("") + piece;
      parts = [];
    }
    parts.push(pieces.at(-1) ?? "");
  }
}
