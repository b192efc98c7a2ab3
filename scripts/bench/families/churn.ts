/** Space and stalls while everything is overwritten again and again, and after all is deleted. */

import { batchOf, type Context, type Family, job, place } from "../family.ts";
import { KEY_BYTES, type Measure, type Outcome, type StoreName } from "../job.ts";
import { launch } from "../launch.ts";
import type { Panel } from "../plot/lines.ts";
import { compact } from "../report.ts";
import { CHURN_MEAN_BYTES } from "../rocksdb.ts";
import type { Row, Unit } from "../row.ts";
import { Series } from "../series.ts";

const MIB = 1 << 20;
/** The live size is written so many times. */
const TIMES = 20;
const QUIET_LIMIT_MS = 60_000;
/** Of the steady overwrites, so many times the live size comes before the measuring. */
const WARM_TIMES = 5;
const STEADY_BYTES = 4096;
const STORES: readonly StoreName[] = ["meles", "badger", "rocksdb"];

export const churn: Family = {
  name: "churn",
  title: "Churn: space over time",
  isDefault: false,
  async run(context) {
    const count = context.size === "full" ? 70_000 : 7_000;
    const series = await measure(context, count);
    const steadyCount = context.size === "full" ? 16_384 : 2_048;
    const steady = await measureSteady(context, steadyCount);
    return {
      sections: [
        {
          title: "Steady overwrites",
          setting:
            `${steadyCount} keys with values of 4 KiB, overwritten at random by awaited single puts: ` +
            `${WARM_TIMES} × the live size to settle, then ${TIMES - WARM_TIMES} × measured. Badger collects as ` +
            "below, once with the value threshold of all others (1 KiB), once with its own defaults (1 MiB, " +
            "memtable 64 MiB), which keep the values in its tree. Amplifications are over live bytes and over bytes written",
          rows: steadyRows(steady, steadyCount),
        },
        {
          title: "Churn",
          setting:
            `${count} keys, values of 64 B … 32 KiB (mean about 1.9 KiB), ${TIMES} × the live size written by ` +
            "awaited single puts: nine of ten on a tenth of the keys, 5 % deletions, 10 % expiring after " +
            "4 s; then quiet; then every key deleted; then quiet. Badger with RunValueLogGC(0.5) every 2 s, " +
            "repeated until it finds nothing. RocksDB (BlobDB) by db_bench: even sizes, keys all alike, nothing " +
            "expires or is deleted before the end. Amplifications are over live bytes and over bytes written",
          rows: rowsOf(series),
        },
      ],
      curves: [
        spaceOverTime("4 KiB values overwritten at random", steady),
        spaceOverTime("mixed sizes, hot keys, deletions and expiries", series),
      ],
    };
  },
};

async function measure(context: Context, count: number): Promise<Series> {
  const series = new Series();
  const memtableBytes = context.size === "full" ? 16 * MIB : 2 * MIB;
  for (const store of storesOf(context)) {
    const shape = { count, valueBytes: 1024, memtableBytes };
    const plan = job(store, place(context, "churn", store), shape, [
      { kind: "churn", name: "churn", times: TIMES },
      { kind: "quiet", name: "quiet", limitMs: QUIET_LIMIT_MS },
      { kind: "clear", name: "clear" },
      { kind: "quiet", name: "empty", limitMs: QUIET_LIMIT_MS },
    ]);
    series.add(store, await launch({ ...plan, watchesSpace: true }, context.peers));
    process.stderr.write(".");
  }
  process.stderr.write("\n");
  return series;
}

/** Badger twice: with the value threshold of all others, and with its own. */
function storesOf({ peers }: Context): StoreName[] {
  return peers.stores
    .filter((one) => STORES.includes(one))
    .flatMap((one) => (one === "badger" ? [one, "badger-defaults" as const] : [one]));
}

async function measureSteady(context: Context, count: number): Promise<Series> {
  const series = new Series();
  for (const store of storesOf(context)) {
    const shape = { count, valueBytes: STEADY_BYTES, memtableBytes: 16 * MIB };
    const plan = job(store, place(context, "steady", store), shape, [
      { kind: "load", name: "load", batch: batchOf(STEADY_BYTES) },
      { kind: "puts", name: "warm", ops: count * WARM_TIMES },
      { kind: "puts", name: "steady", ops: count * (TIMES - WARM_TIMES) },
      { kind: "quiet", name: "quiet", limitMs: QUIET_LIMIT_MS },
    ]);
    series.add(store, await launch({ ...plan, watchesSpace: true }, context.peers));
    process.stderr.write(".");
  }
  process.stderr.write("\n");
  return series;
}

