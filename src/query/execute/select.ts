/**
 * Runs a planned SELECT. Rows come out in batches as they are found, so a consumer that stops early stops
 * the scan; sorting and grouping are the only steps that hold rows back.
 */

import { EMPTY_BYTES } from "../../base/bytes.ts";
import type { Reader, Transaction } from "../../database/contract.ts";
import type { Compiled } from "../expression/compiled.ts";
import type { Frame } from "../expression/frame.ts";
import { truthOf } from "../expression/logic.ts";
import { pointKey } from "../plan/key-range.ts";
import { literalOf } from "../plan/literal.ts";
import type { Access, Filter, SelectPlan } from "../plan/plan.ts";
import { Problem } from "../problem.ts";
import { groupKey, sizeOfDatum, type Datum } from "../value/datum.ts";
import { Grouper } from "./grouper.ts";
import { boundsOf, EntryRows, FieldRows, SingleRow, type RowSource } from "./row-source.ts";
import type { Run } from "./run.ts";
import { Sorter } from "./sorter.ts";

export type RowBatch = readonly (readonly Datum[])[];

const BATCH_ROWS = 256;

/** The rows of a SELECT. The reader stays the caller's to end. */
export async function* runSelect(plan: SelectPlan, run: Run): AsyncGenerator<RowBatch> {
  if (plan.limit === 0) return;
  const past = pastReader(plan.access, run);
  const source = openSource(plan.access, past ?? run.reader, run);
  try {
    if (plan.grouping === undefined) yield* emit(plan, source, plan.filter, run);
    else yield* emit(plan, await group(plan, source, run), plan.grouping.having, run);
  } catch (error) {
    throw plan.access.kind === "entries" ? atRow(error, source.frame) : error;
  } finally {
    source.close();
    past?.discard();
  }
}

/** Trouble with the data of a row, with the row's key: the statement alone does not show it. */
function atRow(error: unknown, frame: Frame): unknown {
  if (!(error instanceof Problem) || error.span === undefined || frame.key.length === 0)
    return error;
  const message = `${error.message}, at key ${literalOf(frame.key)}`;
  return new Problem(message, error.span, error.hint, error);
}

/** A snapshot of its own for `AT VERSION`; the past takes no part in conflict detection. */
function pastReader(access: Access, run: Run): Transaction | undefined {
  if (access.kind === "none" || access.kind === "system" || access.at === undefined)
    return undefined;
  return run.database.begin({ readOnly: true, at: access.at });
}

function openSource(access: Access, reader: Reader, run: Run): RowSource {
  switch (access.kind) {
    case "none":
      return new SingleRow();
    case "entries":
      return new EntryRows(reader, access);
    case "system":
      return new FieldRows(access.relation.list?.(run.database) ?? []);
    case "count":
      return new FieldRows([[countKeys(access, reader)]]);
  }
}

function countKeys(access: Access & { kind: "count" }, reader: Reader): number {
  let total = 0;
  for (const range of access.keys) {
    const point = pointKey(range);
    if (point === undefined) total += reader.count(boundsOf(range));
    else if (point.length > 0 && reader.has(point)) total++;
  }
  return total;
}

/** Reads everything and gives the groups as rows. */
async function group(plan: SelectPlan, source: RowSource, run: Run): Promise<RowSource> {
  const { grouping, filter } = plan;
  if (grouping === undefined) return source;
  if (plan.access.kind === "count") {
    // The source's one row is already what the aggregates would give, once per aggregate.
    source.next();
    const count = source.frame.fields[0] ?? 0;
    run.counters.scanned = Number(count);
    run.counters.matched = Number(count);
    return new FieldRows([grouping.aggregates.map(() => count)]);
  }
  const grouper = new Grouper(grouping, run.budget);
  for (;;) {
    if (run.pace.due()) await run.pace.pause();
    if (!source.next()) break;
    run.counters.scanned++;
    if (filter !== undefined && !passes(filter, source.frame)) continue;
    run.counters.matched++;
    grouper.add(source.frame);
  }
  run.counters.groups = grouper.size;
  // What goes wrong from here on is no longer about a row.
  source.frame.key = EMPTY_BYTES;
  return new FieldRows(grouper.results());
}

