/** What the interactive loop wants from whoever reads input: the editor, or plain lines. */

export type Reading =
  | { readonly kind: "text"; readonly text: string }
  /** Ctrl-C: the input was dropped. */
  | { readonly kind: "interrupt" }
  /** Ctrl-D, or the terminal is gone. */
  | { readonly kind: "end" };

export interface Reader {
  /** Reads one complete input: statements, or a dot command. */
  read(prompt: string): Promise<Reading>;
  /** Called while something runs: Ctrl-C goes to `interrupt` instead of the input. */
  watch(interrupt: () => void): Disposable;
  /** Lends the terminal to another program, e.g. a pager, for as long as `use` takes. */
  lend<T>(use: () => Promise<T>): Promise<T>;
  close(): void;
}

export const CONTINUATION = "…> ";
