/** Where statements come from in batch mode: a text, a file or standard input, as chunks of text. */

import { open } from "node:fs/promises";
import { ExitError, EXIT_ERROR } from "./exit-codes.ts";
import { DescriptorInput, type Input } from "./host.ts";

export interface ScriptSource extends AsyncDisposable {
  /** Shown before line and column in reports. */
  readonly name: string;
  /** The next piece of text, or `undefined` at the end. */
  read(): Promise<string | undefined>;
}

export function textSource(name: string, text: string): ScriptSource {
  let given = false;
  return {
    name,
    async read() {
      if (given) return undefined;
      given = true;
      return text;
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Reads as it goes, so scripts of any size need constant memory. */
export function inputSource(name: string, input: Input): ScriptSource {
  const decoder = new Utf8Stream(name);
  return {
    name,
    async read() {
      for (;;) {
        const bytes = await input.read();
        const text = bytes === undefined ? decoder.end() : decoder.push(bytes);
        if (bytes === undefined) return text === "" ? undefined : text;
        if (text !== "") return text;
      }
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** `.read`, `-f`; `-` is standard input. */
export async function fileSource(path: string): Promise<ScriptSource> {
  try {
    const handle = await open(path, "r");
    if ((await handle.stat()).isDirectory()) {
      await handle.close();
      throw new ExitError(EXIT_ERROR, `cannot read ${path}: it is a directory`);
    }
    return {
      ...inputSource(path, new DescriptorInput(handle.fd, false)),
      [Symbol.asyncDispose]: () => handle.close(),
    };
  } catch (error) {
    if (error instanceof ExitError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const why = code === "ENOENT" ? "there is no such file" : code;
    throw new ExitError(EXIT_ERROR, `cannot read ${path}: ${why}`, undefined, error);
  }
}

/**
 * UTF-8 in chunks that may end inside a character. Invalid bytes are refused, never replaced: a
 * silently changed key is worse than an error. The whole lines before them are delivered first.
 */
export class Utf8Stream {
  readonly #name: string;
  // A byte order mark at the start of the script counts as blank space; elsewhere it is data.
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #line = 1;
  #failure: ExitError | undefined;
  /** Bytes of the line (or character) that is not finished yet, for finding the bad line exactly. */
  #tail: Uint8Array = new Uint8Array(0);

  constructor(name: string) {
    this.#name = name;
  }

  push(bytes: Uint8Array): string {
    if (this.#failure !== undefined) throw this.#failure;
    const all = this.#tail.length === 0 ? bytes : Buffer.concat([this.#tail, bytes]);
    const cut = incompleteTail(all);
    this.#tail = all.slice(cut);
    return this.#decode(all.subarray(0, cut));
  }

  end(): string {
    if (this.#failure !== undefined) throw this.#failure;
    const rest = this.#tail;
    this.#tail = new Uint8Array(0);
    return this.#decode(rest);
  }

  #decode(bytes: Uint8Array): string {
    try {
      const text = this.#decoder.decode(bytes);
      for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) {
        this.#line++;
      }
      return text;
    } catch (error) {
      return this.#decodeLines(bytes, error);
    }
  }

  /** The whole lines before the first bad one; the failure itself comes with the next call. */
  #decodeLines(bytes: Uint8Array, cause: unknown): string {
    let text = "";
    let start = 0;
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, start);
      const end = newline < 0 ? bytes.length : newline + 1;
      try {
        text += this.#decoder.decode(bytes.subarray(start, end));
      } catch {
        break;
      }
      this.#line++;
      start = end;
    }
    this.#failure = new ExitError(
      EXIT_ERROR,
      `${this.#name}:${this.#line}: the input is not valid UTF-8`,
      `write bytes as b"\\xff" or x'ff'`,
      cause,
    );
    if (text === "") throw this.#failure;
    return text;
  }
}

const NEWLINE = 0x0a;

/** Where a character that is not complete yet starts, or the length. */
function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
