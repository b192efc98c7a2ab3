/** Listeners of a database. A listener that throws is reported to the log and disturbs nobody else. */

import type { Log } from "../env/env.ts";
import type { DatabaseEvent } from "./contract.ts";

type Listener = (detail: unknown) => void;

export class EventHub {
  readonly #log: Log;
  readonly #listeners = new Map<DatabaseEvent, Set<Listener>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Adds a listener and returns how to remove it. */
  on(event: DatabaseEvent, listener: Listener): () => void {
    let listeners = this.#listeners.get(event);
    if (listeners === undefined) {
      listeners = new Set();
      this.#listeners.set(event, listeners);
    }
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  emit(event: DatabaseEvent, detail: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        listener(detail);
      } catch (error) {
        this.#log("error", `a listener of "${event}" threw`, { error: String(error) });
      }
    }
  }
}
