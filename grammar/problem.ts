/**
 * What the builder throws when a text is well formed but means nothing (a bad escape, a clause given
 * twice). `parse` catches it and reports it at its offsets; it never leaves `grammar/`.
 */

import type { Span } from "./ast.ts";

export class Problem extends Error {
  readonly span: Span;
  readonly hint: string | undefined;

  constructor(message: string, span: Span, hint?: string) {
    super(message);
    this.span = span;
    this.hint = hint;
  }
}
