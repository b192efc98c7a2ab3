/**
 * Values as JSON that reads back without loss: bytes that are UTF-8 become strings, other bytes
 * `{"$bytes": "<base64>"}`, and an object that has a key `$bytes` of its own gets one more `$` (`$bytes` →
 * `$$bytes`, `$$bytes` → `$$$bytes`). The shell's JSON modes print the same form.
 */

import { toTextStrict } from "../../base/bytes.ts";
import { isJson, scalarOf, type Datum } from "../value/datum.ts";
import { rawNumber } from "../value/json.ts";

const RESERVED = /^\$+bytes$/;

/** Something `JSON.stringify` prints. */
export function toJsonForm(datum: Datum): unknown {
  if (datum instanceof Uint8Array) return toTextStrict(datum) ?? { $bytes: datum.toBase64() };
  return isJson(datum) ? renamed(datum.json, (name) => `$${name}`) : datum;
}

/** The value that a field of a JSON record stands for. */
export function fromJsonForm(json: unknown): Datum {
  if (typeof json !== "object" || json === null) return scalarOf(json);
  return bytesForm(json) ?? scalarOf(renamed(json, (name) => name.replace(/^\$(?=\$)/, "")));
}

function bytesForm(json: object): Uint8Array | undefined {
  const names = Object.keys(json);
  const encoded = (json as { $bytes?: unknown }).$bytes;
  if (names.length !== 1 || typeof encoded !== "string") return undefined;
  try {
    return Uint8Array.fromBase64(encoded);
  } catch {
    return undefined;
  }
}

/** A copy with the reserved names changed; the same value when there are none. */
function renamed(json: unknown, rename: (name: string) => string): unknown {
  if (typeof json !== "object" || json === null || rawNumber(json) !== undefined) return json;
  if (Array.isArray(json)) return json.map((item) => renamed(item, rename));
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => [
      RESERVED.test(name) ? rename(name) : name,
      renamed(value, rename),
    ]),
  );
}

/** The same for a cell of CSV, where a byte string stands as its JSON form. */
export function toCell(datum: Datum): string {
  if (datum === null) return "";
  if (datum instanceof Uint8Array) {
    const text = toTextStrict(datum);
    return text === undefined || isBytesCell(text) ? bytesCell(datum) : text;
  }
  if (typeof datum === "string") {
    return isBytesCell(datum) ? bytesCell(new TextEncoder().encode(datum)) : datum;
  }
  return isJson(datum) ? JSON.stringify(datum.json) : String(datum);
}

export function fromCell(text: string): Datum {
  if (!isBytesCell(text)) return text;
  return bytesForm(JSON.parse(text) as object) ?? text;
}

function isBytesCell(text: string): boolean {
  return text.startsWith('{"$bytes":') && /^\{"\$bytes":"[A-Za-z0-9+/]*={0,2}"\}$/.test(text);
}

function bytesCell(bytes: Uint8Array): string {
  return `{"$bytes":"${bytes.toBase64()}"}`;
}
