/** Commits that survive a loss of power, by 1, 8 and 64 writers at once, beside a bare append + fdatasync. */

import { BATCH, type Family, job, place, scaled } from "../family.ts";
import { alternate } from "../rounds.ts";
import { type Row, rateRows } from "../row.ts";

const WRITERS = [
  { name: "1 writer", writers: 1, share: 1 },
  { name: "8 writers", writers: 8, share: 4 },
  { name: "64 writers", writers: 64, share: 16 },
];

export const durable: Family = {
  name: "durable",
  title: "Durable commits",
  isDefault: true,
  async run(context) {
    const shape = { count: scaled(context, 10_000), valueBytes: 100, durability: "power" } as const;
    const ops = scaled(context, 2_000);
    const series = await alternate(
      { stores: context.peers.stores, repetitions: context.repetitions, budgetMs: 8_000 },
      context.peers,
      (store) =>
        job(store, place(context, "durable", store), shape, [
          { kind: "load", name: "", batch: BATCH },
          ...WRITERS.map(({ name, writers, share }) => ({
            kind: "commits" as const,
            name,
            writers,
            ops: Math.ceil(ops * share),
          })),
        ]),
    );
    const beside = WRITERS.map(({ name }): Row => ({
      name: `${name} of raw`,
      unit: "× raw",
      samples: series.collect(name, ({ ops: done, ms, rawRate }) =>
        rawRate === undefined ? undefined : (done / ms) * (1000 / rawRate),
      ),
    }));
    return {
      sections: [
        {
          title: "Durable commits",
          setting:
            `one put of 16 + 100 bytes per commit, over ${shape.count} entries; raw: append of 140 ` +
            "bytes and fdatasync one after the other, in slices between those of the store",
          rows: [...rateRows(series), ...beside],
        },
      ],
    };
  },
};
