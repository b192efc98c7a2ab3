/**
 * The interactive loop: prompt, read, run, show, again. Ctrl-C at the prompt drops the input, while a
 * statement runs it stops the statement; neither ends the session. SIGTERM ends it cleanly.
 */

import { VERSION } from "./commands/version.ts";
import { visibleText } from "./renderers/cell.ts";
import { PLAIN } from "./renderers/renderer.ts";
import { EXIT_DONE, EXIT_TERMINATED, type ExitError, usageError } from "./exit-codes.ts";
import { failureReport, isOutputFailure } from "./failure-report.ts";
import type { Runner } from "./runner.ts";
import { Batch } from "./batch.ts";
import { fileSource } from "./script-source.ts";
import { StatementBuffer } from "./statement-buffer.ts";
import { liveCatalog } from "./terminal/catalog.ts";
import { suggest } from "./terminal/completer.ts";
import { EditorReader } from "./terminal/editor-reader.ts";
import { highlighter, paintRun, plainHighlighter } from "./terminal/highlight.ts";
import { History, historyPath } from "./terminal/history.ts";
import { pagedSink } from "./terminal/pager.ts";
import { PlainReader } from "./terminal/plain-reader.ts";
import type { Reader, Reading } from "./terminal/reader.ts";
import { processTerminal, type Terminal } from "./terminal/terminal.ts";

export interface InteractiveOptions {
  /** No escape codes: lines as the terminal driver edits them. */
  readonly plain: boolean;
  /** For specs; the process's own by default. */
  readonly terminal?: Terminal;
}

export async function runInteractively(
  runner: Runner,
  options: InteractiveOptions,
): Promise<number> {
  const loop = new InteractiveLoop(runner, options);
  try {
    return await loop.run();
  } finally {
    loop.close();
  }
}

class InteractiveLoop {
  readonly #runner: Runner;
  readonly #reader: Reader;
  readonly #history: History;
  readonly #terminated: Promise<"terminated">;
  readonly #unlisten: () => void;
  #running: AbortController | undefined;
  #terminating = false;

  constructor(runner: Runner, { plain, terminal }: InteractiveOptions) {
    const { host } = runner.parts;
    this.#runner = runner;
    this.#history = new History(historyPath(host));
    this.#reader = plain
      ? new PlainReader(host, (text) => this.#isComplete(text))
      : this.#editor(terminal ?? processTerminal(host));
    runner.history = () => this.#history.entries;
    runner.readFile = (path, signal) => this.#readFile(path, signal);
    if (!plain) runner.page = (output) => pagedSink(host, this.#reader, output);
    const { promise, resolve } = Promise.withResolvers<"terminated">();
    this.#terminated = promise;
    this.#unlisten = host.onSignal((kind) => {
      if (kind === "interrupt") return;
      this.#terminating = true;
      this.#running?.abort();
      resolve("terminated");
    });
  }

  async run(): Promise<number> {
    await this.#runner.say(this.#banner());
    while (!this.#runner.quitting) {
      await this.#runner.parts.host.stdout.flush();
      const reading = await Promise.race([this.#reader.read(this.#prompt()), this.#terminated]);
      if (reading === "terminated") return EXIT_TERMINATED;
      if (reading.kind === "end") break;
      if (reading.kind === "text") await this.#handle(reading);
      if (this.#terminating) return EXIT_TERMINATED;
    }
    return EXIT_DONE;
  }

  close(): void {
    this.#unlisten();
    this.#reader.close();
  }

  #editor(terminal: Terminal): Reader {
    const { language, workspace, paint } = this.#runner.parts;
    const catalog = liveCatalog(() => workspace.database);
    const history = this.#history;
    const colored = paint !== PLAIN;
    return new EditorReader(terminal, {
      context: {
        isComplete: (text) => this.#isComplete(text),
        suggest: (text, cursor) => suggest(language, catalog, text, cursor),
        get history() {
          return history.entries;
        },
      },
      highlight: colored ? highlighter(language) : plainHighlighter,
      // The selected item of a menu must be seen without colours too.
      paint: (text, role) => (colored || role === "selected" ? paintRun(text, role) : text),
    });
  }

  /** A dot command is one line; statements are complete when the grammar wants no more of them. */
  #isComplete(text: string): boolean {
    if (text.trimStart().startsWith(".") || text.trim() === "") return true;
    return (
      this.#runner.parts.language.parse(text, { requireSemicolon: true }).kind !== "incomplete"
    );
  }

  async #handle({ text }: Extract<Reading, { kind: "text" }>): Promise<void> {
    this.#history.add(text);
    const buffer = new StatementBuffer(this.#runner.parts.language.statementEnd);
    buffer.push(text);
    buffer.end();
    const controller = new AbortController();
    this.#running = controller;
    using _watch = this.#reader.watch(() => controller.abort());
    try {
      for (let unit = buffer.next(); unit !== undefined; unit = buffer.next()) {
        await this.#runner.run(unit, controller.signal);
        if (this.#runner.quitting) break;
      }
    } catch (error) {
      await this.#report(error);
    } finally {
      this.#running = undefined;
    }
  }

  async #report(error: unknown): Promise<void> {
    if (isOutputFailure(error) && !this.#outletIsFile()) throw error;
    const { host, paint } = this.#runner.parts;
    const [first = "", ...rest] = failureReport(error).trimEnd().split("\n");
    await host.stdout.write(`${[paint(first, "error"), ...rest].join("\n")}\n`);
  }

  /** A full disk under `.output` is reported; a terminal that is gone ends the session. */
  #outletIsFile(): boolean {
    const { outlet, host } = this.#runner.parts;
    return outlet.sink !== host.stdout;
  }

  async #readFile(path: string, signal: AbortSignal): Promise<void> {
    const aborted = (): ExitError => usageError("interrupted", "the rest of the file was not run");
    const race = async <T>(work: Promise<T>): Promise<T> => {
      if (signal.aborted) throw aborted();
      return work;
    };
    const previous = this.#runner.readFile;
    await using source = await fileSource(path);
    try {
      const batch = new Batch(this.#runner, { race, signal }, { keepGoing: false });
      await batch.run(source);
    } finally {
      this.#runner.readFile = previous;
    }
  }

  #banner(): string {
    const { database } = this.#runner.parts.workspace;
    const mode = database.readOnly ? ", read-only" : "";
    return `meles ${VERSION}, ${visibleText(database.path)}${mode}; .help for help, .quit or Ctrl-D to leave`;
  }

  #prompt(): string {
    const { transaction } = this.#runner.parts.workspace.session;
    if (transaction === undefined) return "meles> ";
    const { readVersion, failed, hasWrites } = transaction;
    const mark = failed ? "!" : hasWrites ? "*" : "";
    return `meles(tx ${readVersion})${mark}> `;
  }
}
