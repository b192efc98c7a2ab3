/** The executable under test, started in a directory of its own, and what may be demanded of a run. */

import { capture, type Outcome } from "../child.ts";

/** How long a run may take before it counts as hung. */
const PATIENCE_MS = 60_000;

export class Program {
  readonly executable: string;
  /** The working directory; empty at first. */
  readonly directory: string;

  constructor(executable: string, directory: string) {
    this.executable = executable;
    this.directory = directory;
  }

  /** Runs to the end. */
  async run(parameters: readonly string[], input?: string): Promise<Run> {
    const outcome = await withPatience(
      capture([this.executable, ...parameters], {
        cwd: this.directory,
        ...(input === undefined ? {} : { input }),
      }),
      parameters.join(" "),
    );
    return new Run(parameters, outcome);
  }

  /** Runs a line of the system's shell, in which `"$MELES"` is the program. */
  async shell(line: string): Promise<Run> {
    const outcome = await withPatience(
      capture(["bash", "-c", line], { cwd: this.directory, env: { MELES: this.executable } }),
      line,
    );
    return new Run([line], outcome);
  }

  /** Starts without waiting for the end. stdin stays open until it is ended or the process killed. */
  start(parameters: readonly string[]): Bun.Subprocess<"pipe", "pipe", "pipe"> {
    return Bun.spawn([this.executable, ...parameters], {
      cwd: this.directory,
      stdio: ["pipe", "pipe", "pipe"],
    });
  }
}

/** A finished run. The `expect…` calls throw with everything that is known about it. */
export class Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  readonly #parameters: readonly string[];

  constructor(parameters: readonly string[], outcome: Outcome) {
    this.#parameters = parameters;
    this.stdout = outcome.stdout;
    this.stderr = outcome.stderr;
    this.exitCode = outcome.exitCode;
  }

  expectExit(code: number): this {
    if (this.exitCode !== code) this.#fail(`exit code ${this.exitCode} instead of ${code}`);
    return this;
  }

  expectStdout(text: string): this {
    if (this.stdout !== text) this.#fail(`stdout is not ${JSON.stringify(text)}`);
    return this;
  }

  expectInStdout(...parts: readonly string[]): this {
    const missing = parts.find((part) => !this.stdout.includes(part));
    if (missing !== undefined) this.#fail(`stdout lacks ${JSON.stringify(missing)}`);
    return this;
  }

  expectInStderr(...parts: readonly string[]): this {
    const missing = parts.find((part) => !this.stderr.includes(part));
    if (missing !== undefined) this.#fail(`stderr lacks ${JSON.stringify(missing)}`);
    return this;
  }

  expectQuietStderr(): this {
    if (this.stderr !== "") this.#fail("stderr is not empty");
    return this;
  }

  #fail(reason: string): never {
    const shorten = (text: string) => JSON.stringify(text.slice(0, 500));
    throw new Error(
      `${reason}\nmeles ${this.#parameters.join(" ")}: exit code ${this.exitCode}\n` +
        `stdout ${shorten(this.stdout)}\nstderr ${shorten(this.stderr)}`,
    );
  }
}

/** Reads a stream until `enough` says so; returns all that was read. */
export async function readUntil(
  stream: ReadableStream<Uint8Array>,
  enough: (text: string) => boolean,
): Promise<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    while (!enough(text)) {
      const { done, value } = await withPatience(reader.read(), `output after ${text.slice(-200)}`);
      if (done) break;
      text += decoder.decode(value, { stream: true });
    }
  } finally {
    reader.releaseLock();
  }
  return text;
}

async function withPatience<T>(work: Promise<T>, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(`nothing came of ${what} in ${PATIENCE_MS / 1000} s`));
  }, PATIENCE_MS);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
