/** What the user can change while the shell runs: dot commands write it, the runner reads it. */

import type { ParameterValue } from "./engine.ts";
import type { RenderStyle } from "./renderers/cell.ts";
import type { Mode } from "./renderers/renderer.ts";

export interface Settings {
  mode: Mode;
  keyStyle: RenderStyle;
  valueStyle: RenderStyle;
  headers: boolean;
  timer: boolean;
  /** Rows shown of one result on a terminal; 0 = all. */
  maxRows: number;
  /** Send long results through a pager; on a terminal only. */
  pager: boolean;
  /** `:name` → value; names "1", "2", … stand for `?`. */
  readonly parameters: Map<string, ParameterValue>;
}

export const MAX_ROWS_DEFAULT = 1000;

export function initialSettings(mode: Mode): Settings {
  return {
    mode,
    keyStyle: "auto",
    valueStyle: "auto",
    headers: true,
    timer: false,
    maxRows: MAX_ROWS_DEFAULT,
    pager: false,
    parameters: new Map(),
  };
}
