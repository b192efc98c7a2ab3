/**
 * What an inspector tells of a file, piece by piece: facts about the whole, rows of lists, damage. The
 * printers make text or JSON of the same parts. Parts own their bytes.
 */

/** Long bytes by their beginning. */
export interface Abbreviated {
  readonly start: Uint8Array;
  readonly length: number;
}

/** `undefined` and `null` are left out of text; `undefined` of JSON too. */
export type Fact = undefined | null | boolean | number | string | Uint8Array | Abbreviated;

/** By name, in the order of printing. Names ending in `Bytes` are sizes, in `At` unix seconds. */
export type Row = Readonly<Record<string, Fact>>;

export type Part =
  | { readonly part: "facts"; readonly facts: Row }
  /** A row of a list of the file (depth 0), or of the last row of depth 0 (depth 1). */
  | { readonly part: "row"; readonly list: string; readonly depth: 0 | 1; readonly row: Row }
  | { readonly part: "finding"; readonly offset: number; readonly message: string };

export function facts(row: Row): Part {
  return { part: "facts", facts: row };
}

export function rowOf(list: string, row: Row): Part {
  return { part: "row", list, depth: 0, row };
}

export function nestedRow(list: string, row: Row): Part {
  return { part: "row", list, depth: 1, row };
}

export function finding(offset: number, message: string): Part {
  return { part: "finding", offset, message };
}

const VALUE_BYTES_SHOWN = 40;
const KEY_BYTES_SHOWN = 256;

export function shownValue(bytes: Uint8Array, start: number, end: number): Fact {
  return abbreviated(bytes, start, end, VALUE_BYTES_SHOWN);
}

export function shownKey(bytes: Uint8Array, start: number, end: number): Fact {
  return abbreviated(bytes, start, end, KEY_BYTES_SHOWN);
}

function abbreviated(bytes: Uint8Array, start: number, end: number, shown: number): Fact {
  if (end - start <= shown) return bytes.slice(start, end);
  // Not in the middle of a character: text stays text.
  let cut = start + shown;
  while (cut > start && ((bytes[cut] as number) & 0xc0) === 0x80 && cut > start + shown - 3) cut--;
  return { start: bytes.slice(start, cut), length: end - start };
}

export function isAbbreviated(fact: Fact): fact is Abbreviated {
  return typeof fact === "object" && fact !== null && !(fact instanceof Uint8Array);
}
