/** Commits that survive a loss of power, by 1, 8 and 64 writers at once, beside a bare append + fdatasync. */

import { BATCH, type Family, job, place, scaled } from "../family.ts";
import { alternate } from "../rounds.ts";

export const durable: Family = {
  name: "durable",
  title: "Durable commits",
  isDefault: true,
  async run(context) {
    const shape = { count: scaled(context, 10_000), valueBytes: 100, durability: "power" } as const;
    const ops = scaled(context, 2_000);
    const series = await alternate(
      {
        stores: ["raw", ...context.peers.stores],
        repetitions: context.repetitions,
        budgetMs: 8_000,
      },
      context.peers,
      (store) =>
        job(store, place(context, "durable", store), shape, [
          { kind: "load", name: "", batch: BATCH },
          { kind: "commits", name: "1 writer", ops, writers: 1 },
          { kind: "commits", name: "8 writers", ops: ops * 4, writers: 8 },
          { kind: "commits", name: "64 writers", ops: ops * 16, writers: 64 },
        ]),
    );
    return [
      {
        title: "Durable commits",
        setting:
          "one put of 16 + 100 bytes per commit, over " +
          `${shape.count} entries; raw: append of 140 bytes and fdatasync, one after the other`,
        series,
      },
    ];
  },
};
