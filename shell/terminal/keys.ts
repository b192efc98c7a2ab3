/**
 * Bytes of a terminal in raw mode → keys. Keeps what is not complete yet (half a character, half an
 * escape sequence, an open paste) for the next push. Pure.
 */

export type Key =
  /** Typed text, one or more characters, no controls. */
  | { readonly kind: "text"; readonly text: string }
  /** Pasted between bracketed-paste marks: one piece, newlines included. */
  | { readonly kind: "paste"; readonly text: string }
  | {
      readonly kind: "key";
      /** `left`, `enter`, `backspace`, …, or the letter of a control or alt combination. */
      readonly name: string;
      readonly control: boolean;
      readonly alt: boolean;
      readonly shift: boolean;
    };

export function key(
  name: string,
  modifiers: { control?: boolean; alt?: boolean; shift?: boolean } = {},
): Key {
  const { control = false, alt = false, shift = false } = modifiers;
  return { kind: "key", name, control, alt, shift };
}

const PASTE_START = "\x1b[200~";
const PASTE_END = "\x1b[201~";

/** Final letters of `ESC [ … X` and `ESC O X`. */
const LETTERS: Readonly<Record<string, string>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  E: "begin",
  F: "end",
  H: "home",
  M: "enter",
  Z: "backtab",
  P: "f1",
  Q: "f2",
  R: "f3",
  S: "f4",
};

/** Numbers of `ESC [ N ~`. */
const NUMBERS: Readonly<Record<string, string>> = {
  1: "home",
  2: "insert",
  3: "delete",
  4: "end",
  5: "pageup",
  6: "pagedown",
  7: "home",
  8: "end",
};

/** A control sequence: parameters, intermediates, final byte. */
// oxlint-disable-next-line no-control-regex
const SEQUENCE = /^\x1b(?:\[([0-9;:<=>?]*)[ -/]*([@-~])|O([ -~]))/;
/** The beginning of one that may still be completed. */
// oxlint-disable-next-line no-control-regex
const PARTIAL = /^\x1b(?:\[[0-9;:<=>?]*[ -/]*|O)?$/;
/** An unfinished sequence longer than this is noise, not a sequence. */
const SEQUENCE_LENGTH_MAX = 64;

export class KeyDecoder {
  readonly #utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  #pending = "";
  #paste: string | undefined;

  push(bytes: Uint8Array): Key[] {
    this.#pending += this.#utf8.decode(bytes, { stream: true });
    return this.#decode(false);
  }

  /** True when an escape is waiting for what may follow it: call `flush` if nothing does. */
  get waiting(): boolean {
    return this.#paste === undefined && this.#pending !== "";
  }

  /** Nothing followed: an escape is the Escape key. */
  flush(): Key[] {
    return this.#decode(true);
  }

  #decode(final: boolean): Key[] {
    const keys: Key[] = [];
    while (this.#pending !== "") {
      const before = this.#pending.length;
      if (this.#paste !== undefined) this.#decodePaste(keys);
      else this.#decodeOne(keys, final);
      if (this.#pending.length === before) break;
    }
    return keys;
  }

  #decodePaste(keys: Key[]): void {
    const end = this.#pending.indexOf(PASTE_END);
    if (end >= 0) {
      keys.push({ kind: "paste", text: cleanPaste(this.#paste + this.#pending.slice(0, end)) });
      this.#paste = undefined;
      this.#pending = this.#pending.slice(end + PASTE_END.length);
      return;
    }
    // The end mark itself may be cut in two.
    const safe = Math.max(0, this.#pending.length - PASTE_END.length + 1);
    this.#paste += this.#pending.slice(0, safe);
    this.#pending = this.#pending.slice(safe);
  }

  #decodeOne(keys: Key[], final: boolean): void {
    const text = this.#pending;
    // oxlint-disable-next-line no-control-regex
    const plain = /^[^\x00-\x1f\x7f-\x9f]+/.exec(text)?.[0];
    if (plain !== undefined) {
      this.#take(plain.length);
      keys.push({ kind: "text", text: plain });
    } else if (text.startsWith(PASTE_START)) {
      this.#take(PASTE_START.length);
      this.#paste = "";
    } else if (text.charCodeAt(0) === 0x1b) {
      this.#decodeEscape(keys, final);
    } else {
      this.#take(1);
      const control = controlKey(text.charCodeAt(0));
      if (control !== undefined) keys.push(control);
    }
  }

  #decodeEscape(keys: Key[], final: boolean): void {
    const text = this.#pending;
    const sequence = SEQUENCE.exec(text);
    if (sequence !== null) {
      this.#take(sequence[0].length);
      const decoded = sequenceKey(sequence[1] ?? "", sequence[2] ?? sequence[3] ?? "");
      if (decoded !== undefined) keys.push(decoded);
      return;
    }
    if (!final && PARTIAL.test(text) && text.length < SEQUENCE_LENGTH_MAX) return;
    if (text.length === 1 || text.charCodeAt(1) === 0x1b) {
      this.#take(1);
      keys.push(key("escape"));
      return;
    }
    // ESC before anything else is that key with Alt.
    const code = text.codePointAt(1) as number;
    const letter = String.fromCodePoint(code);
    this.#take(1 + letter.length);
    const control = code < 0x20 || code === 0x7f ? controlKey(code) : undefined;
    if (control?.kind === "key") keys.push({ ...control, alt: true });
    else if (code >= 0x20 && code !== 0x7f) keys.push(key(letter, { alt: true }));
  }

  #take(length: number): void {
    this.#pending = this.#pending.slice(length);
  }
}

function controlKey(code: number): Key | undefined {
  switch (code) {
    case 0x08:
    case 0x7f:
      return key("backspace");
    case 0x09:
      return key("tab");
    case 0x0a:
    case 0x0d:
      return key("enter");
    case 0x00:
      return key("space", { control: true });
    case 0x1f:
      return key("_", { control: true });
    default:
      return code < 0x1b ? key(String.fromCharCode(code + 0x60), { control: true }) : undefined;
  }
}

/** `1;5` … the second parameter carries the modifiers, one more than their bits. */
function sequenceKey(parameters: string, final: string): Key | undefined {
  const [first = "", second = "1"] = parameters.split(";");
  const name = final === "~" ? NUMBERS[first] : LETTERS[final];
  if (name === undefined) return undefined;
  const bits = Math.max(0, (Number.parseInt(second, 10) || 1) - 1);
  return key(name, {
    shift: (bits & 1) !== 0,
    alt: (bits & 2) !== 0,
    control: (bits & 4) !== 0,
  });
}

/** Newlines as `\n`; other controls than newline and tab are dropped. */
function cleanPaste(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/\r\n?/g, "\n").replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "");
}
