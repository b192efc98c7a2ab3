/**
 * What surrounds the program, as one value: environment, the three standard streams, signals. Only
 * `processHost` touches `process`; everything else in the shell takes a `Host`, so specs run whole
 * commands in memory.
 */

import { read } from "node:fs";
import type { Sink } from "./sink.ts";
import { FileSink } from "./sink.ts";

export type SignalKind = "interrupt" | "terminate";

export interface Output extends Sink {
  readonly isTerminal: boolean;
  /** Size of the terminal in character cells; a usual size when it is none. */
  size(): { readonly columns: number; readonly rows: number };
}

export interface Input {
  readonly isTerminal: boolean;
  /** The next bytes, or `undefined` at the end. Reads only when asked: input of any size needs constant memory. */
  read(): Promise<Uint8Array | undefined>;
}

/** The input with bytes put back in front of it. */
export function unread(bytes: Uint8Array, input: Input): Input {
  let pending: Uint8Array | undefined = bytes;
  return {
    isTerminal: input.isTerminal,
    async read() {
      const first = pending;
      pending = undefined;
      return first ?? input.read();
    },
  };
}

export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Ctrl-C (SIGINT) and SIGTERM, SIGHUP. Returns how to stop listening. */
  onSignal(listener: (kind: SignalKind) => void): () => void;
}

const READ_BYTES = 64 * 1024;
const RETRY_DELAY_MS = 5;

/** Positionless reads of a descriptor on the thread pool. */
export class DescriptorInput implements Input {
  readonly isTerminal: boolean;
  readonly #descriptor: number;
  #ended = false;
  #isReading = false;

  constructor(descriptor: number, isTerminal: boolean) {
    this.#descriptor = descriptor;
    this.isTerminal = isTerminal;
  }

  /** A read that nobody can call back is under way: the process would wait for it. */
  get isReading(): boolean {
    return this.#isReading;
  }

  async read(): Promise<Uint8Array | undefined> {
    this.#isReading = true;
    try {
      return await this.#read();
    } finally {
      this.#isReading = false;
    }
  }

  async #read(): Promise<Uint8Array | undefined> {
    while (!this.#ended) {
      try {
        const bytes = await readSome(this.#descriptor);
        if (bytes.length > 0) return bytes;
        this.#ended = true;
      } catch (error) {
        const code = error instanceof Error && "code" in error ? error.code : undefined;
        if (code === "EAGAIN") await Bun.sleep(RETRY_DELAY_MS);
        // A closed stdin (EBADF) and a terminal that went away (EIO) are the end of the input.
        else if (code === "EBADF" || code === "EIO" || code === "EOF") this.#ended = true;
        else throw error;
      }
    }
    return undefined;
  }
}

function readSome(descriptor: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const buffer = new Uint8Array(READ_BYTES);
    read(descriptor, buffer, 0, READ_BYTES, null, (error, count) =>
      error === null || error === undefined ? resolve(buffer.subarray(0, count)) : reject(error),
    );
  });
}

class StandardOutput extends FileSink implements Output {
  readonly isTerminal: boolean;
  readonly #stream: NodeJS.WriteStream;

  constructor(descriptor: number, name: string, stream: NodeJS.WriteStream) {
    super(descriptor, name);
    this.isTerminal = stream.isTTY === true;
    this.#stream = stream;
  }

  size(): { columns: number; rows: number } {
    return { columns: this.#stream.columns || 80, rows: this.#stream.rows || 24 };
  }
}

/** Standard error: that nobody hears a message is no reason to fail, and could not be told anyway. */
class MessageOutput extends StandardOutput {
  override write(data: string | Uint8Array): Promise<void> {
    return super.write(data).catch(() => undefined);
  }

  override flush(): Promise<void> {
    return super.flush().catch(() => undefined);
  }
}

/** The host of the running process. */
export function processHost(): Host & { readonly stdin: DescriptorInput } {
  const { env } = process;
  return {
    env,
    homeDirectory: env["HOME"] ?? env["USERPROFILE"] ?? "",
    stdin: new DescriptorInput(0, process.stdin.isTTY === true),
    stdout: new StandardOutput(1, "standard output", process.stdout),
    stderr: new MessageOutput(2, "standard error", process.stderr),
    onSignal(listener) {
      const interrupt = (): void => listener("interrupt");
      const terminate = (): void => listener("terminate");
      process.on("SIGINT", interrupt);
      process.on("SIGTERM", terminate);
      process.on("SIGHUP", terminate);
      return () => {
        process.off("SIGINT", interrupt);
        process.off("SIGTERM", terminate);
        process.off("SIGHUP", terminate);
      };
    },
  };
}

/** The same surroundings with another standard input. */
export function withInput(host: Host, stdin: Input): Host {
  const { env, homeDirectory, stdout, stderr } = host;
  return { env, homeDirectory, stdin, stdout, stderr, onSignal: (listen) => host.onSignal(listen) };
}
