/**
 * Reads the output of `bun test` and knows how it went. Pure: lines in, lines to show and a verdict out.
 *
 * The summary at the end is believed when it is there; it also counts files that could not be loaded,
 * which the JUnit report leaves out. Without it (the runner crashed) the lines seen so far are counted,
 * and the crash is one more failure.
 */

export interface Verdict {
  readonly ok: boolean;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** `N passed, N failed[, N skipped]` */
  readonly line: string;
}

const SUMMARY = /^ *(\d+) (pass|fail|skip|todo|error)s?$/;
const RESULT = /^\((pass|fail|skip|todo)\) /;
const HEADING = /^\S+\.(?:spec|test)\.ts:$/;

type Count = "pass" | "fail" | "skip" | "todo" | "error";

export class SpecReport {
  #seen = newCounts();
  #summary = newCounts();
  #summarised = false;
  /** A file's name, held back until one of its specs has something to say. */
  #heading: string | undefined;
  /** An empty line came: shown only between lines that are. */
  #gap = false;

  /** The file whose specs were seen last. */
  file: string | undefined;

  /** Takes one line of output, returns the lines to show for it. */
  take(line: string): string[] {
    const plain = line.trimEnd();

    const summary = SUMMARY.exec(plain);
    if (summary?.[2] === "pass") this.#summary = newCounts(); // its first line
    if (summary !== null) this.#summary[summary[2] as Count] = Number(summary[1]);
    if (/^Ran \d+ tests? across/.test(plain)) this.#summarised = true;

    if (summary !== null || /^\d+ tests? failed:$/.test(plain)) this.#heading = undefined;

    const result = RESULT.exec(plain)?.[1];
    if (result !== undefined) this.#seen[result as Count]++;
    if (result === "pass") return [];

    if (plain === "") {
      this.#gap = true;
      return [];
    }
    if (HEADING.test(plain)) {
      this.#heading = line;
      this.file = plain.slice(0, -1);
      return [];
    }
    const before = this.#heading === undefined ? (this.#gap ? [""] : []) : ["", this.#heading];
    this.#heading = undefined;
    this.#gap = false;
    return [...before, line];
  }

  /** What came of it, given the runner's exit code. */
  verdict(exitCode: number): Verdict {
    const counts = this.#summarised ? this.#summary : this.#seen;
    const passed = counts.pass;
    let failed = Math.max(counts.fail, counts.error);
    if (exitCode !== 0 && failed === 0) failed = 1;
    const skipped = counts.skip + counts.todo;
    const line =
      `${passed} passed, ${failed} failed` + (skipped === 0 ? "" : `, ${skipped} skipped`);
    return { ok: exitCode === 0 && failed === 0 && passed > 0, passed, failed, skipped, line };
  }
}

function newCounts(): Record<Count, number> {
  return { pass: 0, fail: 0, skip: 0, todo: 0, error: 0 };
}
