/** The six core workloads of YCSB, one after the other on the same database. */

import { BATCH, type Family, job, place, scaled } from "../family.ts";
import type { Step } from "../job.ts";
import { alternate } from "../rounds.ts";
import { rateRows } from "../row.ts";

/** Inserting ones last, as YCSB advises; E reads about fifty entries per operation. */
const ORDER = ["A", "B", "C", "F", "D", "E"] as const;
const VALUE_BYTES = 1000;

export const ycsb: Family = {
  name: "ycsb",
  title: "YCSB A–F",
  isDefault: true,
  async run(context) {
    const shape = { count: scaled(context, 100_000), valueBytes: VALUE_BYTES };
    const ops = scaled(context, 50_000);
    const steps = ORDER.map((workload): Step => ({
      kind: "ycsb",
      name: `YCSB ${workload}`,
      workload,
      ops: workload === "E" ? Math.ceil(ops / 5) : ops,
    }));
    const series = await alternate(
      {
        stores: context.peers.stores.filter((store) => store !== "rocksdb"),
        repetitions: context.repetitions,
        budgetMs: 8_000,
      },
      context.peers,
      (store) =>
        job(store, place(context, "ycsb", store), shape, [
          { kind: "load", name: "", batch: BATCH },
          ...steps,
        ]),
    );
    return {
      sections: [
        {
          title: "YCSB",
          setting:
            `${shape.count} records of 16 + ${VALUE_BYTES} bytes, zipfian, ${ops} operations each (E: a ` +
            "fifth), one client, no sync; RocksDB's db_bench has no YCSB",
          rows: rateRows(series),
        },
      ],
    };
  },
};
