/** What running a statement gives. */

import type { Version } from "../base/ids.ts";
import type { QueryValue } from "../database/contract.ts";

export interface ColumnInfo {
  readonly name: string;
}

/** Rows in batches. Can be read once; stop reading early and the scan stops too. */
export type RowBatches = AsyncIterable<readonly (readonly QueryValue[])[]>;

export type StatementResult =
  | {
      readonly kind: "rows";
      readonly columns: readonly ColumnInfo[];
      readonly rows: RowBatches;
      /** Something worth saying once the rows are read, such as how much memory sorting took. */
      note(): string | undefined;
    }
  | {
      readonly kind: "done";
      readonly message: string;
      readonly rowsAffected?: number;
      /** Version of the commit, if one was made. */
      readonly version?: Version;
    }
  /** GET found nothing. */
  | { readonly kind: "missing" };

/**
 * The rows of one statement of a session. When the session goes on to another statement first, reading
 * on is an error: rows that silently end would look like all of them.
 */
export class RowStream implements AsyncIterableIterator<readonly (readonly QueryValue[])[]> {
  readonly #rows: AsyncGenerator<readonly (readonly QueryValue[])[]>;
  #superseded: Error | undefined;
  #done = false;

  constructor(rows: AsyncGenerator<readonly (readonly QueryValue[])[]>) {
    this.#rows = rows;
  }

  get done(): boolean {
    return this.#done;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<readonly (readonly QueryValue[])[], void>> {
    if (this.#superseded !== undefined) throw this.#superseded;
    try {
      const step = await this.#rows.next();
      this.#done = step.done === true;
      return step;
    } catch (error) {
      this.#done = true;
      throw error;
    }
  }

  async return(): Promise<IteratorResult<readonly (readonly QueryValue[])[], void>> {
    this.#done = true;
    await this.#rows.return(undefined);
    return { done: true, value: undefined };
  }

  /** Ends the stream; whoever reads on gets `error`. */
  async supersede(error: Error): Promise<void> {
    this.#superseded = error;
    await this.return();
  }
}
