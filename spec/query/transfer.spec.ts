/** IMPORT and EXPORT beyond what the golden script shows: block borders, round trips, stopping, bounds. */

import { expect, test } from "bun:test";
import { MelesError } from "../../src/base/errors.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { open } from "../../src/open.ts";
import { Session } from "../../src/query/session.ts";
import { splitCells } from "../../src/query/transfer/records.ts";
import { NaiveDatabase } from "../suites/naive-database.ts";
import { readText, testEnv, writeText, type TestEnv } from "./test-env.ts";

function fresh(env: TestEnv): { database: NaiveDatabase; session: Session } {
  const database = new NaiveDatabase(env);
  return { database, session: new Session(database, env) };
}

function randomBytes(random: SeededRandom, length: number): Uint8Array {
  const alphabet = [
    0xef, 0xbb, 0xbf, 0x00, 0x0a, 0x0d, 0x22, 0x24, 0x2c, 0x5c, 0x61, 0x7b, 0xc3, 0xa9, 0xff, 0x09,
  ];
  return Uint8Array.from({ length }, () => alphabet[random.below(alphabet.length)] as number);
}

for (const format of ["jsonl", "json", "csv", "tsv"]) {
  test(`any keys and values survive EXPORT and IMPORT as ${format}`, async () => {
    const random = new SeededRandom(11);
    const env = testEnv();
    const { database, session } = fresh(env);
    await database.put("tricky", '{"$bytes":"AAE="}');
    await database.put("tricky2", '"');
    await database.put("empty", "");
    await database.put("\ufeffmark", "\ufeff");
    await database.put("\ufeff!first", "1");
    for (let i = 0; i < 300; i++) {
      const key = randomBytes(random, 1 + random.below(6));
      const userMeta = random.below(256);
      const expiresAt = random.below(2) * 4_000_000_000;
      await database.put(key, randomBytes(random, random.below(8)), { userMeta, expiresAt });
    }
    const path = `all.${format}`;
    await session.execute(`EXPORT SELECT * FROM kv TO '${path}'`);
    const copy = fresh(env);
    const before = database.scan().toArray();
    expect(await copy.session.execute(`IMPORT '${path}'`)).toMatchObject({
      rowsAffected: before.length,
    });
    const plain = (entries: typeof before) =>
      entries.map(({ key, value, userMeta, expiresAt }) => [
        key.toHex(),
        value.toHex(),
        userMeta,
        expiresAt,
      ]);
    expect(plain(copy.database.scan().toArray())).toEqual(plain(before));
  });
}

test("JSON that uses the reserved name of byte strings survives as a column of JSON", async () => {
  const env = testEnv();
  const { database, session } = fresh(env);
  const json = '{"$bytes":"AAE=","$$bytes":[{"$bytes":"x"}]}';
  await database.put("a", json);
  await session.execute("EXPORT SELECT key, json(value) AS v FROM kv TO 'a.jsonl'");
  const copy = fresh(env);
  await copy.session.execute("IMPORT 'a.jsonl' KEY key VALUE v");
  expect(copy.database.getEntry("a")?.text()).toBe(json);
});

test("records lie across the borders of blocks, with their line numbers right", async () => {
  const env = testEnv();
  const { database, session } = fresh(env);
  const records = Array.from({ length: 9000 }, (_, i) => ({
    id: i,
    text: "é".repeat((i * 37) % 400) + '"]},{[\\',
  }));
  writeText(
    env,
    "big.json",
    `[\n${records.map((record) => JSON.stringify(record, null, 1)).join(",\n")}\n]`,
  );
  expect(await session.execute("IMPORT 'big.json' KEY 'r' || id VALUE json")).toMatchObject({
    rowsAffected: 9000,
  });
  for (const id of [0, 4321, 8999]) {
    expect(database.getEntry(`r${id}`)?.json()).toEqual(records[id] as object);
  }
  const lines = records.map((record) => JSON.stringify(record));
  lines[7000] = "{";
  writeText(env, "big.jsonl", `${lines.join("\r\n")}\r\n`);
  const error = await session.execute("IMPORT 'big.jsonl' KEY 'l' || id").catch((thrown) => thrown);
  expect(String(error)).toContain("big.jsonl:7001: the record is not valid JSON");
  expect(database.count({ prefix: "l" })).toBe(7000);
});

test("a record larger than a block is read", async () => {
  const env = testEnv();
  const { database, session } = fresh(env);
  const large = "x".repeat(5_000_000);
  writeText(env, "large.jsonl", `{"key":"a","value":"1"}\n{"key":"b","value":"${large}"}\n`);
  await session.execute("IMPORT 'large.jsonl'");
  expect(database.get("b")?.length).toBe(5_000_000);
});

