/** Loading an empty database in batches: keys in random order and in sorted order. */

import { BATCH, type Family, job, place, scaled } from "../family.ts";
import { alternate } from "../rounds.ts";
import { rateRows } from "../row.ts";

/** bun:sqlite would take most of the family's time: its rate after so long counts. */
const LIMIT_MS = 6_000;

export const fill: Family = {
  name: "fill",
  title: "Bulk load",
  isDefault: true,
  async run(context) {
    const count = scaled(context, 1_000_000);
    const shape = { count, valueBytes: 100 };
    const sections = [];
    for (const keyOrder of ["random", "sequential"] as const) {
      const series = await alternate(
        { stores: context.peers.stores, repetitions: context.repetitions, budgetMs: 6_000 },
        context.peers,
        (store) =>
          job(store, place(context, `fill-${keyOrder}`, store), { ...shape, keyOrder }, [
            {
              kind: "load",
              name: `fill ${keyOrder}`,
              batch: BATCH,
              ...(store === "bun:sqlite" ? { limitMs: LIMIT_MS } : {}),
            },
          ]),
      );
      sections.push({
        title: `Bulk load, ${keyOrder} keys`,
        setting:
          `${count} entries, 16-byte keys, 100-byte values, batches of ${BATCH}, no sync; ` +
          `bun:sqlite is stopped after ${LIMIT_MS / 1000} s and its rate so far counts`,
        rows: rateRows(series),
      });
    }
    return { sections };
  },
};
