/**
 * Writes one result to the outlet: picks the renderer, caps the rows on a terminal, keeps a slow or
 * endless result (WATCH) visible, lets signals through between batches.
 */

import type { QueryValue } from "./engine.ts";
import type { Renderer } from "./renderers/renderer.ts";
import type { Sink } from "./sink.ts";

export interface RowSource {
  readonly columns: readonly { readonly name: string }[];
  readonly rows: AsyncIterable<readonly (readonly QueryValue[])[]>;
}

export interface ViewOptions {
  /** 0 = all. */
  readonly maxRows: number;
  readonly signal: AbortSignal;
}

/** Rows held back for alignment are let go when no more have come for so long. */
const HOLD_MS = 100;
/** Beyond `maxRows` so many are counted before the count gives up. */
const HIDDEN_ROWS_COUNTED_MAX = 100_000;
/** Longest stretch without a turn of the event loop. */
const TURN_MS = 20;

/** Returns how many rows were written. Throws what the rows throw; the iterator is always closed. */
export async function writeRows(
  source: RowSource,
  renderer: Renderer,
  sink: Sink,
  { maxRows, signal }: ViewOptions,
): Promise<number> {
  let shown = 0;
  let hidden = 0;
  let idle = false;
  // A failed write is kept by the sink and met by the next awaited one.
  const ticker = setInterval(() => {
    if (idle) void letGo(renderer, sink).catch(() => undefined);
    idle = true;
  }, HOLD_MS);
  try {
    await sink.write(renderer.begin());
    let turnedMs = performance.now();
    for await (const batch of source.rows) {
      idle = false;
      const room = maxRows === 0 ? batch.length : Math.max(0, maxRows - shown);
      const visible = room < batch.length ? batch.slice(0, room) : batch;
      if (visible.length > 0) await sink.write(renderer.rows(visible));
      shown += visible.length;
      hidden += batch.length - visible.length;
      if (hidden > HIDDEN_ROWS_COUNTED_MAX) break;
      if (performance.now() - turnedMs > TURN_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        turnedMs = performance.now();
      }
      if (signal.aborted) break;
    }
    await sink.write(renderer.end(hiddenNote(hidden)));
    return shown;
  } catch (error) {
    // What came before the failure is shown, or half a page of it would vanish.
    await sink.write(renderer.flush()).catch(() => undefined);
    throw error;
  } finally {
    clearInterval(ticker);
  }
}

async function letGo(renderer: Renderer, sink: Sink): Promise<void> {
  await sink.write(renderer.flush());
  await sink.flush();
}

function hiddenNote(hidden: number): string | undefined {
  if (hidden === 0) return undefined;
  const count =
    hidden > HIDDEN_ROWS_COUNTED_MAX
      ? `more than ${HIDDEN_ROWS_COUNTED_MAX.toLocaleString("en-US")}`
      : hidden.toLocaleString("en-US");
  return `… ${count} more rows (.maxrows 0 shows all)`;
}
