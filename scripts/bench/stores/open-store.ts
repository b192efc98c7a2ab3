/** From a store's name to the store. The packages of peers are loaded only where they are used. */

import type { Job } from "../job.ts";
import { openClassicLevel } from "./classic-level.ts";
import { openLmdb } from "./lmdb.ts";
import { openMeles } from "./meles.ts";
import { openRaw } from "./raw.ts";
import { openSqlite } from "./sqlite.ts";
import type { Store } from "./store.ts";

/** `modules` is the folder in which the peers' packages are installed. */
export async function openStore(job: Job, modules: string): Promise<Store> {
  switch (job.store) {
    case "meles":
      return openMeles(job);
    case "lmdb":
      return openLmdb(job, modules);
    case "classic-level":
      return openClassicLevel(job, modules);
    case "bun:sqlite":
      return openSqlite(job);
    case "raw":
      return openRaw(job);
    case "badger":
    case "rocksdb":
      throw new Error(`${job.store} is a program of its own`);
  }
}
