/**
 * Parts as one JSON object, written as they come: facts and lists are its members, findings the last
 * one. Bytes are a string when they are UTF-8, else `{"$bytes": "<base64>"}`; abbreviated ones are
 * `{"start": …, "length": n}`.
 */

import { toTextStrict } from "../base/bytes.ts";
import { type Fact, isAbbreviated, type Part, type Row } from "./part.ts";
import type { Printer } from "./text-printer.ts";

export class JsonPrinter implements Printer {
  readonly #findings: string[] = [];
  /** The list that is open, at depth 0 and below it. */
  #list = "";
  #nested = "";

  begin(name: string, kind: string, sizeBytes: number): string {
    return `{"file":${JSON.stringify(name)},"kind":${JSON.stringify(kind)},"sizeBytes":${sizeBytes}`;
  }

  print(part: Part): string {
    switch (part.part) {
      case "facts":
        return this.#closeList() + members(part.facts).replace(/^(?=.)/, ",\n");
      case "finding":
        this.#findings.push(members({ offset: part.offset, message: part.message }));
        return "";
      case "row":
        return part.depth === 0 ? this.#row(part.list, part.row) : this.#nestedRow(part);
    }
  }

  end(): string {
    const findings = this.#findings.map((found) => `{${found}}`).join(",\n");
    return `${this.#closeList()},\n"findings":[${findings}]}\n`;
  }

  /** The row's closing brace comes with what follows it: it may get a list of its own first. */
  #row(list: string, row: Row): string {
    const opening =
      this.#list === list
        ? `${this.#closeNested()}},\n`
        : `${this.#closeList()},\n${JSON.stringify(list)}:[\n`;
    this.#list = list;
    return `${opening}{${members(row)}`;
  }

  #nestedRow({ list, row }: Part & { part: "row" }): string {
    const opening =
      this.#nested === list ? ",\n" : `${this.#closeNested()},${JSON.stringify(list)}:[\n`;
    this.#nested = list;
    return `${opening}{${members(row)}}`;
  }

  #closeNested(): string {
    if (this.#nested === "") return "";
    this.#nested = "";
    return "]";
  }

  #closeList(): string {
    if (this.#list === "") return "";
    this.#list = "";
    return `${this.#closeNested()}}\n]`;
  }
}

function members(row: Row): string {
  const parts: string[] = [];
  for (const [name, fact] of Object.entries(row)) {
    if (fact !== undefined) parts.push(`${JSON.stringify(name)}:${JSON.stringify(jsonOf(fact))}`);
  }
  return parts.join(",");
}

function jsonOf(fact: Exclude<Fact, undefined>): unknown {
  if (fact instanceof Uint8Array) return bytesOf(fact);
  return isAbbreviated(fact) ? { start: bytesOf(fact.start), length: fact.length } : fact;
}

function bytesOf(bytes: Uint8Array): unknown {
  return toTextStrict(bytes) ?? { $bytes: bytes.toBase64() };
}
