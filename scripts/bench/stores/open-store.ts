/** From a store's name to the store. The packages of peers are loaded only where they are used. */

import type { Job } from "../job.ts";
import type { Store } from "./store.ts";

/**
 * Loads the code of a store and returns what opens it, so that opening can be timed alone. `modules` is
 * the folder in which the peers' packages are installed.
 */
export async function readyStore(job: Job, modules: string): Promise<() => Promise<Store>> {
  switch (job.store) {
    case "meles": {
      const { openMeles } = await import("./meles.ts");
      return () => openMeles(job);
    }
    case "lmdb": {
      const { loadLmdb } = await import("./lmdb.ts");
      return loadLmdb(job, modules);
    }
    case "classic-level": {
      const { loadClassicLevel } = await import("./classic-level.ts");
      return loadClassicLevel(job, modules);
    }
    case "bun:sqlite": {
      const { openSqlite } = await import("./sqlite.ts");
      return () => openSqlite(job);
    }
    case "badger":
    case "badger-defaults":
    case "rocksdb":
      throw new Error(`${job.store} is a program of its own`);
  }
}
