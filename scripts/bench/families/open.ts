/** Opening: a closed database of 2 GB, and one whose process was killed, with a full log to replay. */

import { BATCH, type Context, type Family, job, place, type Shape } from "../family.ts";
import { KEY_BYTES, type StoreName } from "../job.ts";
import { launch } from "../launch.ts";
import { prepare } from "../prepare.ts";
import { alternate } from "../rounds.ts";
import type { Row } from "../row.ts";
import { Series } from "../series.ts";

const REPETITIONS = 5;
/** As large as the memtables of all stores may be, and what is written before the kill. */
const LOG_MEMTABLE_BYTES = 64 << 20;
const LOG_ENTRIES = 350_000;
/** Random loads of 2 GB into B-trees other than lmdb take too long to prepare. */
const OPENED: readonly StoreName[] = ["meles", "lmdb", "classic-level", "badger", "rocksdb"];
/** Those with a log that a kill leaves to be replayed. */
const REPLAYED: readonly StoreName[] = ["meles", "classic-level", "badger"];

export const open: Family = {
  name: "open",
  title: "Opening",
  isDefault: false,
  async run(context) {
    const scale = context.size === "full" ? 1 : 0.1;
    const shape = { count: 2_000_000 * scale, valueBytes: 1000 };
    const log = {
      count: Math.ceil(LOG_ENTRIES * scale),
      valueBytes: 100,
      memtableBytes: LOG_MEMTABLE_BYTES,
    };
    const replay = await replayRow(context, log);
    return {
      sections: [
        {
          title: "Opening",
          setting:
            `a process that opens ${shape.count} entries of ${KEY_BYTES} + ${shape.valueBytes} bytes, ` +
            "files in the page cache, code already loaded",
          rows: [await openRow(context, shape)],
        },
        {
          title: "Replay of the log after a kill",
          setting:
            `${log.count} entries of ${KEY_BYTES} + ${log.valueBytes} bytes in a memtable of ` +
            `${LOG_MEMTABLE_BYTES >> 20} MiB, process killed; keys and values per second of opening`,
          rows: [replay],
        },
      ],
    };
  },
};

async function openRow(context: Context, shape: Shape): Promise<Row> {
  const stores = context.peers.stores.filter((store) => OPENED.includes(store));
  const directories = new Map<StoreName, string>();
  for (const store of stores) directories.set(store, await prepare(context, store, shape));
  const series = await alternate(
    { stores, repetitions: REPETITIONS, budgetMs: 60_000 },
    context.peers,
    (store) =>
      job(store, directories.get(store) as string, shape, [{ kind: "open", name: "open" }]),
  );
  return { name: "open", unit: "ms", samples: series.collect("open", ({ ms }) => ms) };
}

async function replayRow(context: Context, shape: Shape): Promise<Row> {
  const bytes = shape.count * (KEY_BYTES + shape.valueBytes);
  const series = new Series();
  for (let round = 0; round < context.repetitions; round++) {
    for (const store of context.peers.stores.filter((one) => REPLAYED.includes(one))) {
      const directory = place(context, "replay", store);
      const steps = [
        { kind: "load", name: "", batch: BATCH },
        { kind: "crash", name: "" },
      ] as const;
      await launch(job(store, directory, shape, steps), context.peers);
      const reads = [
        { kind: "open", name: "replay" },
        { kind: "get", name: "", ops: 1000 },
      ] as const;
      series.add(store, await launch(job(store, directory, shape, reads), context.peers));
    }
  }
  return {
    name: "replay",
    unit: "MB/s",
    samples: series.collect("replay", ({ ms }) => bytes / 1e6 / (ms / 1000)),
  };
}
