/**
 * The row an expression looks at. One frame is reused for all rows of a scan: `key` and `value` may be
 * views that are valid only until the next row, so whatever outlives the row is copied (`owned`).
 */

import { EMPTY_BYTES } from "../../base/bytes.ts";
import type { Version } from "../../base/ids.ts";
import { parseJsonBytes } from "../value/json.ts";
import type { Datum } from "../value/datum.ts";

/** Something that can read the current row's value: a cursor. */
export interface ValueHolder {
  readonly value: Uint8Array;
}

export class Frame {
  key: Uint8Array = EMPTY_BYTES;
  version: Version = 0;
  userMeta = 0;
  /** Unix seconds, 0 = never. */
  expiresAt = 0;
  /** Size of the value in bytes. */
  size = 0;
  deleted = false;
  /** Columns of rows that are not entries: system relations, groups, imported records. */
  fields: readonly Datum[] = [];
  #value: Uint8Array | undefined = EMPTY_BYTES;
  #holder: ValueHolder | undefined;
  #parsedFrom: Uint8Array | undefined;
  #parsed: unknown;

  get value(): Uint8Array {
    return (this.#value ??= this.#holder?.value ?? EMPTY_BYTES);
  }

  set value(bytes: Uint8Array) {
    this.#value = bytes;
  }

  /** The value is read when it is first asked for: a row that the filter drops by its key never does. */
  holdValue(holder: ValueHolder): void {
    this.#holder = holder;
    this.#value = undefined;
  }

  /** Must be called when the frame moves to another row. */
  moved(): void {
    this.#parsedFrom = undefined;
  }

  /** Parsed JSON of this row's bytes, or `undefined`; several `->>` on one value parse it once. */
  json(bytes: Uint8Array): unknown {
    if (bytes !== this.#parsedFrom) {
      this.#parsed = parseJsonBytes(bytes);
      this.#parsedFrom = bytes;
    }
    return this.#parsed;
  }

  /** The value as one that outlives this row. */
  owned(datum: Datum): Datum {
    if (!(datum instanceof Uint8Array)) return datum;
    return datum === this.key || datum === this.#value ? new Uint8Array(datum) : datum;
  }
}
