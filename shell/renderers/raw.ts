/**
 * Mode `raw`: the exact bytes of every value, columns separated by a tab, rows ended by a newline;
 * null is nothing at all. The only mode that passes data on unexamined, which is why it refuses a
 * terminal whenever the data holds something a terminal would act on.
 */

import type { QueryValue } from "../engine.ts";
import { isJson } from "../engine.ts";
import { usageError } from "../exit-codes.ts";
import { decodeStrict, isPrintable, toBytes } from "./cell.ts";
import type { Renderer, RendererFactory } from "./renderer.ts";

const TAB = Uint8Array.of(9);
const NEWLINE = Uint8Array.of(10);

export const rawRenderer: RendererFactory = (columns, options): Renderer => ({
  begin: () => "",
  rows(batch) {
    const parts: Uint8Array[] = [];
    for (const row of batch) {
      for (let i = 0; i < columns.length; i++) {
        if (i > 0) parts.push(TAB);
        const bytes = rawBytes(row[i] ?? null);
        if (options.terminal) refuseControls(bytes);
        parts.push(bytes);
      }
      parts.push(NEWLINE);
    }
    return Buffer.concat(parts);
  },
  flush: () => "",
  end: () => "",
});

function rawBytes(value: QueryValue): Uint8Array {
  if (value === null) return new Uint8Array(0);
  if (value instanceof Uint8Array) return value;
  if (typeof value === "object" && isJson(value)) return toBytes(JSON.stringify(value.json));
  return toBytes(String(value));
}

/** Newlines and tabs are harmless; everything else a terminal acts on is not shown to one. */
function refuseControls(bytes: Uint8Array): void {
  const text = decodeStrict(bytes);
  if (text !== undefined && isPrintable(text.replace(/[\n\t]/g, ""))) return;
  throw usageError(
    "mode raw does not write binary data to a terminal",
    "send it to a file or a pipe, or use another mode",
  );
}