test("a stopped import says how much it has written", async () => {
  const env = testEnv();
  const { database, session } = fresh(env);
  writeText(
    env,
    "n.csv",
    `key,value\n${Array.from({ length: 5000 }, (_, i) => `k${i},v`).join("\n")}`,
  );
  const stop = new AbortController();
  const progress: number[] = [];
  const watched = new Session(database, env, {
    onProgress: ({ done, total }) => {
      progress.push(done);
      expect(total).toBe(env.fileSystem.info("n.csv")?.size as number);
    },
  });
  await watched.execute("IMPORT 'n.csv'");
  expect(progress.at(-1)).toBe(env.fileSystem.info("n.csv")?.size as number);
  await database.dropAll();
  const batch = database.batch.bind(database);
  let puts = 0;
  database.batch = () => {
    const inner = batch();
    return {
      ...inner,
      put: (key, value, options) => {
        if (++puts === 1000) stop.abort();
        return inner.put(key, value, options);
      },
    };
  };
  const error = await session
    .execute("IMPORT 'n.csv'", undefined, { signal: stop.signal })
    .catch((thrown) => thrown);
  expect(error).toBeInstanceOf(MelesError);
  expect(error.code).toBe("ERR_ABORTED");
  const count = database.count();
  expect(count).toBeGreaterThanOrEqual(1000);
  expect(error.message).toContain(`with ${count.toLocaleString("en-US")} records imported`);
});

test("a byte order mark is no part of the first field", async () => {
  const env = testEnv();
  const { database, session } = fresh(env);
  writeText(env, "bom.csv", "\ufeffkey,value\r\na,1\r\n");
  await session.execute("IMPORT 'bom.csv'");
  expect(database.getEntry("a")?.text()).toBe("1");
});

test("text that is not UTF-8 is a bad record", async () => {
  const env = testEnv();
  const { session } = fresh(env);
  writeText(env, "bad.csv", Uint8Array.of(0x6b, 0x2c, 0x76, 0x0a, 0xff, 0x2c, 0x31, 0x0a));
  const error = await session.execute("IMPORT 'bad.csv' KEY k VALUE v").catch((thrown) => thrown);
  expect(String(error)).toContain("bad.csv:2: the record is not valid UTF-8");
});

test("cells of CSV are read as RFC 4180 writes them", () => {
  expect(splitCells('a,"b,""c""",,"",d"e', ",")).toEqual(["a", 'b,"c"', "", "", 'd"e']);
  expect(splitCells("a\r", ",")).toEqual(["a"]);
  expect(splitCells('""', ",")).toEqual([""]);
  expect(splitCells('"a",', ",")).toEqual(["a", ""]);
  expect(() => splitCells('"a"b,c', ",")).toThrow("text follows the end of a quoted field");
});

test("a failed export leaves the earlier file as it was", async () => {
  const env = testEnv();
  const { database, session } = fresh(env);
  await database.put("a", "1");
  writeText(env, "out.csv", "precious");
  await session.execute("EXPORT SELECT 1 / 0 FROM kv TO 'out.csv'").catch(() => {});
  expect(readText(env, "out.csv")).toBe("precious");
  expect(env.fileSystem.list("/")).toEqual(["out.csv"]);
});

test("BACKUP and RESTORE carry a database over, also in steps", async () => {
  const env = testEnv();
  await using database = await open("/one", { env });
  const session = new Session(database, env);
  await session.execute(
    "INSERT INTO kv (key, value, user_meta) VALUES ('a', '1', 7), ('b', '2', 0)",
  );
  expect(await session.execute("BACKUP TO '/full.bak'")).toMatchObject({
    message: "backed up to /full.bak; SINCE 1 is the next one after it",
  });
  await session.execute("DEL 'b'");
  await session.execute("BACKUP TO '/step.bak' SINCE 1");

  await using copy = await open("/two", { env });
  const other = new Session(copy, env);
  await other.execute("RESTORE FROM '/full.bak'");
  expect(copy.count()).toBe(2);
  expect(copy.getEntry("a")).toMatchObject({ userMeta: 7, version: 1 });
  await other.execute("RESTORE FROM '/step.bak'");
  expect(copy.has("b")).toBe(false);
  await other.execute("BEGIN");
  const refused: unknown = await other
    .execute("RESTORE FROM '/full.bak'")
    .catch((thrown) => thrown);
  expect(refused).toMatchObject({ code: "ERR_QUERY" });
});

test("COLLECT frees the value log of what was deleted", async () => {
  const env = testEnv();
  await using database = await open("/db", { env, valueThreshold: 100, valueLogFileSize: 1 << 20 });
  const session = new Session(database, env);
  for (let i = 0; i < 30; i++) await session.execute(`PUT 'k${i}' ?`, ["x".repeat(100_000)]);
  const before = database.size().valueLogs;
  await session.execute("DELETE FROM kv");
  const result = await session.execute("COLLECT");
  expect(JSON.stringify(result)).toMatch(/value-log files? removed/);
  expect(database.size().valueLogs).toBeLessThan(before / 2);
});
