/**
 * The program that the kill spec kills: concurrent updates on a real directory with its own threads,
 * without a pause, until it dies. Every acknowledged commit is told on standard output as one line
 * `<worker> <number>`, after it was acknowledged.
 *
 * A commit of worker w with number n sets `<w>/count`, and in one go `<w>/left`, `<w>/right` and
 * `<w>/big` (in the value log) to n, besides a key of its own: a torn commit shows as numbers that differ.
 */

import { writeSync } from "node:fs";

import { open } from "../../src/index.ts";
import { bigValue, KILL_OPTIONS, WORKERS } from "./kill-options.ts";

const db = await open(process.argv[2] as string, KILL_OPTIONS);

async function work(worker: number): Promise<void> {
  const decoder = new TextDecoder();
  for (;;) {
    const number = await db.update(
      (transaction) => {
        const count = transaction.get(`${worker}/count`);
        const next = count === undefined ? 1 : Number(decoder.decode(count)) + 1;
        transaction.put(`${worker}/count`, String(next));
        transaction.put(`${worker}/left`, String(next));
        transaction.put(`${worker}/big`, bigValue(next));
        if (next % 3 === 0) transaction.delete(`${worker}/keys/${(next * 7) % 500}`);
        transaction.put(`${worker}/keys/${next % 500}`, String(next).padEnd(200, "."));
        transaction.put(`${worker}/right`, String(next));
        return next;
      },
      { retries: 1000 },
    );
    // Straight to the descriptor: nothing may be left in a buffer when the kill comes.
    writeSync(1, `${worker} ${number}\n`);
    // Awaiting a commit need not return to the event loop, and threads report there.
    if (number % 16 === 0) await new Promise<void>((resume) => setImmediate(resume));
  }
}

await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
