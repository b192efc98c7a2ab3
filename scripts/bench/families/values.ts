/** Values of 4 KiB: load, random gets, scan. */

import { batchOf, type Family, job, place, scaled } from "../family.ts";
import { alternate } from "../rounds.ts";
import { rateRows } from "../row.ts";

export const values: Family = {
  name: "values",
  title: "Values of 4 KiB",
  isDefault: true,
  async run(context) {
    const shape = { count: scaled(context, 100_000), valueBytes: 4096 };
    const ops = scaled(context, 100_000);
    const batch = batchOf(shape.valueBytes);
    const series = await alternate(
      { stores: context.peers.stores, repetitions: context.repetitions, budgetMs: 10_000 },
      context.peers,
      (store) =>
        job(store, place(context, "values", store), shape, [
          { kind: "load", name: "load 4 KiB", batch },
          { kind: "reopen", name: "" },
          { kind: "get", name: "get 4 KiB", ops },
          { kind: "scan", name: "scan 4 KiB entries", how: "entries" },
          { kind: "scan", name: "scan 4 KiB views", how: "views" },
        ]),
    );
    return {
      sections: [
        {
          title: "Values of 4 KiB",
          setting:
            `${shape.count} entries of 16 + 4096 bytes in batches of ${batch}, ${ops} random gets, no ` +
            "sync; values of 1 KiB and more lie beside the tree in Meles, Badger and RocksDB",
          rows: rateRows(series),
        },
      ],
    };
  },
};
