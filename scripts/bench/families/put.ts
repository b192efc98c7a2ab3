/** Single writes, each awaited before the next, and transactions that read a key and write it. */

import { BATCH, type Family, job, place, scaled } from "../family.ts";
import { alternate } from "../rounds.ts";
import { rateRows } from "../row.ts";

export const put: Family = {
  name: "put",
  title: "Single writes",
  isDefault: true,
  async run(context) {
    const shape = { count: scaled(context, 100_000), valueBytes: 100 };
    const ops = scaled(context, 100_000);
    const series = await alternate(
      { stores: context.peers.stores, repetitions: context.repetitions, budgetMs: 8_000 },
      context.peers,
      (store) =>
        job(store, place(context, "put", store), shape, [
          { kind: "load", name: "", batch: BATCH },
          { kind: "puts", name: "put", ops },
          { kind: "updates", name: "update", ops },
        ]),
    );
    return {
      sections: [
        {
          title: "Single writes",
          setting:
            `${ops} puts, then ${ops} transactions of a read and a write, of random keys over ` +
            `${shape.count} entries of 16 + 100 bytes, no sync; RocksDB's update is not a transaction, ` +
            "classic-level has none",
          rows: rateRows(series),
        },
      ],
    };
  },
};