async function* emit(
  plan: SelectPlan,
  source: RowSource,
  filter: Filter | undefined,
  run: Run,
): AsyncGenerator<RowBatch> {
  const { counters, pace } = run;
  const grouped = plan.grouping !== undefined;
  const window = new Window(plan, run);
  const { frame } = source;
  let batch: (readonly Datum[])[] = [];
  while (!window.full) {
    // Before the row is read: its views may not outlive a turn of the event loop.
    if (pace.due()) {
      if (batch.length > 0) {
        yield batch;
        batch = [];
      }
      await pace.pause();
    }
    if (!source.next()) break;
    if (!grouped) counters.scanned++;
    if (filter !== undefined && !passes(filter, frame)) continue;
    if (!grouped) counters.matched++;
    const row = window.offer(frame);
    if (row === undefined) continue;
    batch.push(row);
    if (batch.length >= BATCH_ROWS) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
  yield* window.rest();
}

function passes(filter: Filter, frame: Frame): boolean {
  const truth = filter.condition.evaluate(frame);
  if (typeof truth === "boolean") return truth;
  const span = filter.expressions[0]?.span ?? { start: 0, end: 0 };
  return truthOf(truth, span) === true;
}

/** The last steps: columns, DISTINCT, ORDER BY, OFFSET and LIMIT. */
class Window {
  readonly #plan: SelectPlan;
  readonly #run: Run;
  readonly #columns: readonly Compiled[];
  readonly #sorter: Sorter | undefined;
  readonly #seen: Set<string> | undefined;
  #skip: number;
  #left: number;

  constructor(plan: SelectPlan, run: Run) {
    this.#plan = plan;
    this.#run = run;
    this.#columns = plan.columns.map((column) => column.compiled);
    this.#seen = plan.distinct ? new Set() : undefined;
    this.#skip = plan.offset;
    this.#left = plan.limit;
    this.#sorter =
      plan.sort.length > 0
        ? new Sorter(plan.sort, plan.offset + plan.limit, run.budget)
        : undefined;
  }

  /** No further row is wanted. */
  get full(): boolean {
    return this.#left <= 0;
  }

  /** The row to give out now, if there is one. */
  offer(frame: Frame): readonly Datum[] | undefined {
    if (this.#sorter === undefined && this.#seen === undefined && this.#skip > 0) {
      this.#skip--;
      return undefined;
    }
    const row = this.#project(frame);
    if (this.#seen !== undefined && this.#isRepeated(row, this.#seen)) return undefined;
    if (this.#sorter !== undefined) {
      this.#sorter.add(
        this.#plan.sort.map((term) => frame.owned(term.compiled.evaluate(frame))),
        row,
      );
      return undefined;
    }
    return this.#take() ? row : undefined;
  }

  /** What sorting has held back. */
  *rest(): Generator<RowBatch> {
    if (this.#sorter === undefined) return;
    const rows = this.#sorter.sorted();
    this.#run.counters.sorted = this.#sorter.count;
    const wanted = rows.slice(this.#skip, this.#skip + this.#left);
    for (let start = 0; start < wanted.length; start += BATCH_ROWS) {
      const batch = wanted.slice(start, start + BATCH_ROWS);
      this.#run.counters.returned += batch.length;
      yield batch;
    }
  }

  #take(): boolean {
    if (this.#skip > 0) {
      this.#skip--;
      return false;
    }
    this.#left--;
    this.#run.counters.returned++;
    return true;
  }

  #project(frame: Frame): readonly Datum[] {
    const columns = this.#columns;
    const row: Datum[] = Array.from({ length: columns.length }, () => null);
    for (let i = 0; i < columns.length; i++) {
      row[i] = frame.owned((columns[i] as Compiled).evaluate(frame));
    }
    return row;
  }

  #isRepeated(row: readonly Datum[], seen: Set<string>): boolean {
    const key = groupKey(row);
    if (seen.has(key)) return true;
    this.#run.budget.take(sizeOfDatum(key) + 32, "DISTINCT");
    seen.add(key);
    return false;
  }
}
