/**
 * Loaded databases for the families that read. That of Meles is made anew in every run, by the Meles
 * of this checkout; those of peers are kept beside the packages until their version changes.
 */

import { existsSync, mkdirSync, writeFileSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { batchOf, type Context, job, kept, place, type Shape } from "./family.ts";
import type { StoreName } from "./job.ts";
import { launch } from "./launch.ts";

/** Made in this process already. */
const made = new Map<string, string>();

/** The directory of a store that holds `shape`, loaded in batches in the order of the keys' numbers. */
export async function prepare(context: Context, store: StoreName, shape: Shape): Promise<string> {
  const name = `${shape.keyOrder ?? "random"}-${shape.count}x${shape.valueBytes}`;
  const isOurs = store === "meles";
  const directory = isOurs ? place(context, name, store) : kept(name, store);
  if (made.has(directory)) return directory;
  const stamp = join(dirname(directory), `${store.replace(":", "-")}.version`);
  const version = context.peers.versions[store] ?? Bun.version;
  const isThere =
    !isOurs &&
    existsSync(directory) &&
    existsSync(stamp) &&
    readFileSync(stamp, "utf8") === version;
  if (!isThere) {
    process.stderr.write(`loading ${store} ${name} …\n`);
    mkdirSync(dirname(directory), { recursive: true });
    const load = { kind: "load", name: "load", batch: batchOf(shape.valueBytes) } as const;
    await launch(job(store, directory, shape, [load]), context.peers);
    writeFileSync(stamp, version);
  }
  made.set(directory, version);
  return directory;
}