function steadyRows(series: Series, count: number): Row[] {
  const liveBytes = count * (KEY_BYTES + STEADY_BYTES);
  const row = (name: string, unit: Unit, pick: (outcome: Outcome) => number | undefined): Row => ({
    name: `steady: ${name}`,
    unit,
    samples: series.collectOutcomes(pick),
  });
  const named = (outcome: Outcome, wanted: string): Measure | undefined =>
    outcome.measures.find(({ name }) => name === wanted);
  const during = (outcome: Outcome): number[] => {
    const from = named(outcome, "warm")?.endMs ?? 0;
    const to = named(outcome, "steady")?.endMs ?? 0;
    return outcome.space
      .filter(({ ms }) => ms >= from && ms <= to)
      .map(({ bytes }) => bytes / liveBytes);
  };
  return [
    row("writes", "ops/s", (outcome) => {
      const steady = named(outcome, "steady");
      return steady === undefined ? undefined : (steady.ops / steady.ms) * 1000;
    }),
    row("p99.9 wait", "ms", (outcome) => named(outcome, "steady")?.p999Ms),
    row("longest wait", "ms", (outcome) => named(outcome, "steady")?.maxMs),
    row("write amplification", "×", (outcome) => {
      const [warm, steady] = [named(outcome, "warm"), named(outcome, "steady")];
      if (warm?.writtenBytes === undefined || steady?.writtenBytes === undefined) return undefined;
      return (steady.writtenBytes - warm.writtenBytes) / (steady.ops * (KEY_BYTES + STEADY_BYTES));
    }),
    row("mean space amplification", "×", (outcome) => {
      const samples = during(outcome);
      if (samples.length === 0) return undefined;
      return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
    }),
    row("greatest space amplification", "×", (outcome) => {
      const samples = during(outcome);
      return samples.length === 0 ? undefined : Math.max(...samples);
    }),
    row("space amplification when quiet", "×", (outcome) => {
      const quiet = named(outcome, "quiet")?.diskBytes;
      return quiet === undefined ? undefined : quiet / liveBytes;
    }),
  ];
}

function rowsOf(series: Series): Row[] {
  const row = (
    name: string,
    unit: Unit,
    from: string,
    pick: (of: Measure) => number | undefined,
  ): Row => ({
    name,
    unit,
    samples: series.collect(from, pick),
  });
  const perMib = (bytes: number | undefined) => (bytes === undefined ? undefined : bytes / MIB);
  const live = (outcome: Outcome) => {
    const done = outcome.measures.find(({ name }) => name === "churn");
    return (
      done?.liveBytes ??
      (done === undefined ? undefined : (done.ops / TIMES) * (KEY_BYTES + CHURN_MEAN_BYTES))
    );
  };
  return [
    row("churn: writes", "ops/s", "churn", ({ ops, ms }) => (ops / ms) * 1000),
    row("churn: p99 wait", "ms", "churn", ({ p99Ms }) => p99Ms),
    row("churn: p99.9 wait", "ms", "churn", ({ p999Ms }) => p999Ms),
    row("churn: longest wait", "ms", "churn", ({ maxMs }) => maxMs),
    row("churn: write amplification", "×", "churn", ({ writtenBytes, userBytes, ops }) =>
      writtenBytes === undefined
        ? undefined
        : writtenBytes / (userBytes ?? ops * (KEY_BYTES + CHURN_MEAN_BYTES)),
    ),
    {
      name: "churn: greatest space amplification",
      unit: "×",
      samples: series.collectOutcomes((outcome) => {
        const bytes = live(outcome);
        return bytes === undefined
          ? undefined
          : Math.max(...outcome.space.map((at) => at.bytes)) / bytes;
      }),
    },
    {
      name: "churn: space amplification when quiet",
      unit: "×",
      samples: series.collectOutcomes((outcome) => {
        const bytes = live(outcome);
        const quiet = outcome.measures.find(({ name }) => name === "quiet")?.diskBytes;
        return bytes === undefined || quiet === undefined ? undefined : quiet / bytes;
      }),
    },
    row("churn: space when quiet", "MiB", "quiet", ({ diskBytes }) => perMib(diskBytes)),
    row("churn: space when all is deleted", "MiB", "empty", ({ diskBytes }) => perMib(diskBytes)),
  ];
}

function spaceOverTime(name: string, series: Series): Panel {
  return {
    name,
    x: { name: "seconds", scale: "linear", text: compact },
    y: { name: "MiB", scale: "linear", text: compact },
    curves: series.stores.map((store) => ({
      store,
      points: (series.outcomes(store)[0]?.space ?? []).map(
        ({ ms, bytes }) => [ms / 1000, bytes / MIB] as const,
      ),
    })),
  };
}
