/**
 * Drives the line editor on a terminal: keys in, frames out. Keys typed while a statement runs wait
 * for the next prompt, except Ctrl-C, which stops the statement.
 */

import { plainHighlighter, type Highlighter } from "./highlight.ts";
import type { Key } from "./keys.ts";
import { KeyDecoder } from "./keys.ts";
import type { Row } from "./layout.ts";
import { layOut } from "./layout.ts";
import type { EditorContext, EditorState } from "./editor-state.ts";
import { initialState } from "./editor-state.ts";
import { type Effect, step } from "./line-editor.ts";
import { menuRows, searchRow } from "./menu-rows.ts";
import { CONTINUATION, type Reader, type Reading } from "./reader.ts";
import { CLEAR_SCREEN, Repainter } from "./repaint.ts";
import type { Terminal } from "./terminal.ts";

/** How long an escape waits for the rest of a sequence. */
const ESCAPE_MS = 40;

export interface EditorOptions {
  readonly context: EditorContext;
  readonly highlight: Highlighter;
  readonly paint: (text: string, role: string) => string;
}

export class EditorReader implements Reader {
  readonly #terminal: Terminal;
  readonly #options: EditorOptions;
  readonly #decoder = new KeyDecoder();
  readonly #repainter: Repainter;
  #typedAhead: Key[] = [];
  #state: EditorState;
  #prompt = "";
  #finish: ((reading: Reading) => void) | undefined;
  #interrupt: (() => void) | undefined;
  #escapeTimer: ReturnType<typeof setTimeout> | undefined;
  #paintScheduled = false;
  #suspending = false;

  constructor(terminal: Terminal, options: EditorOptions) {
    this.#terminal = terminal;
    this.#options = options;
    this.#repainter = new Repainter(options.paint);
    this.#state = initialState(options.context.history.length);
    terminal.onInput((bytes) => this.#input(bytes));
    terminal.onResize(() => this.#resized());
    terminal.onEnd(() => this.#done({ kind: "end" }, ""));
    terminal.enter();
  }

  read(prompt: string): Promise<Reading> {
    this.#prompt = prompt;
    this.#state = initialState(this.#options.context.history.length, this.#state.killed);
    this.#repainter.forget();
    return new Promise((resolve) => {
      this.#finish = resolve;
      if (this.#terminal.ended) return this.#done({ kind: "end" }, "");
      this.#paint();
      this.#consume();
    });
  }

  watch(interrupt: () => void): Disposable {
    this.#interrupt = interrupt;
    return {
      [Symbol.dispose]: () => {
        this.#interrupt = undefined;
      },
    };
  }

  async lend<T>(use: () => Promise<T>): Promise<T> {
    this.#terminal.leave();
    try {
      return await use();
    } finally {
      this.#terminal.enter();
    }
  }

  close(): void {
    clearTimeout(this.#escapeTimer);
    this.#terminal.leave();
  }

  #input(bytes: Uint8Array): void {
    clearTimeout(this.#escapeTimer);
    this.#receive(this.#decoder.push(bytes));
    if (this.#decoder.waiting) {
      this.#escapeTimer = setTimeout(() => this.#receive(this.#decoder.flush()), ESCAPE_MS);
    }
  }

  #receive(keys: readonly Key[]): void {
    for (const key of keys) {
      const stops = key.kind === "key" && key.control && key.name === "c";
      if (stops && this.#finish === undefined && this.#interrupt !== undefined) {
        this.#typedAhead = [];
        this.#interrupt();
      } else {
        this.#typedAhead.push(key);
      }
    }
    this.#consume();
  }

  /** Feeds waiting keys to the editor until an input is complete. */
  #consume(): void {
    let fed = false;
    while (this.#finish !== undefined && !this.#suspending) {
      const key = this.#typedAhead.shift();
      if (key === undefined) break;
      fed = true;
      const { state, effect } = step(this.#state, key, this.#options.context);
      this.#state = state;
      if (effect !== "none") this.#act(effect, state.text);
    }
    if (fed && this.#finish !== undefined && !this.#suspending) this.#schedulePaint();
  }

  #act(effect: Effect, text: string): void {
    if (effect === "submit") this.#done({ kind: "text", text }, "");
    else if (effect === "interrupt") this.#done({ kind: "interrupt" }, "^C");
    else if (effect === "end") this.#done({ kind: "end" }, "");
    else if (effect === "clear") this.#clear();
    else if (effect === "suspend") void this.#suspend();
  }

  /** Keys that come together, as in a paste, are painted once. */
  #schedulePaint(): void {
    if (this.#paintScheduled) return;
    this.#paintScheduled = true;
    queueMicrotask(() => {
      this.#paintScheduled = false;
      if (this.#finish !== undefined && !this.#suspending) this.#paint();
    });
  }

  #paint(): void {
    const { columns } = this.#terminal.size();
    const { menu, search } = this.#state;
    const below: Row[] = [];
    if (menu !== undefined) below.push(...menuRows(menu, columns));
    if (search !== undefined) below.push(searchRow(search, columns));
    this.#draw(this.#options.highlight, below);
  }

  #draw(highlight: Highlighter, below: readonly Row[]): void {
    const screen = this.#terminal.size();
    const { text, cursor } = this.#state;
    const prompts = {
      first: [{ text: this.#prompt, role: "prompt" }],
      continuation: [{ text: CONTINUATION.padStart(Bun.stringWidth(this.#prompt)), role: "hint" }],
    };
    const layout = layOut(highlight(text), cursor, prompts, screen.columns);
    this.#write(this.#repainter.draw(layout, below, screen));
  }

  /** The last frame stays on the screen without menu, and output goes under it. */
  #done(reading: Reading, mark: string): void {
    const finish = this.#finish;
    if (finish === undefined) return;
    this.#finish = undefined;
    if (!this.#terminal.ended) {
      const { text } = this.#state;
      this.#state = { ...this.#state, cursor: text.length, menu: undefined, search: undefined };
      this.#draw(text === "" ? plainHighlighter : this.#options.highlight, []);
      this.#write(mark + this.#repainter.leave());
    }
    finish(reading);
  }

  #clear(): void {
    this.#write(CLEAR_SCREEN);
    this.#repainter.forget();
  }

  async #suspend(): Promise<void> {
    this.#suspending = true;
    this.#write(this.#repainter.leave());
    try {
      await this.#terminal.suspend();
    } finally {
      this.#suspending = false;
      this.#schedulePaint();
      this.#consume();
    }
  }

  #resized(): void {
    if (this.#finish === undefined) return;
    this.#repainter.resized(this.#terminal.size().columns);
    this.#schedulePaint();
  }

  /** A terminal that cannot be written to ends the input instead. */
  #write(text: string): void {
    this.#terminal.write(text).catch(() => this.#finish?.({ kind: "end" }));
  }
}
