/** Drives `hold-subject.ts`, a process of its own with a database, compiled or from source. */

import { join } from "node:path";

import { toText } from "../../src/base/bytes.ts";
import { compileProgram } from "./compiled.ts";

export interface Call {
  readonly name: string;
  readonly values: readonly unknown[];
}

export interface Failure {
  /** Of a `MelesError`, otherwise "". */
  readonly code: string;
  readonly message: string;
  readonly cause?: string;
}

export interface Answer {
  readonly value?: unknown;
  readonly failure?: Failure;
}

export class Subject implements AsyncDisposable {
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #answers: AsyncIterator<Answer>;

  private constructor(command: readonly string[]) {
    this.#process = Bun.spawn([...command], { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = linesOf(this.#process.stdout);
  }

  /** @param around what runs the program: given its command line, returns the whole one */
  static async start(
    directory: string,
    around: (command: readonly string[]) => readonly string[] = (command) => command,
  ): Promise<Subject> {
    const program = await compileProgram(join(import.meta.dir, "hold-subject.ts"));
    return new Subject(around([program, directory]));
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** What the call came to. */
  async try(name: string, ...values: unknown[]): Promise<Answer> {
    void this.#process.stdin.write(`${JSON.stringify({ name, values })}\n`);
    await this.#process.stdin.flush();
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error(`the process ended at ${name}: ${this.#process.signalCode}`);
    return value;
  }

  /** The call's result; throws when it fails. */
  async call(name: string, ...values: unknown[]): Promise<unknown> {
    const { value, failure } = await this.try(name, ...values);
    if (failure !== undefined) throw new Error(`${name}: ${failure.code} ${failure.message}`);
    return value;
  }

  /** The call's failure; throws when it succeeds. */
  async failure(name: string, ...values: unknown[]): Promise<Failure> {
    const { failure } = await this.try(name, ...values);
    if (failure === undefined) throw new Error(`${name} succeeded`);
    return failure;
  }

  /** Ends standard input, and with it the program. */
  async end(): Promise<number> {
    await this.#process.stdin.end();
    return this.#process.exited;
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Answer, undefined> {
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + toText(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as Answer;
  }
  return undefined;
}
