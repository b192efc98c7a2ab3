/** Parts as lines of text. */

import { toBytes } from "../base/bytes.ts";
import { type Fact, isAbbreviated, type Part, type Row } from "./part.ts";

/** How bytes are written: a literal that the query language reads back. */
export type Quote = (bytes: Uint8Array) => string;

export interface Printer {
  begin(name: string, kind: string, sizeBytes: number): string;
  print(part: Part): string;
  end(): string;
}

const NAME_WIDTH = 24;

export class TextPrinter implements Printer {
  readonly #quote: Quote;
  #list = "";

  constructor(quote: Quote) {
    this.#quote = quote;
  }

  begin(name: string, kind: string, sizeBytes: number): string {
    // A name with control characters in it must not reach a terminal as it is.
    const quoted = this.#quote(toBytes(name));
    const shown = quoted.slice(1, -1) === name ? name : quoted;
    return `${shown}: ${kind}, ${sizeBytes} bytes\n`;
  }

  print(part: Part): string {
    switch (part.part) {
      case "facts":
        this.#list = "";
        return this.#facts(part.facts);
      case "finding":
        return `DAMAGE at byte ${part.offset}: ${part.message}\n`;
      case "row": {
        const heading =
          part.depth === 0 && part.list !== this.#list ? `${wordsOf(part.list)}:\n` : "";
        if (part.depth === 0) this.#list = part.list;
        return `${heading}${part.depth === 0 ? "  " : "    "}${this.#line(part.row)}\n`;
      }
    }
  }

  end(): string {
    return "";
  }

  #facts(row: Row): string {
    let text = "";
    for (const [name, fact] of Object.entries(row)) {
      const shown = typeof fact === "boolean" ? (fact ? "yes" : "no") : this.#fact(name, fact);
      if (shown !== undefined) text += `  ${wordsOf(name).padEnd(NAME_WIDTH)}${shown}\n`;
    }
    return text;
  }

  /** `20: 'key'@4 = 'value', user meta 7, deleted` */
  #line(row: Row): string {
    const { offset, key, version, value, ...rest } = row;
    let head = typeof offset === "number" ? `${offset}: ` : "";
    const shownKey = this.#fact("key", key);
    if (shownKey !== undefined) head += shownKey;
    if (typeof version === "number") head += `@${version}`;
    const shownValue = this.#fact("value", value);
    if (shownValue !== undefined) head += ` = ${shownValue}`;
    const phrases: string[] = [];
    for (const [name, fact] of Object.entries(rest)) {
      if (fact === true) phrases.push(wordsOf(name));
      else if (fact !== false && this.#fact(name, fact) !== undefined) {
        phrases.push(`${wordsOf(name)} ${this.#fact(name, fact)}`);
      }
    }
    const tail = phrases.join(", ");
    if (head === "" || tail === "") return head + tail;
    return shownKey === undefined ? head + tail : `${head}, ${tail}`;
  }

  #fact(name: string, fact: Fact): string | undefined {
    if (fact === undefined || fact === null) return undefined;
    if (fact instanceof Uint8Array) return this.#quote(fact);
    if (isAbbreviated(fact)) return `${this.#quote(fact.start)}… (${fact.length} bytes)`;
    if (typeof fact !== "number") return String(fact);
    if (name.endsWith("Bytes")) return `${fact} bytes`;
    return name.endsWith("At") ? timeOf(fact) : String(fact);
  }
}

/** `staleDataBytes` → `stale data`. */
function wordsOf(name: string): string {
  return name
    .replace(/(?:Bytes|At)$/, "")
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** Largest time a `Date` can hold. */
const SECONDS_MAX = 8.64e12;

function timeOf(seconds: number): string {
  return seconds > SECONDS_MAX
    ? `${seconds} s after 1970`
    : new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}
