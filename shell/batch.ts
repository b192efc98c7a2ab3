/**
 * Runs scripts: `-c`, `-f`, standard input, `.read`, the rc file. Statements run one after the other
 * while the text is still being read. The first failure stops the run unless `keepGoing`; its exit
 * code is the run's.
 */

import { EXIT_DONE, exitCodeOf, ExitError, usageError } from "./exit-codes.ts";
import { failureReport, isOutputFailure } from "./failure-report.ts";
import type { Interruption } from "./interruption.ts";
import type { Runner } from "./runner.ts";
import type { ScriptSource } from "./script-source.ts";
import { fileSource } from "./script-source.ts";
import { StatementBuffer } from "./statement-buffer.ts";

/** How long to wait for more input before a scan that was put off is made up for. */
const HELD_BACK_MS = 20;
const READ_DEPTH_MAX = 32;
/** Longest stretch of statements without a turn of the event loop. */
const TURN_MS = 20;

/** A unit failed and was reported; the run is over. */
class Stopped extends ExitError {}

export class Batch {
  readonly #runner: Runner;
  readonly #interruption: Pick<Interruption, "race" | "signal">;
  readonly #keepGoing: boolean;
  #exitCode = EXIT_DONE;
  #depth = 0;

  constructor(
    runner: Runner,
    interruption: Pick<Interruption, "race" | "signal">,
    options: { readonly keepGoing: boolean },
  ) {
    this.#runner = runner;
    this.#interruption = interruption;
    this.#keepGoing = options.keepGoing;
    runner.readFile = (path) => this.#readFile(path);
  }

  /** Exit code of the first failure so far. */
  get exitCode(): number {
    return this.#exitCode;
  }

  /** False when a failure ended the run. Output failures and signals are thrown. */
  async run(source: ScriptSource): Promise<boolean> {
    try {
      await this.#script(source);
      return true;
    } catch (error) {
      if (error instanceof Stopped) return false;
      throw error;
    }
  }

  async #script(source: ScriptSource): Promise<void> {
    const buffer = new StatementBuffer(this.#runner.parts.language.statementEnd);
    for (;;) {
      const chunk = await this.#nextChunk(source, buffer);
      if (chunk === undefined) buffer.end();
      else buffer.push(chunk);
      await this.#runUnits(source, buffer);
      if (chunk === undefined || this.#runner.quitting) return;
    }
  }

  async #runUnits(source: ScriptSource, buffer: StatementBuffer): Promise<void> {
    let turnedMs = performance.now();
    while (!this.#runner.quitting) {
      const unit = buffer.next();
      if (unit === undefined) return;
      if (performance.now() - turnedMs > TURN_MS) {
        // Short statements may never wait for anything: signals and flushes get their turn here.
        await this.#interruption.race(new Promise((resolve) => setImmediate(resolve)));
        turnedMs = performance.now();
      }
      try {
        await this.#runner.run(unit, this.#interruption.signal);
      } catch (error) {
        await this.#failed(error, failureReport(error, { file: source.name, unit }));
      }
    }
  }

  async #nextChunk(source: ScriptSource, buffer: StatementBuffer): Promise<string | undefined> {
    try {
      const reading = source.read();
      if (buffer.heldBack) {
        // Whether the read fails is looked at below.
        const idle = Bun.sleep(HELD_BACK_MS).then(() => true);
        if (await Promise.race([reading.then(isIdle, isIdle), idle])) {
          buffer.scanNow();
          await this.#runUnits(source, buffer);
        }
      }
      return await this.#interruption.race(reading);
    } catch (error) {
      if (this.#interruption.signal.aborted || error instanceof Stopped) throw error;
      await this.#failed(error, `meles: ${failureReport(error)}`);
      return undefined;
    }
  }

  /** Reports and goes on, or throws `Stopped`. */
  async #failed(error: unknown, report: string): Promise<void> {
    if (error instanceof Stopped || isOutputFailure(error)) throw error;
    const exitCode = exitCodeOf(error);
    if (this.#interruption.signal.aborted) throw error;
    if (this.#exitCode === EXIT_DONE) this.#exitCode = exitCode;
    const { host } = this.#runner.parts;
    await host.stdout.flush();
    await host.stderr.write(report);
    if (!this.#keepGoing) throw new Stopped(exitCode, "stopped");
  }

  async #readFile(path: string): Promise<void> {
    if (this.#depth >= READ_DEPTH_MAX) {
      throw usageError(
        `.read ${path}: more than ${READ_DEPTH_MAX} files deep`,
        "does a file read itself?",
      );
    }
    await using source = await fileSource(path);
    this.#depth++;
    try {
      await this.#script(source);
    } finally {
      this.#depth--;
    }
  }
}

/** What a read that came in time says to the race against idleness. */
function isIdle(): boolean {
  return false;
}
