/** A `Host` in memory: what a command is given and what it wrote, for specs that run whole commands. */

import type { Host, Input, Output, SignalKind } from "../../shell/host.ts";
import { MemorySink } from "../../shell/sink.ts";

class MemoryOutput extends MemorySink implements Output {
  readonly isTerminal: boolean;
  columns = 80;

  constructor(isTerminal: boolean) {
    super();
    this.isTerminal = isTerminal;
  }

  size(): { columns: number; rows: number } {
    return { columns: this.columns, rows: 24 };
  }
}

export interface MemoryHostOptions {
  /** Pieces of standard input; each is one read. */
  readonly stdin?: readonly (string | Uint8Array)[];
  readonly env?: Readonly<Record<string, string>>;
  readonly terminal?: boolean;
  readonly homeDirectory?: string;
}

export class MemoryHost implements Host {
  readonly env: Readonly<Record<string, string>>;
  readonly homeDirectory: string;
  readonly stdin: Input;
  readonly stdout: MemoryOutput;
  readonly stderr: MemoryOutput;
  readonly #listeners = new Set<(kind: SignalKind) => void>();

  constructor({
    stdin = [],
    env = {},
    terminal = false,
    homeDirectory = "",
  }: MemoryHostOptions = {}) {
    this.env = env;
    this.homeDirectory = homeDirectory;
    this.stdout = new MemoryOutput(terminal);
    this.stderr = new MemoryOutput(terminal);
    const pieces = [...stdin];
    this.stdin = {
      isTerminal: false,
      async read() {
        const piece = pieces.shift();
        return typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
      },
    };
  }

  onSignal(listener: (kind: SignalKind) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  raise(kind: SignalKind): void {
    for (const listener of this.#listeners) listener(kind);
  }
}
