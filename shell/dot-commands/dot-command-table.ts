/**
 * The dot commands, one row each: `.help` and completion derive from this table, dispatch looks rows
 * up in it.
 */

import { RENDER_STYLES } from "../renderers/cell.ts";
import { MODES } from "../renderers/renderer.ts";
import type { Runner } from "../runner.ts";
import { runParam } from "./param.ts";
import { runOpen, runOutput, runRead } from "./files.ts";
import { runHelp } from "./help.ts";
import { runHistory } from "./history.ts";
import { runMaxRows, runMode, runPager, runRender, runTimer, runHeaders } from "./settings.ts";
import { runLevels, runStats, runTables } from "./state.ts";

export interface DotContext {
  readonly runner: Runner;
  /** What was typed, e.g. `.mode`. */
  readonly name: string;
  readonly arguments: readonly string[];
  /** The rest of the line as it was typed. */
  readonly rest: string;
  readonly signal: AbortSignal;
}

export interface DotCommand {
  readonly name: string;
  /** For help; `[X]` is optional. */
  readonly usage: string;
  /** Fewest and most arguments; "line" for one that takes the rest of the line as it is. */
  readonly arity: readonly [number, number] | "line";
  readonly summary: string;
  /** For completion of the first argument. */
  readonly completes?: "file" | "directory" | readonly string[];
  readonly run: (context: DotContext) => Promise<void>;
}

const ON_OFF = ["on", "off"];

export const DOT_COMMANDS: readonly DotCommand[] = [
  {
    name: ".headers",
    usage: "[on|off]",
    arity: [0, 1],
    summary: "column names in csv and tsv",
    completes: ON_OFF,
    run: runHeaders,
  },
  {
    name: ".help",
    usage: "[PATTERN]",
    arity: [0, 1],
    summary: "dot commands and statements, or those that match",
    run: runHelp,
  },
  {
    name: ".history",
    usage: "[N]",
    arity: [0, 1],
    summary: "the last N entries typed (default 20)",
    run: runHistory,
  },
  {
    name: ".levels",
    usage: "",
    arity: [0, 0],
    summary: "the levels of the tree",
    run: runLevels,
  },
  {
    name: ".maxrows",
    usage: "[N]",
    arity: [0, 1],
    summary: "rows shown of one result on a terminal; 0 for all",
    run: runMaxRows,
  },
  {
    name: ".mode",
    usage: "[MODE]",
    arity: [0, 1],
    summary: `how results are written: ${MODES.join(" ")}`,
    completes: MODES,
    run: runMode,
  },
  {
    name: ".once",
    usage: "FILE",
    arity: [1, 1],
    summary: "write the next result to a file",
    completes: "file",
    run: runOutput,
  },
  {
    name: ".open",
    usage: "DIR [VALUEDIR]",
    arity: [1, 2],
    summary: "close this database and open another; VALUEDIR as --value-dir",
    completes: "directory",
    run: runOpen,
  },
  {
    name: ".output",
    usage: "[FILE]",
    arity: [0, 1],
    summary: "write results to a file; without FILE, to standard output again",
    completes: "file",
    run: runOutput,
  },
  {
    name: ".pager",
    usage: "[on|off]",
    arity: [0, 1],
    summary: "show long results in $MELES_PAGER, $PAGER or less",
    completes: ON_OFF,
    run: runPager,
  },
  {
    name: ".param",
    usage: "[NAME=VALUE | NAME:=LITERAL | clear [NAME]]",
    arity: "line",
    summary: "list or set what :NAME stands for; 1=VALUE sets the first ?",
    completes: ["clear"],
    run: runParam,
  },
  {
    name: ".quit",
    usage: "",
    arity: [0, 0],
    summary: "leave; so does Ctrl-D",
    run: async ({ runner }) => {
      runner.quitting = true;
    },
  },
  {
    name: ".read",
    usage: "FILE",
    arity: [1, 1],
    summary: "run the statements of a file",
    completes: "file",
    run: runRead,
  },
  {
    name: ".render",
    usage: "[key|value] [STYLE]",
    arity: [0, 2],
    summary: `how keys and values are shown: ${RENDER_STYLES.join(" ")}`,
    completes: [...RENDER_STYLES, "key", "value"],
    run: runRender,
  },
  {
    name: ".stats",
    usage: "",
    arity: [0, 0],
    summary: "the engine's counters",
    run: runStats,
  },
  {
    name: ".tables",
    usage: "",
    arity: [0, 0],
    summary: "the tables of every level",
    run: runTables,
  },
  {
    name: ".timer",
    usage: "[on|off]",
    arity: [0, 1],
    summary: "say how long each statement took",
    completes: ON_OFF,
    run: runTimer,
  },
];
