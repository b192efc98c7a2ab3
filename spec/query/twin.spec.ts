/**
 * Random statements on the naive database and on the engine: both give the same rows, messages and
 * errors, and no statement ends in anything but an answer or a `MelesError`.
 */

import { expect, test } from "bun:test";
import { MelesError } from "../../src/base/errors.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { open } from "../../src/open.ts";
import { Session } from "../../src/query/session.ts";
import { NaiveDatabase } from "../suites/naive-database.ts";
import { RandomStatements } from "./random-statement.ts";
import { testEnv } from "./test-env.ts";

/** All that can be seen of a statement's outcome; of an error its code and place. */
async function outcome(session: Session, text: string): Promise<unknown> {
  try {
    const result = await session.execute(text);
    if (result.kind !== "rows") return result;
    const rows: unknown[] = [];
    for await (const batch of result.rows) rows.push(...batch);
    return { columns: result.columns, rows };
  } catch (error) {
    if (!(error instanceof MelesError)) throw error;
    return "offset" in error ? [error.code, error.message, error.offset] : [error.code];
  }
}

/** As time passes flushes and compactions drop old versions, so those runs do not look at them. */
const RUNS = [
  { seed: 1, timePasses: false },
  { seed: 2, timePasses: false },
  { seed: 3, timePasses: true },
  { seed: 4, timePasses: true },
];

for (const { seed, timePasses } of RUNS) {
  test(`the engine answers as the naive database does (seed ${seed})`, async () => {
    const [naiveEnv, env] = [testEnv(), testEnv()];
    await using naive = new NaiveDatabase(naiveEnv);
    await using database = await open("/db", { env, versionsToKeep: 1000 });
    const sessions = [new Session(naive, naiveEnv), new Session(database, env)] as const;
    const random = new SeededRandom(seed);
    const statements = new RandomStatements(random);
    let answered = 0;
    for (let round = 0; round < 600; round++) {
      const text = statements.statement();
      if (timePasses && /history/i.test(text)) continue;
      const [expected, found] = [
        await outcome(sessions[0], text),
        await outcome(sessions[1], text),
      ];
      expect(found, `seed ${seed}, round ${round}: ${text}`).toEqual(expected);
      if (!Array.isArray(expected)) answered++;
      if (timePasses && random.below(50) === 0) {
        naiveEnv.clock.advance(4000);
        env.clock.advance(4000);
      }
      if (timePasses && random.below(50) === 0) await database.flush();
      if (timePasses && random.below(100) === 0) await database.compact();
      expect(sessions[1].transaction).toEqual(sessions[0].transaction);
    }
    for (const session of sessions) session.close();
    expect(answered).toBeGreaterThan(100);
  });
}
