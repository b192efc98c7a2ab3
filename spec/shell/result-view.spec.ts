import { describe, expect, test } from "bun:test";
import { quoteBytes } from "../../grammar/index.ts";
import { PLAIN } from "../../shell/renderers/renderer.ts";
import { RENDERERS } from "../../shell/renderers/modes.ts";
import { writeRows } from "../../shell/result-view.ts";
import { MemorySink } from "../../shell/sink.ts";

const renderer = () =>
  RENDERERS.table(["n"], {
    keyStyle: "auto",
    valueStyle: "auto",
    headers: true,
    footer: true,
    terminal: true,
    paint: PLAIN,
    quoteBytes,
  });

async function* numbers(count: number, perBatch = 10): AsyncGenerator<number[][]> {
  for (let n = 0; n < count; n += perBatch) {
    yield Array.from({ length: Math.min(perBatch, count - n) }, (_, i) => [n + i]);
  }
}

const never = new AbortController().signal;
const columns = [{ name: "n" }];

describe("writing a result", () => {
  test("shows at most maxRows rows and counts the others", async () => {
    const sink = new MemorySink();
    const shown = await writeRows({ columns, rows: numbers(1234) }, renderer(), sink, {
      maxRows: 3,
      signal: never,
    });
    expect(shown).toBe(3);
    expect(sink.text()).toBe(" n\n───\n 0\n 1\n 2\n… 1,231 more rows (.maxrows 0 shows all)\n");
  });

  test("gives up counting what is hidden, and ends the scan", async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<number[][]> {
      try {
        for (;;) yield Array.from({ length: 1000 }, () => [1]);
      } finally {
        ended = true;
      }
    }
    const sink = new MemorySink();
    await writeRows({ columns, rows: endless() }, renderer(), sink, { maxRows: 1, signal: never });
    expect(sink.text()).toContain("… more than 100,000 more rows");
    expect(ended).toBe(true);
  });

  test("0 shows all", async () => {
    const sink = new MemorySink();
    await writeRows({ columns, rows: numbers(2500) }, renderer(), sink, {
      maxRows: 0,
      signal: never,
    });
    expect(sink.text()).toEndWith("\n 2499\n(2,500 rows)\n");
  });

  test("what came before a failure is shown", async () => {
    async function* failing(): AsyncGenerator<number[][]> {
      yield [[1], [2]];
      throw new Error("damaged");
    }
    const sink = new MemorySink();
    const work = writeRows({ columns, rows: failing() }, renderer(), sink, {
      maxRows: 0,
      signal: never,
    });
    expect(work).rejects.toThrow("damaged");
    await work.catch(() => undefined);
    expect(sink.text()).toBe(" n\n───\n 1\n 2\n");
  });

  test("rows held back for alignment appear when no more come", async () => {
    const sink = new MemorySink();
    const shown = Promise.withResolvers<void>();
    const flushed = {
      write: async (data: string | Uint8Array) => {
        await sink.write(data);
        if (sink.text().includes(" 7\n")) shown.resolve();
      },
      flush: () => sink.flush(),
    };
    async function* slow(): AsyncGenerator<number[][]> {
      yield [[7]];
      // The next row comes only after the first one was seen.
      await shown.promise;
      yield [[8]];
    }
    await writeRows({ columns, rows: slow() }, renderer(), flushed, { maxRows: 0, signal: never });
    expect(sink.text()).toBe(" n\n───\n 7\n 8\n(2 rows)\n");
  });
});
