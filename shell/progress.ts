/** One line of progress on standard error, only when that is a terminal, at most ten times a second. */

import { isDumb } from "./color.ts";
import type { Host } from "./host.ts";
import { formatBytes } from "./messages.ts";
import { visibleText } from "./renderers/cell.ts";

const REDRAW_MS = 100;
/** Back to the first column, and clear to the end of the line. */
const CLEAR_LINE = "\r\x1b[K";

export class Progress {
  readonly #host: Host;
  readonly #enabled: boolean;
  #lastMs = 0;
  #shown = false;

  constructor(host: Host) {
    this.#host = host;
    this.#enabled = host.stderr.isTerminal && !isDumb(host);
  }

  show(bytes: number, totalBytes: number, what: string): void {
    if (!this.#enabled) return;
    const nowMs = performance.now();
    if (nowMs - this.#lastMs < REDRAW_MS) return;
    this.#lastMs = nowMs;
    this.#shown = true;
    const share = totalBytes > 0 ? `${Math.floor((bytes / totalBytes) * 100)} % of ` : "";
    const text = `${share}${formatBytes(totalBytes > 0 ? totalBytes : bytes)} · ${visibleText(what)}`;
    void this.#draw(CLEAR_LINE + text.slice(0, this.#host.stderr.size().columns - 1));
  }

  async clear(): Promise<void> {
    if (!this.#shown) return;
    this.#shown = false;
    await this.#draw(CLEAR_LINE);
  }

  /** Progress is a courtesy: where it cannot be written it is left out. */
  async #draw(text: string): Promise<void> {
    try {
      await this.#host.stderr.write(text);
      await this.#host.stderr.flush();
    } catch {
      this.#lastMs = Infinity;
    }
  }
}
