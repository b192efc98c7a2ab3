/** The session: streaming, stopping, retries, bounds. What statements print is in the golden scripts. */

import { expect, test } from "bun:test";
import { MelesError, StatementError } from "../../src/base/errors.ts";
import type { QueryValue } from "../../src/database/contract.ts";
import type { StatementResult } from "../../src/query/result.ts";
import { Session } from "../../src/query/session.ts";
import { NaiveDatabase } from "../suites/naive-database.ts";
import { testEnv } from "./test-env.ts";

async function filled(count: number): Promise<{ database: NaiveDatabase; session: Session }> {
  const env = testEnv();
  const database = new NaiveDatabase(env);
  const batch = database.batch();
  for (let i = 0; i < count; i++) {
    await batch.put(`key:${String(i).padStart(6, "0")}`, JSON.stringify({ n: i }));
  }
  await batch.flush();
  batch.cancel();
  return { database, session: new Session(database, env) };
}

function rowsOf(result: StatementResult): StatementResult & { kind: "rows" } {
  if (result.kind !== "rows") throw new Error(`expected rows, found ${result.kind}`);
  return result;
}

async function collect(result: StatementResult): Promise<(readonly QueryValue[])[]> {
  const rows: (readonly QueryValue[])[] = [];
  for await (const batch of rowsOf(result).rows) rows.push(...batch);
  return rows;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof MelesError) return error.code;
    throw error;
  }
  return "no error";
}

test("rows come in batches, and reading stops where the reader stops", async () => {
  const { database, session } = await filled(5000);
  const result = rowsOf(await session.execute("SELECT key, value FROM kv"));
  expect(database.snapshots().length).toBe(0);
  for await (const batch of result.rows) {
    expect(batch.length).toBeLessThan(1000);
    expect(database.snapshots().length).toBe(1);
    break;
  }
  expect(database.snapshots().length).toBe(0);
});

test("a new statement ends the rows of the one before, and reading on says so", async () => {
  const { database, session } = await filled(2000);
  const result = rowsOf(await session.execute("SELECT key FROM kv"));
  const rows = result.rows[Symbol.asyncIterator]();
  await rows.next();
  await session.execute("COUNT");
  expect(database.snapshots().length).toBe(0);
  expect(await codeOf(rows.next())).toBe("ERR_ABORTED");
});

test("closing a session rolls back and lets go of snapshots", async () => {
  const { database, session } = await filled(2000);
  await session.execute("BEGIN");
  await session.execute("PUT 'new' '1'");
  session.close();
  session.close();
  expect(session.transaction).toBeUndefined();
  expect(database.get("new")).toBeUndefined();
  expect(database.snapshots().length).toBe(0);
});

test("a stopped statement fails with ERR_ABORTED, writes nothing and leaves the session usable", async () => {
  const { database, session } = await filled(5000);
  const stop = new AbortController();
  const result = rowsOf(
    await session.execute("SELECT key FROM kv", undefined, { signal: stop.signal }),
  );
  const rows = result.rows[Symbol.asyncIterator]();
  await rows.next();
  stop.abort();
  expect(
    await codeOf(
      (async () => {
        for (;;) if ((await rows.next()).done === true) return;
      })(),
    ),
  ).toBe("ERR_ABORTED");
  const { signal } = stop;
  expect(await codeOf(session.execute("DELETE FROM kv", undefined, { signal }))).toBe(
    "ERR_ABORTED",
  );
  expect(database.count()).toBe(5000);
  expect(await collect(await session.execute("COUNT"))).toEqual([[5000]]);
});

test("stopping a statement inside a transaction leaves the transaction open", async () => {
  const { session } = await filled(10);
  await session.execute("BEGIN");
  await session.execute("PUT 'a' '1'");
  const signal = AbortSignal.abort();
  expect(await codeOf(session.execute("DELETE FROM kv", undefined, { signal }))).toBe(
    "ERR_ABORTED",
  );
  expect(session.transaction).toMatchObject({ hasWrites: true, failed: false });
  expect(await session.execute("COMMIT")).toMatchObject({ kind: "done", version: 2 });
});

