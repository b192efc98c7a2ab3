/** Ordered walks: everything forward, backward, keys only; short ranges from random starts. */

import { type Family, job, scaled } from "../family.ts";
import { prepare } from "../prepare.ts";
import { alternate } from "../rounds.ts";
import { rateRows } from "../row.ts";

export const scan: Family = {
  name: "scan",
  title: "Scans",
  isDefault: true,
  async run(context) {
    const shape = { count: scaled(context, 1_000_000), valueBytes: 100 };
    const ops = scaled(context, 20_000);
    const directories = new Map<string, string>();
    for (const store of context.peers.stores) {
      directories.set(store, await prepare(context, store, shape));
    }
    const stores = context.peers.stores;
    const whole = await alternate(
      { stores, repetitions: context.repetitions, budgetMs: 8_000 },
      context.peers,
      (store) =>
        job(store, directories.get(store) as string, shape, [
          { kind: "scan", name: "first scan", how: "views" },
          { kind: "scan", name: "scan entries", how: "entries" },
          { kind: "scan", name: "scan views", how: "views" },
          { kind: "scan", name: "scan prefetch", how: "prefetch" },
          { kind: "scan", name: "scan reverse", how: "reverse" },
          { kind: "scan", name: "scan keys", how: "keys" },
        ]),
    );
    const short = await alternate(
      { stores, repetitions: context.repetitions, budgetMs: 8_000 },
      context.peers,
      (store) =>
        job(store, directories.get(store) as string, shape, [
          { kind: "ranges", name: "range of 10", ops, length: 10 },
          { kind: "ranges", name: "range of 50", ops, length: 50 },
          { kind: "ranges", name: "range of 100", ops, length: 100 },
        ]),
    );
    return {
      sections: [
        {
          title: "Scans",
          setting:
            `${shape.count} entries of 16 + 100 bytes; entries: objects to keep; views: valid until ` +
            "the next step, where a store has them; prefetch: Badger's iterator as it comes",
          rows: rateRows(whole, "entries/s"),
        },
        {
          title: "Short ranges",
          setting: `${ops} ranges from random keys over ${shape.count} entries of 16 + 100 bytes`,
          rows: rateRows(short, "ranges/s"),
        },
      ],
    };
  },
};
