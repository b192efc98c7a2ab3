/** Space and stalls while everything is overwritten again and again, and after all is deleted. */

import { type Context, type Family, job, place } from "../family.ts";
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
const STORES: readonly StoreName[] = ["meles", "badger", "rocksdb"];

export const churn: Family = {
  name: "churn",
  title: "Churn: space over time",
  isDefault: false,
  async run(context) {
    const count = context.size === "full" ? 70_000 : 7_000;
    const series = await measure(context, count);
    return {
      sections: [
        {
          title: "Churn",
          setting:
            `${count} keys, values of 64 B … 32 KiB (mean about 1.9 KiB), ${TIMES} × the live size written by ` +
            "awaited single puts: nine of ten on a tenth of the keys, 5 % deletions, 10 % expiring after " +
            "4 s; then quiet; then every key deleted; then quiet. Badger with RunValueLogGC(0.5) every 2 s " +
            "until it finds nothing. RocksDB (BlobDB) by db_bench: even sizes, keys all alike, nothing " +
            "expires or is deleted before the end. Amplifications are over live bytes and over bytes written",
          rows: rowsOf(series),
        },
      ],
      curves: [spaceOverTime(series)],
    };
  },
};

async function measure(context: Context, count: number): Promise<Series> {
  const series = new Series();
  const memtableBytes = context.size === "full" ? 16 * MIB : 2 * MIB;
  for (const store of context.peers.stores.filter((one) => STORES.includes(one))) {
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

function spaceOverTime(series: Series): Panel {
  return {
    name: "space on disk",
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
