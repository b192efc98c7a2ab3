/** The question of WiscKey: how do load, get and scan change with the size of the values? */

import { batchOf, type Context, type Family, job, place } from "../family.ts";
import type { StoreName } from "../job.ts";
import type { Panel } from "../plot/lines.ts";
import { compact } from "../report.ts";
import { alternate } from "../rounds.ts";
import { rateRows, type Row, type Unit, value } from "../row.ts";

const SIZES = [64, 256, 1024, 4096, 16_384, 65_536, 262_144];
const KINDS = ["load", "get", "scan"] as const;
const COUNT_MAX = 200_000;
const GETS_MAX = 50_000;

export const sweep: Family = {
  name: "sweep",
  title: "Value sizes, 64 B … 256 KiB",
  isDefault: true,
  async run(context) {
    const totalBytes = context.size === "full" ? 64 << 20 : 8 << 20;
    const rows: Row[] = [];
    for (const valueBytes of SIZES) rows.push(...(await runSize(context, valueBytes, totalBytes)));
    return {
      sections: [
        {
          title: "Value sizes",
          setting:
            `${totalBytes >> 20} MiB of values per size (at most ${COUNT_MAX} entries), random keys, ` +
            "batches of up to 1 MiB, no sync; the database is reopened before the gets",
          rows,
        },
      ],
      curves: KINDS.map((kind) => panel(kind, rows, context.peers.stores)),
    };
  },
};

async function runSize(context: Context, valueBytes: number, totalBytes: number): Promise<Row[]> {
  const batch = batchOf(valueBytes);
  const count = Math.ceil(Math.min(COUNT_MAX, totalBytes / valueBytes) / batch) * batch;
  const shape = { count, valueBytes };
  const series = await alternate(
    {
      stores: context.peers.stores,
      repetitions: Math.min(2, context.repetitions),
      budgetMs: 2_500,
    },
    context.peers,
    (store) =>
      job(store, place(context, "sweep", store), shape, [
        { kind: "load", name: rowName("load", valueBytes), batch },
        { kind: "reopen", name: "" },
        { kind: "get", name: rowName("get", valueBytes), ops: Math.min(count, GETS_MAX) },
        {
          kind: "scan",
          name: rowName("scan", valueBytes),
          how: store === "meles" || store === "rocksdb" ? "views" : "entries",
        },
      ]),
  );
  return rateRows(series).map((row) => toMegabytes(row, valueBytes));
}

/** Per second of values: operations per second would hide everything behind the sizes. */
function toMegabytes(row: Row, valueBytes: number): Row {
  const unit: Unit = "MB/s";
  const samples = new Map(
    [...row.samples].map(([store, rates]) => [
      store,
      rates.map((rate) => (rate * valueBytes) / 1e6),
    ]),
  );
  return { name: row.name, unit, samples };
}

function rowName(kind: (typeof KINDS)[number], valueBytes: number): string {
  return `${kind} ${bytes(valueBytes)}`;
}

function bytes(size: number): string {
  return size < 1024 ? `${size} B` : `${size / 1024} KiB`;
}

function panel(
  kind: (typeof KINDS)[number],
  rows: readonly Row[],
  stores: readonly StoreName[],
): Panel {
  const curves = stores.map((store) => ({
    store,
    points: SIZES.flatMap((size) => {
      const row = rows.find(({ name }) => name === rowName(kind, size));
      const rate = row === undefined ? undefined : value(row, store);
      return rate === undefined ? [] : [[size, rate] as const];
    }),
  }));
  return {
    name: kind,
    x: { name: "bytes per value", scale: "log", text: bytes },
    y: { name: "MB/s", scale: "log", text: compact },
    curves: curves.filter(({ points }) => points.length > 0),
  };
}