test("the transaction's state is visible: version, writes, failure", async () => {
  const { session } = await filled(1);
  expect(session.transaction).toBeUndefined();
  await session.execute("BEGIN");
  expect(session.transaction).toEqual({
    readVersion: 1,
    hasWrites: false,
    failed: false,
    readOnly: false,
  });
  await session.execute("DELETE FROM kv WHERE key = 'nobody'");
  expect(session.transaction?.hasWrites).toBe(false);
  await session.execute("PUT 'a' '1'");
  expect(session.transaction?.hasWrites).toBe(true);
  expect(await codeOf(session.execute("SELECT nothing FROM kv"))).toBe("ERR_QUERY");
  expect(session.transaction?.failed).toBe(true);
  expect(await codeOf(session.execute("COMMIT"))).toBe("ERR_QUERY");
  await session.execute("ROLLBACK");
  expect(session.transaction).toBeUndefined();
});

test("text that cannot be parsed does not fail the transaction: nothing of it ran", async () => {
  const { session } = await filled(1);
  await session.execute("BEGIN");
  expect(await codeOf(session.execute("SELCT 1"))).toBe("ERR_SYNTAX");
  expect(session.transaction?.failed).toBe(false);
});

test("a statement outside a transaction is run again after a conflict", async () => {
  const { database, session } = await filled(3000);
  const other = new Session(database, testEnv());
  const update = session.execute(
    "UPDATE kv SET value = json_set(value, '$.n', (value ->> '$.n') + 1)",
  );
  await other.execute("PUT 'key:000000' '{\"n\":100}'");
  expect(await update).toMatchObject({ kind: "done", rowsAffected: 3000 });
  expect(database.stats().conflicts).toBe(1);
  expect(database.getEntry("key:000000")?.json()).toEqual({ n: 101 });
});

test("sorting, grouping and DISTINCT stop at the memory bound and say what to do", async () => {
  const { database } = await filled(3000);
  const session = new Session(database, testEnv(), { memoryBudgetBytes: 100_000 });
  for (const text of [
    "SELECT value FROM kv ORDER BY value",
    "SELECT value, count(*) FROM kv GROUP BY value",
    "SELECT DISTINCT value FROM kv",
    "SELECT group_concat(value || key) FROM kv",
    "SELECT count(DISTINCT key) FROM kv",
    "DELETE FROM kv",
  ]) {
    const run = async (): Promise<void> => {
      const result = await session.execute(text);
      if (result.kind === "rows") await collect(result);
    };
    const error = await run().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error, text).toBeInstanceOf(StatementError);
    expect((error as StatementError).report, text).toMatch(/more than 97.7 KiB of memory\n/);
  }
  expect(database.count()).toBe(3000);
});

test("ORDER BY with LIMIT keeps no more rows than it needs", async () => {
  const { database } = await filled(5000);
  const session = new Session(database, testEnv(), { memoryBudgetBytes: 1_000_000 });
  const result = await session.execute(
    "SELECT key FROM kv ORDER BY value ->> '$.n' DESC LIMIT 3 OFFSET 1",
  );
  expect(
    (await collect(result)).map(([key]) => new TextDecoder().decode(key as Uint8Array)),
  ).toEqual(["key:004998", "key:004997", "key:004996"]);
});

test("a statement that came near the bound says so", async () => {
  const { database } = await filled(1000);
  const session = new Session(database, testEnv(), { memoryBudgetBytes: 600_000 });
  const result = rowsOf(await session.execute("SELECT key, value FROM kv ORDER BY value"));
  for await (const _ of result.rows);
  expect(result.note()).toMatch(/^held .* of at most 585.9 KiB in memory$/);
});

test("errors carry position, file and first line of the text they are from", async () => {
  const { session } = await filled(1);
  const text = "SELECT 1;\nSELECT nothing FROM kv";
  const { parse } = await import("../../grammar/index.ts");
  const parsed = parse(text);
  if (parsed.kind !== "ok") throw new Error("the text is fine");
  const statement = parsed.statements[1]?.statement;
  if (statement === undefined) throw new Error("there are two statements");
  const error = await session
    .execute(statement, undefined, { text, file: "x.sql", firstLine: 10 })
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StatementError);
  expect(error).toMatchObject({ code: "ERR_QUERY", offset: 17, line: 11, column: 8 });
  expect((error as StatementError).report).toStartWith("x.sql:11:8: there is no column nothing");
});

test("values handed out stay what they were when the scan moves on", async () => {
  const { session } = await filled(600);
  const rows = await collect(
    await session.execute("SELECT key, value, coalesce(null, key) FROM kv"),
  );
  for (const [i, row] of rows.entries()) {
    const key = `key:${String(i).padStart(6, "0")}`;
    const texts = row.map((cell) => new TextDecoder().decode(cell as Uint8Array));
    expect(texts).toEqual([key, JSON.stringify({ n: i }), key]);
  }
});
