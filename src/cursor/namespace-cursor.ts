/** A cursor without the keys of banned namespaces: what a scan reads where there are any. */

import type { BannedNamespaces } from "../format/namespace.ts";
import type { EntryCursor } from "./cursor.ts";
import { FilterCursor } from "./filter-cursor.ts";

export class NamespaceCursor extends FilterCursor {
  readonly #banned: BannedNamespaces;

  constructor(inner: EntryCursor, banned: BannedNamespaces) {
    super(inner);
    this.#banned = banned;
  }

  protected override isHidden({ keyBytes, keyOffset, keyLength }: EntryCursor): boolean {
    return this.#banned.hides(keyBytes, keyOffset, keyLength);
  }
}
