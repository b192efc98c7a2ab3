/**
 * Large loads to the settled state: nothing left to flush or compact, database closed. What they cost:
 * time, bytes written, space, memory, and how long writers waited.
 */

import { BATCH, type Context, type Family, job, place, type Shape } from "../family.ts";
import { KEY_BYTES, type StoreName } from "../job.ts";
import { alternate } from "../rounds.ts";
import type { Row } from "../row.ts";
import type { Section } from "../section.ts";
import type { Series } from "../series.ts";

const MIB = 1 << 20;
/** B-trees take hours for ten million random keys: their rate after so long counts. */
const LIMIT_MS = { full: 60_000, small: 6_000 };

interface Load {
  readonly label: string;
  readonly shape: Shape;
  readonly stores: readonly StoreName[];
}

export const load: Family = {
  name: "load",
  title: "Large loads to the settled state",
  isDefault: false,
  async run(context) {
    const scale = context.size === "full" ? 1 : 0.1;
    const { stores } = context.peers;
    const loads: Load[] = [
      { label: "10 M", shape: { count: 10_000_000 * scale, valueBytes: 100 }, stores },
      {
        label: "2 GB",
        shape: { count: 2_000_000 * scale, valueBytes: 1000 },
        stores: stores.filter((store) => store !== "bun:sqlite"),
      },
    ];
    const sections: Section[] = [];
    for (const one of loads) sections.push(await runLoad(context, one));
    return { sections };
  },
};

async function runLoad(context: Context, { label, shape, stores }: Load): Promise<Section> {
  const series = await alternate(
    { stores, repetitions: context.repetitions, budgetMs: 60_000 },
    context.peers,
    (store) =>
      job(store, place(context, "load", store), shape, [
        {
          kind: "load",
          name: `${label}: load`,
          batch: BATCH,
          ...(isTree(store) ? { limitMs: LIMIT_MS[context.size] } : {}),
        },
        { kind: "settle", name: "" },
      ]),
  );
  return {
    title: `Load of ${label}`,
    setting:
      `${shape.count} entries of ${KEY_BYTES} + ${shape.valueBytes} bytes, random order, batches of ` +
      `${BATCH}, no sync; total: process start to closed, nothing left to compact; waits are those of ` +
      `one batch; bytes written are dirtied pages as the system counts them; lmdb and bun:sqlite stop ` +
      `after ${LIMIT_MS[context.size] / 1000} s, their totals are of what was loaded until then`,
    rows: loadRows(label, series, KEY_BYTES + shape.valueBytes),
  };
}

function isTree(store: StoreName): boolean {
  return store === "lmdb" || store === "bun:sqlite";
}

function loadRows(label: string, series: Series, entryBytes: number): Row[] {
  const measure = `${label}: load`;
  const userBytes = ({ ops }: { readonly ops: number }) => ops * entryBytes;
  const costs = (
    pick: (
      bytes: number,
      outcome: Parameters<Parameters<Series["collectOutcomes"]>[0]>[0],
    ) => number | undefined,
  ) =>
    series.collectOutcomes((outcome) => {
      const done = outcome.measures.find(({ name }) => name === measure);
      return done === undefined ? undefined : pick(userBytes(done), outcome);
    });
  return [
    {
      name: measure,
      unit: "ops/s",
      samples: series.collect(measure, ({ ops, ms }) => (ops / ms) * 1000),
    },
    {
      name: `${label}: total`,
      unit: "s",
      samples: costs((_, { wallMs }) => wallMs / 1000),
    },
    {
      name: `${label}: write amplification`,
      unit: "×",
      samples: costs((bytes, { writtenBytes }) =>
        writtenBytes === undefined ? undefined : writtenBytes / bytes,
      ),
    },
    {
      name: `${label}: space amplification`,
      unit: "×",
      samples: costs((bytes, { diskBytes }) => diskBytes / bytes),
    },
    {
      name: `${label}: resident memory`,
      unit: "MiB",
      samples: costs((_, { maxResidentBytes }) =>
        maxResidentBytes === undefined ? undefined : maxResidentBytes / MIB,
      ),
    },
    { name: `${label}: p99 wait`, unit: "ms", samples: series.collect(measure, (m) => m.p99Ms) },
    { name: `${label}: p99.9 wait`, unit: "ms", samples: series.collect(measure, (m) => m.p999Ms) },
    {
      name: `${label}: longest wait`,
      unit: "ms",
      samples: series.collect(measure, (m) => m.maxMs),
    },
  ];
}
