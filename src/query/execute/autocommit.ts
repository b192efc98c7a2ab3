/** A write outside BEGIN … COMMIT: a transaction of its own, run again when it loses against another one. */

import { ConflictError, MelesError } from "../../base/errors.ts";
import type { Version } from "../../base/ids.ts";
import type { Transaction } from "../../database/contract.ts";
import type { Execution } from "../execution.ts";
import { pointKey, prefixOf, type KeySet } from "../plan/key-range.ts";
import { literalOf } from "../plan/literal.ts";
import type { WritePlan } from "./write-plan.ts";
import { WriteBuffer } from "./write-buffer.ts";

/** How often a statement is run again after a conflict; what `database.update` does by default. */
const RETRIES = 10;
/** The first retries go at once: the other commit is through. */
const RETRIES_AT_ONCE = 3;

export interface WriteOutcome {
  readonly rowsAffected: number;
  /** Of the commit; absent when nothing was written. */
  readonly version: Version | undefined;
}

export async function writeAlone(plan: WritePlan, execution: Execution): Promise<WriteOutcome> {
  for (let attempt = 1; ; attempt++) {
    const transaction = execution.database.begin();
    try {
      const { rowsAffected, written } = await writeInto(transaction, plan, execution);
      if (!written) return { rowsAffected, version: undefined };
      return { rowsAffected, version: await transaction.commit() };
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt > RETRIES) throw advised(error, plan);
    } finally {
      transaction.discard();
    }
    await backOff(attempt, execution);
  }
}

/** Runs the statement inside a transaction; its writes are applied once it has succeeded. */
export async function writeInto(
  transaction: Transaction,
  plan: WritePlan,
  execution: Execution,
): Promise<{ rowsAffected: number; written: boolean }> {
  const run = execution.runOn(transaction);
  const writes = new WriteBuffer(run.budget);
  const rowsAffected = await plan.run(run, writes);
  execution.pace.check();
  try {
    writes.applyTo(transaction);
  } catch (error) {
    throw advised(error, plan);
  }
  return { rowsAffected, written: writes.count > 0 };
}

async function backOff(attempt: number, execution: Execution): Promise<void> {
  if (attempt > RETRIES_AT_ONCE) {
    const { clock, random } = execution.env;
    const delayMs = 2 ** (attempt - RETRIES_AT_ONCE) * (0.5 + random.next() / 2);
    await new Promise<void>((resolve) => void clock.after(delayMs, resolve));
  }
  await execution.pace.pause();
}

/** A transaction that is too large, with what to do instead. */
function advised(error: unknown, plan: WritePlan): unknown {
  if (!(error instanceof MelesError) || error.code !== "ERR_TRANSACTION_TOO_LARGE") return error;
  if (ADVISED.has(error)) return error;
  const advice =
    plan.done === "deleted"
      ? deleteAdvice(plan)
      : "write smaller ranges of keys one after the other";
  const wrapped = new MelesError(
    error.code,
    `${error.message}; nothing was ${plan.done}: ${advice}`,
    {
      cause: error,
    },
  );
  ADVISED.add(wrapped);
  return wrapped;
}

/** Errors that carry their advice already. */
const ADVISED = new WeakSet<MelesError>();

function deleteAdvice(plan: WritePlan): string {
  const smaller = "delete smaller ranges of keys one after the other";
  const select = plan.select;
  if (select?.access.kind !== "entries" || select.filter !== undefined) return smaller;
  const whole = dropStatement(select.access.keys);
  return whole === undefined
    ? smaller
    : `${whole} removes these keys without a transaction, or ${smaller}`;
}

/** The DROP that removes exactly these keys. */
function dropStatement(keys: KeySet): string | undefined {
  const [only, more] = keys;
  if (only === undefined || more !== undefined || pointKey(only) !== undefined) return undefined;
  if (only.from.length === 0 && only.to === undefined) return "DROP ALL";
  const prefix = prefixOf(only);
  return prefix === undefined ? undefined : `DROP PREFIX ${literalOf(prefix)}`;
}
