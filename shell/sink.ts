/**
 * The one way data leaves the program. A sink owns a file descriptor, gathers small pieces and hands
 * them to the operating system with `write(2)`, complete and in order; whoever writes awaits it, so
 * memory stays bounded and a full disk is noticed. `console.log` and `process.stdout` are not used
 * for data: the one loses output on a full disk, the other on exit.
 *
 * What was gathered is also flushed by a timer, so that results of a finished statement appear while
 * the next one is still running. An error met there is kept and thrown by the next call.
 */

import { close, write } from "node:fs";

/** Gathered bytes are passed on beyond this. */
const GATHER_BYTES_MAX = 64 * 1024;
const FLUSH_DELAY_MS = 40;
/** Pause before trying again when a non-blocking descriptor is full. */
const RETRY_DELAY_MS = 2;

export interface Sink {
  /** Resolves once the data is gathered or written. Throws `ClosedPipe` or `OutputError`. */
  write(data: string | Uint8Array): Promise<void>;
  flush(): Promise<void>;
}

/** Nobody reads any more (`… | head`): a quiet success. */
export class ClosedPipe extends Error {
  constructor() {
    super("the reader of the output has gone");
    this.name = "ClosedPipe";
  }
}

/** The output could not be written: a full disk, a vanished device. */
export class OutputError extends Error {
  constructor(name: string, cause: unknown) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    const full = code === "ENOSPC" || code === "EDQUOT";
    super(`cannot write to ${name}: ${full ? "no space left on the device" : code}`, { cause });
    this.name = "OutputError";
  }
}

const encoder = new TextEncoder();

export class FileSink implements Sink {
  readonly #descriptor: number;
  readonly #name: string;
  #pieces: Uint8Array[] = [];
  #gatheredBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failure: Error | undefined;

  constructor(descriptor: number, name: string) {
    this.#descriptor = descriptor;
    this.#name = name;
  }

  async write(data: string | Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (data.length === 0) return;
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    this.#pieces.push(bytes);
    this.#gatheredBytes += bytes.length;
    if (this.#gatheredBytes >= GATHER_BYTES_MAX) return this.flush();
    this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), FLUSH_DELAY_MS);
  }

  async flush(): Promise<void> {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    const pieces = this.#pieces;
    if (pieces.length > 0) {
      this.#pieces = [];
      this.#gatheredBytes = 0;
      const bytes = pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
      this.#writing = this.#writing.then(() => this.#writeAll(bytes));
    }
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Flushes and closes the descriptor; for files the shell opened itself. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await new Promise<void>((resolve) => close(this.#descriptor, () => resolve()));
    }
  }

  /** Never rejects: a failure is kept, and everything after it is dropped. */
  async #writeAll(bytes: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < bytes.length && this.#failure === undefined) {
      try {
        offset += await writeSome(this.#descriptor, bytes, offset);
      } catch (error) {
        const code = error instanceof Error && "code" in error ? error.code : undefined;
        if (code === "EAGAIN") await Bun.sleep(RETRY_DELAY_MS);
        else
          this.#failure = code === "EPIPE" ? new ClosedPipe() : new OutputError(this.#name, error);
      }
    }
  }
}

/** On the thread pool: a slow reader must not keep signals from being handled. */
function writeSome(descriptor: number, bytes: Uint8Array, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, offset, bytes.length - offset, null, (error, written) =>
      error === null || error === undefined ? resolve(written) : reject(error),
    );
  });
}

/** Gathers everything in memory, for specs and for texts that need to be measured first. */
export class MemorySink implements Sink {
  #pieces: Uint8Array[] = [];

  async write(data: string | Uint8Array): Promise<void> {
    this.#pieces.push(typeof data === "string" ? encoder.encode(data) : data.slice());
  }

  async flush(): Promise<void> {}

  bytes(): Uint8Array {
    return Buffer.concat(this.#pieces);
  }

  text(): string {
    return new TextDecoder().decode(this.bytes());
  }
}
