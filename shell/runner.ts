/**
 * Runs one unit of input, a statement or a dot command, and shows what comes of it. The same for
 * batch and interactive use; knows no terminal codes. Failures are thrown, and nothing of a failed
 * unit is left half open.
 */

import type { Paint, Renderer } from "./renderers/renderer.ts";
import type { Language, Statement, StatementResult } from "./engine.ts";
import { EXIT_CORRUPTION, EXIT_INTERRUPTED, ExitError } from "./exit-codes.ts";
import { SyntaxFailure } from "./failure-report.ts";
import type { Host } from "./host.ts";
import { formatDuration } from "./messages.ts";
import type { Outlet } from "./outlet.ts";
import { parametersFor } from "./parameters.ts";
import { RENDERERS } from "./renderers/modes.ts";
import { countRows, PLAIN } from "./renderers/renderer.ts";
import { writeRows } from "./result-view.ts";
import type { Settings } from "./settings.ts";
import type { Sink } from "./sink.ts";
import { ClosedPipe } from "./sink.ts";
import type { Unit } from "./statement-buffer.ts";
import type { Workspace } from "./workspace.ts";

export interface RunnerParts {
  readonly host: Host;
  readonly language: Language;
  readonly workspace: Workspace;
  readonly settings: Settings;
  readonly outlet: Outlet;
  /** A person watches: say what was done, cap long results. */
  readonly interactive: boolean;
  /** For output to the terminal; plain when colours are off. */
  readonly paint: Paint;
}

type Rows = Extract<StatementResult, { kind: "rows" }>;

export class Runner {
  readonly parts: RunnerParts;
  /** Set by `.quit`: no further unit is to be run. */
  quitting = false;
  /** What `.read` calls; given by whoever knows how to run a script. */
  readFile: (path: string, signal: AbortSignal) => Promise<void>;
  /** What was typed so far, oldest first; empty in scripts. */
  history: () => readonly string[] = () => [];
  /** Wraps the sink of one result, e.g. in a pager; the result of `finish` is awaited after it. */
  page: ((sink: Sink) => { sink: Sink; finish(): Promise<void> }) | undefined;

  constructor(parts: RunnerParts) {
    this.parts = parts;
    this.readFile = () => Promise.reject(new ExitError(2, ".read is not possible here"));
  }

  async run(unit: Unit, signal: AbortSignal): Promise<void> {
    const { outlet, workspace, interactive } = this.parts;
    if (unit.kind === "dot") {
      const { runDotCommand } = await import("./dot-commands/dispatch.ts");
      await runDotCommand(this, unit.text, signal);
      return;
    }
    try {
      const parsed = this.parts.language.parse(unit.text);
      if (parsed.kind !== "ok") {
        // A person sees the error and types again; a script that goes on must not commit the rest.
        if (!interactive) workspace.session.fail();
        throw new SyntaxFailure(parsed.diagnostic);
      }
      const positional = parsed.parameters.positional > 0;
      for (const { statement } of parsed.statements) {
        await this.#statement(statement, unit.text, positional, signal);
      }
    } finally {
      await workspace.progress.clear();
      await outlet.settle();
    }
  }

  /** The renderer for the current mode and outlet. */
  renderer(columns: readonly string[]): Renderer {
    const { settings, outlet, language, paint } = this.parts;
    return RENDERERS[settings.mode](columns, {
      keyStyle: settings.keyStyle,
      valueStyle: settings.valueStyle,
      headers: settings.headers,
      footer: true,
      terminal: outlet.isTerminal,
      paint: outlet.sink === this.parts.host.stdout ? paint : PLAIN,
      quoteBytes: language.quoteBytes,
    });
  }

  /** Something to say that is no result: on the terminal among the results, in a script on standard error. */
  async say(text: string): Promise<void> {
    const { host, interactive } = this.parts;
    await (interactive ? host.stdout : host.stderr).write(`${text}\n`);
  }

  async #statement(
    statement: Statement,
    text: string,
    positional: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { workspace, settings } = this.parts;
    const startMs = performance.now();
    const parameters = parametersFor(settings.parameters, positional);
    const result = await workspace.session.execute(statement, parameters, { signal, text });
    let rowCount = 0;
    if (result.kind === "rows") rowCount = await this.#rows(result, signal);
    else if (result.kind === "missing") await this.#missing();
    else await this.#done(statement, result.message);
    if (settings.timer) await this.say(`time: ${formatDuration(performance.now() - startMs)}`);
    if (signal.aborted) throw new ExitError(EXIT_INTERRUPTED, "interrupted");
    // VERIFY lists what it finds; a script must notice.
    const verified = statement.kind === "maintenance" && statement.action === "verify";
    if (verified && rowCount > 0) {
      throw new ExitError(EXIT_CORRUPTION, `damage found: ${countRows(rowCount)} of findings`);
    }
  }

  async #rows(result: Rows, signal: AbortSignal): Promise<number> {
    const { settings, outlet, interactive } = this.parts;
    const renderer = this.renderer(result.columns.map((column) => column.name));
    const capped = interactive && outlet.isTerminal && isForPeople(settings.mode);
    const paged = capped && settings.pager ? this.page?.(outlet.sink) : undefined;
    const maxRows = capped && paged === undefined ? settings.maxRows : 0;
    let count = 0;
    try {
      count = await writeRows(result, renderer, paged?.sink ?? outlet.sink, { maxRows, signal });
    } catch (error) {
      // Leaving the pager early is no failure.
      if (paged === undefined || !(error instanceof ClosedPipe)) throw error;
    } finally {
      await paged?.finish();
    }
    const note = result.note();
    if (note !== undefined && note !== "") await this.say(note);
    return count;
  }

  async #missing(): Promise<void> {
    if (this.parts.interactive) await this.say(this.parts.paint("no such key", "null"));
  }

  /** A script of ten thousand PUTs has nothing to say; one COMMIT has its version. */
  async #done(statement: Statement, message: string): Promise<void> {
    const quiet =
      statement.kind === "put" || statement.kind === "del" || statement.kind === "begin";
    if (message !== "" && (this.parts.interactive || !quiet)) await this.say(message);
  }
}

function isForPeople(mode: Settings["mode"]): boolean {
  return mode === "table" || mode === "line" || mode === "markdown";
}
