/**
 * Cuts a stream of text into statements and dot commands, each with the place it starts at. Pure; it
 * knows neither files nor terminals, and where the input was cut into chunks makes no difference.
 *
 * A statement ends with the grammar's `;`. A dot command is a line that starts with "." where a
 * statement could start. Comments and blank space before either belong to neither.
 *
 * Cost: every unit is scanned once when it is complete. A unit that is not complete yet is scanned
 * again only when a chunk brought something that could end it, and a long one (`LONG_UNITS`) only
 * when it has grown by half, so one huge statement costs a linear, not a quadratic, number of steps.
 * `heldBack` says that such a scan is being put off: call `scanNow` before waiting for more input.
 */

export interface Unit {
  readonly kind: "statement" | "dot";
  /** A statement without its `;`-less remainder; a dot command without its newline. */
  readonly text: string;
  /** Where `text` starts in the input, both from 1; columns count code points. */
  readonly line: number;
  readonly column: number;
}

/** Offset after the `;` that ends the statement at `from`, or -1: the grammar's `statementEnd`. */
export type StatementEnd = (text: string, from: number) => number;

const LONG_UNITS = 1 << 20;
/** A unit that has not ended here never will: it is handed on, for the grammar to refuse. More than that takes. */
export const UNIT_LENGTH_MAX = (1 << 28) + 1;

export class StatementBuffer {
  readonly #statementEnd: StatementEnd;
  #text = "";
  /** Everything before it is consumed. */
  #start = 0;
  #line = 1;
  #column = 1;
  #ended = false;
  /** Length at which the unit at `#start` was found incomplete; -1 when it was not scanned yet. */
  #scannedLength = -1;
  #mayBeComplete = true;

  constructor(statementEnd: StatementEnd) {
    this.#statementEnd = statementEnd;
  }

  push(chunk: string): void {
    if (this.#scannedLength >= 0) {
      // A line of a dot command or a comment ends with a newline, everything else with ";" or "*/".
      this.#mayBeComplete ||= /[;\n/]/.test(chunk);
    }
    this.#text = this.#text.slice(this.#start) + chunk;
    if (this.#scannedLength >= 0) this.#scannedLength -= this.#start;
    this.#start = 0;
  }

  /** No more input: what is left, even without `;`, is the last unit. */
  end(): void {
    this.#ended = true;
    this.scanNow();
  }

  get heldBack(): boolean {
    return this.#mayBeComplete && this.#tooSoon();
  }

  scanNow(): void {
    this.#scannedLength = -1;
    this.#mayBeComplete = true;
  }

  /** Text that no unit has been made of yet. */
  get rest(): string {
    return this.#text.slice(this.#start);
  }

  /** The next complete unit, or `undefined` until more is pushed. */
  next(): Unit | undefined {
    const isLong = this.#text.length - this.#start >= UNIT_LENGTH_MAX;
    if (!isLong && (!this.#mayBeComplete || this.#tooSoon())) return undefined;
    this.#skipBlank();
    if (this.#start >= this.#text.length) return this.#incomplete();
    return this.#text.charCodeAt(this.#start) === DOT ? this.#dotCommand() : this.#statement();
  }

  #tooSoon(): boolean {
    const scanned = this.#scannedLength;
    return scanned > LONG_UNITS && this.#text.length < scanned + (scanned >> 1);
  }

  #dotCommand(): Unit | undefined {
    const newline = this.#text.indexOf("\n", this.#start);
    if (newline < 0 && !this.#ended) return this.#incomplete();
    const unit = this.#take("dot", newline < 0 ? this.#text.length : newline);
    return { ...unit, text: unit.text.trimEnd() };
  }

  #statement(): Unit | undefined {
    const end = this.#statementEnd(this.#text, this.#start);
    if (end >= 0) return this.#take("statement", end);
    if (!this.#ended) return this.#incomplete();
    return this.#take("statement", this.#text.length);
  }

  #incomplete(): Unit | undefined {
    if (this.#text.length - this.#start >= UNIT_LENGTH_MAX) {
      return this.#take("statement", this.#text.length);
    }
    this.#scannedLength = this.#text.length;
    this.#mayBeComplete = false;
    return undefined;
  }

  #take(kind: Unit["kind"], end: number): Unit {
    const text = this.#text.slice(this.#start, end);
    const unit: Unit = { kind, text, line: this.#line, column: this.#column };
    this.#advance(end);
    this.#scannedLength = -1;
    return unit;
  }

  /** Passes over white space and finished comments; an unfinished one stays. */
  #skipBlank(): void {
    const text = this.#text;
    let at = this.#start;
    while (at < text.length) {
      const unit = text.charCodeAt(at);
      if (isBlank(unit)) {
        at++;
      } else if (unit === DASH && text.charCodeAt(at + 1) === DASH) {
        const newline = text.indexOf("\n", at);
        if (newline < 0) {
          if (this.#ended) at = text.length;
          break;
        }
        at = newline + 1;
      } else if (unit === SLASH && text.charCodeAt(at + 1) === STAR) {
        const close = text.indexOf("*/", at + 2);
        if (close < 0) break;
        at = close + 2;
      } else {
        break;
      }
    }
    this.#advance(at);
  }

  #advance(end: number): void {
    for (;;) {
      const newline = this.#text.indexOf("\n", this.#start);
      if (newline < 0 || newline >= end) break;
      this.#line++;
      this.#column = 1;
      this.#start = newline + 1;
    }
    for (let at = this.#start; at < end; at++) {
      // The second half of a surrogate pair is no column of its own.
      if ((this.#text.charCodeAt(at) & 0xfc00) !== 0xdc00) this.#column++;
    }
    this.#start = end;
  }
}

const DOT = 0x2e;
const DASH = 0x2d;
const SLASH = 0x2f;
const STAR = 0x2a;

function isBlank(unit: number): boolean {
  return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d) || unit === 0xfeff || unit === 0xa0;
}
