/**
 * The one place that knows where the thread entry, background.worker.ts, is.
 *
 * From source it lies beside this file. A bundle or a compiled executable flattens that away, so there the
 * entry must be an entry point of the build, and is found relative to the bundle's root:
 *
 *     bun build --compile … shell/main.ts src/worker/background.worker.ts
 *         --define 'MELES_WORKER_ENTRY="./src/worker/background.worker.ts"'
 *
 * A program that uses the package and is itself compiled adds the entry point, and nothing else:
 *
 *     bun build --compile app.ts ./node_modules/meles/src/worker/background.worker.ts
 *
 * If it keeps its packages elsewhere (a workspace, a symbolic link), it names the place with the define
 * above, as a path from the common folder of the entry points; so does a bundle that is not compiled, where
 * the entry's name ends in .js. Without the entry point all works too, on one thread, after one warning
 * (worker-pool.ts).
 *
 * The place is always absolute: Bun looks up a bare relative path in the executable first and in the working
 * directory next, where a planted file of that name would be run. And it is a path, not a URL: an entry from
 * outside the folder keeps its `../` in the executable, which a URL would resolve away.
 */

/** Replaced by the build (`--define`): the entry's path relative to the bundle's root. */
declare const MELES_WORKER_ENTRY: string | undefined;

/** Entry point of a program that has Meles among its packages. */
const PACKAGE_WORKER_ENTRY = "node_modules/meles/src/worker/background.worker.ts";

/** Starts a background thread. That it could not start shows later, as an `error` event. */
export function spawnBackgroundWorker(): Worker {
  return new Worker(backgroundWorkerEntry());
}

function backgroundWorkerEntry(): string | URL {
  if (typeof MELES_WORKER_ENTRY === "string") return inBundle(MELES_WORKER_ENTRY);
  if (Bun.isStandaloneExecutable) return inBundle(PACKAGE_WORKER_ENTRY);
  return new URL("./background.worker.ts", import.meta.url);
}

/** Names in an executable are compared as they are, so a leading `./` must go. */
function inBundle(entry: string): string {
  return `${import.meta.dir}/${entry.replace(/^\.\//, "")}`;
}
