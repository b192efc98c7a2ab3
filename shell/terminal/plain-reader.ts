/**
 * Reads lines the way the terminal driver edits them, without a single escape code: for TERM=dumb and
 * for output that is no terminal. Prompts go to whichever of the two streams is a terminal.
 */

import type { Host, Output } from "../host.ts";
import { CONTINUATION, type Reader, type Reading } from "./reader.ts";

export class PlainReader implements Reader {
  readonly #host: Host;
  readonly #isComplete: (text: string) => boolean;
  readonly #prompts: Output;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #buffered = "";
  #ended = false;
  /** A read that was under way when Ctrl-C came; the next one takes it over. */
  #pending: Promise<Uint8Array | undefined> | undefined;

  constructor(host: Host, isComplete: (text: string) => boolean) {
    this.#host = host;
    this.#isComplete = isComplete;
    this.#prompts = host.stdout.isTerminal ? host.stdout : host.stderr;
  }

  async read(prompt: string): Promise<Reading> {
    let text = "";
    for (;;) {
      await this.#say(text === "" ? prompt : CONTINUATION.padStart(prompt.length));
      const line = await this.#line();
      if (line === "interrupt") {
        await this.#say("\n");
        return { kind: "interrupt" };
      }
      if (line === undefined) {
        await this.#say("\n");
        return text.trim() === "" ? { kind: "end" } : { kind: "text", text };
      }
      text = text === "" ? line : `${text}\n${line}`;
      if (this.#isComplete(text)) return { kind: "text", text };
    }
  }

  watch(interrupt: () => void): Disposable {
    const unlisten = this.#host.onSignal((kind) => {
      if (kind === "interrupt") interrupt();
    });
    return { [Symbol.dispose]: unlisten };
  }

  lend<T>(use: () => Promise<T>): Promise<T> {
    return use();
  }

  close(): void {}

  async #say(text: string): Promise<void> {
    await this.#prompts.write(text);
    await this.#prompts.flush();
  }

  async #line(): Promise<string | undefined | "interrupt"> {
    for (;;) {
      const newline = this.#buffered.indexOf("\n");
      if (newline >= 0) {
        const line = this.#buffered.slice(0, newline);
        this.#buffered = this.#buffered.slice(newline + 1);
        return line;
      }
      if (this.#ended) {
        const rest = this.#buffered;
        this.#buffered = "";
        return rest === "" ? undefined : rest;
      }
      const bytes = await this.#bytes();
      if (bytes === "interrupt") return bytes;
      if (bytes === undefined) this.#ended = true;
      else this.#buffered += this.#decoder.decode(bytes, { stream: true });
    }
  }

  async #bytes(): Promise<Uint8Array | undefined | "interrupt"> {
    this.#pending ??= this.#host.stdin.read();
    let unlisten: () => void = () => undefined;
    const interrupted = new Promise<"interrupt">((resolve) => {
      unlisten = this.#host.onSignal((kind) => {
        if (kind === "interrupt") resolve("interrupt");
      });
    });
    try {
      const bytes = await Promise.race([this.#pending, interrupted]);
      if (bytes !== "interrupt") this.#pending = undefined;
      return bytes;
    } finally {
      unlisten();
    }
  }
}
