/** Random point reads: right after the load, right after reopening, warm, and of keys that are not there. */

import { type Family, job, scaled } from "../family.ts";
import { prepare } from "../prepare.ts";
import { alternate } from "../rounds.ts";
import { rateRows } from "../row.ts";

export const get: Family = {
  name: "get",
  title: "Point reads",
  isDefault: true,
  async run(context) {
    const shape = { count: scaled(context, 1_000_000), valueBytes: 100 };
    const ops = scaled(context, 300_000);
    const directories = new Map<string, string>();
    for (const store of context.peers.stores) {
      directories.set(store, await prepare(context, store, shape));
    }
    const series = await alternate(
      { stores: context.peers.stores, repetitions: context.repetitions, budgetMs: 9_000 },
      context.peers,
      (store) =>
        job(store, directories.get(store) as string, shape, [
          { kind: "get", name: "get after reopen", ops },
          { kind: "get", name: "get hot", ops },
          { kind: "get", name: "get miss", ops, miss: true },
        ]),
    );
    return {
      sections: [
        {
          title: "Point reads",
          setting: `${ops} random gets over ${shape.count} entries of 16 + 100 bytes, one at a time`,
          rows: rateRows(series),
        },
      ],
    };
  },
};
