/**
 * Turns signals into an `AbortSignal` for the length of one piece of work, and remembers which signal
 * it was, for the exit code.
 */

import type { Host, SignalKind } from "./host.ts";
import { EXIT_INTERRUPTED, EXIT_TERMINATED, ExitError } from "./exit-codes.ts";

export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #unlisten: () => void;
  #kind: SignalKind | undefined;

  constructor(host: Host) {
    this.#unlisten = host.onSignal((kind) => {
      this.#kind ??= kind;
      this.#controller.abort();
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get kind(): SignalKind | undefined {
    return this.#kind;
  }

  /** Between steps of synchronous work: lets signals arrive, throws if one did. */
  async checkpoint(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#kind !== undefined) throw this.exit();
  }

  exit(): ExitError {
    return this.#kind === "terminate"
      ? new ExitError(EXIT_TERMINATED, "terminated")
      : new ExitError(EXIT_INTERRUPTED, "interrupted");
  }

  /** What `work` resolves with, or the rejection `exit()` as soon as a signal comes. */
  async race<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    if (signal.aborted) throw this.exit();
    let onAbort: () => void = () => undefined;
    try {
      return await Promise.race([
        work,
        new Promise<never>((_, reject) => {
          onAbort = () => reject(this.exit());
          signal.addEventListener("abort", onAbort, { once: true });
        }),
      ]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  [Symbol.dispose](): void {
    this.#unlisten();
  }
}
