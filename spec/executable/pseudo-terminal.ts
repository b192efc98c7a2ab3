/**
 * The program on a pseudo-terminal: types keys, waits for what the program shows. Nothing here sleeps:
 * a wait ends when the expected text has arrived, and fails with everything that did.
 */

import { environment, PROGRAM } from "./program.ts";

/** Only a program that hangs is waited for so long; one that starts on a busy machine takes seconds. */
const WAIT_MS = 20_000;

export class PseudoTerminal implements AsyncDisposable {
  readonly #terminal: Bun.Terminal;
  readonly #process: Bun.Subprocess;
  readonly #decoder = new TextDecoder();
  #waiting: (() => void) | undefined;
  /** Everything the program wrote, escape codes included. */
  raw = "";
  #consumed = 0;

  constructor(vector: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#terminal = new Bun.Terminal({
      cols: 80,
      rows: 24,
      data: (_, bytes) => {
        this.raw += this.#decoder.decode(bytes, { stream: true });
        this.#waiting?.();
      },
    });
    this.#process = Bun.spawn([...PROGRAM, ...vector], {
      terminal: this.#terminal,
      env: environment({ TERM: "xterm-256color", NO_COLOR: "1", ...env }),
    });
  }

  type(keys: string): void {
    this.#terminal.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** Waits until `text` has been shown after what earlier waits saw. */
  async see(text: string): Promise<void> {
    await this.#until(() => {
      const at = visible(this.raw).indexOf(text, this.#consumed);
      if (at >= 0) this.#consumed = at + text.length;
      return at >= 0;
    }, text);
  }

  /** Waits until these very bytes, escape codes included, have come at any time. */
  async receive(raw: string): Promise<void> {
    await this.#until(() => this.raw.includes(raw), raw);
  }

  /** Exit code of the program. What it wrote last may still be on its way. */
  get exited(): Promise<number> {
    return this.#process.exited;
  }

  async #until(arrived: () => boolean, wanted: string): Promise<void> {
    const deadline = Promise.withResolvers<"late">();
    const timer = setTimeout(() => deadline.resolve("late"), WAIT_MS);
    try {
      while (!arrived()) {
        const data = Promise.withResolvers<"data">();
        this.#waiting = () => data.resolve("data");
        if ((await Promise.race([data.promise, deadline.promise])) === "data") continue;
        const shown = JSON.stringify(visible(this.raw).slice(this.#consumed));
        throw new Error(`${JSON.stringify(wanted)} was not shown after ${shown}`);
      }
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    this.#terminal.close();
  }
}

function visible(raw: string): string {
  return Bun.stripANSI(raw).replaceAll("\r", "");
}
