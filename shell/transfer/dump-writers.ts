/**
 * Entries as text that loads back without loss, in three forms. Nothing in them is acted on by a
 * terminal: what is not printable text is written as bytes. Pure.
 *
 *     jsonl  one object per line; {"$bytes":"<base64>"} for what is not UTF-8
 *     csv    a header, then rows; bytes as the text {"$bytes":"<base64>"}
 *     sql    INSERT statements, also for `meles DIR < dump.sql`
 */

import type { Entry, Language } from "../engine.ts";
import { decodeStrict, escapeJsonText, isPrintable } from "../renderers/cell.ts";

export interface DumpWriter {
  readonly begin: string;
  /** The text of an entry; may be held back until `end`. */
  entry(entry: Entry): string;
  end(): string;
}

export type DumpFormat = "jsonl" | "csv" | "sql";

export function dumpWriter(
  format: DumpFormat,
  { quoteBytes, quoteText }: Pick<Language, "quoteBytes" | "quoteText">,
): DumpWriter {
  switch (format) {
    case "jsonl":
      return { begin: "", entry: jsonLine, end: () => "" };
    case "csv":
      return { begin: `${CSV_COLUMNS.join(",")}\n`, entry: csvLine, end: () => "" };
    case "sql":
      return new SqlWriter((bytes) => {
        const text = decodeStrict(bytes);
        return text !== undefined && isPrintable(text) ? quoteText(text) : quoteBytes(bytes);
      });
  }
}

export const CSV_COLUMNS = ["key", "value", "user_meta", "expires_at"] as const;

function jsonLine({ key, value, userMeta, expiresAt }: Entry): string {
  const fields = {
    key: jsonBytes(key),
    value: jsonBytes(value),
    ...(userMeta === 0 ? {} : { userMeta }),
    ...(expiresAt === 0 ? {} : { expiresAt }),
  };
  return `${escapeJsonText(JSON.stringify(fields))}\n`;
}

function jsonBytes(bytes: Uint8Array): string | { $bytes: string } {
  return decodeStrict(bytes) ?? { $bytes: bytes.toBase64() };
}

function csvLine({ key, value, userMeta, expiresAt }: Entry): string {
  const numbers = [userMeta, expiresAt].map((number) => (number === 0 ? "" : String(number)));
  return `${[csvCell(key), csvCell(value), ...numbers].join(",")}\n`;
}

function csvCell(bytes: Uint8Array): string {
  const text = decodeStrict(bytes);
  // Line ends and tabs are harmless; a lone carriage return is not.
  const isPlain =
    text !== undefined && isPrintable(text.replaceAll(/\r?\n|\t/g, "")) && !isBytesCell(text);
  const cell = isPlain ? text : `{"$bytes":"${bytes.toBase64()}"}`;
  return cell === "" || /[",\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/** Text that stands for bytes. */
export function isBytesCell(text: string): boolean {
  return /^\{"\$bytes":"[A-Za-z0-9+/]*={0,2}"\}$/.test(text);
}

const ROWS_PER_STATEMENT = 200;
const STATEMENT_CHARACTERS = 64 * 1024;

class SqlWriter implements DumpWriter {
  readonly begin = "";
  readonly #quote: (bytes: Uint8Array) => string;
  #rows: string[] = [];
  #characters = 0;

  constructor(quote: (bytes: Uint8Array) => string) {
    this.#quote = quote;
  }

  entry({ key, value, userMeta, expiresAt }: Entry): string {
    const until = expiresAt === 0 ? "NULL" : String(expiresAt);
    const row = `(${this.#quote(key)}, ${this.#quote(value)}, ${userMeta}, ${until})`;
    this.#rows.push(row);
    this.#characters += row.length;
    const isFull =
      this.#rows.length >= ROWS_PER_STATEMENT || this.#characters >= STATEMENT_CHARACTERS;
    return isFull ? this.end() : "";
  }

  end(): string {
    if (this.#rows.length === 0) return "";
    const rows = this.#rows.map((row) => `  ${row}`).join(",\n");
    this.#rows = [];
    this.#characters = 0;
    return `INSERT INTO kv (${CSV_COLUMNS.join(", ")}) VALUES\n${rows}\nON CONFLICT DO REPLACE;\n`;
  }
}
