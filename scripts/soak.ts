/**
 * `bun run soak [--minutes M] [--directory DIR]`: a database with its real threads on a real disk under
 * concurrent work, opened again from time to time, for minutes or days. Everything read is checked; memory,
 * file descriptors and space on disk must not grow. CI runs it for two minutes. Exit code 1 for a finding.
 */

import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureInstalled } from "./project.ts";
import { judge, type Sample } from "./soak/flatness.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "60" }, directory: { type: "string" } },
});
const durationMs = Number(values.minutes) * 60_000;
if (!(durationMs > 0)) {
  process.stderr.write("usage: bun run soak [--minutes M] [--directory DIR]\n");
  process.exit(2);
}
await ensureInstalled("runtime");
const { open } = await import("../src/index.ts");
const { SoakWork } = await import("./soak/work.ts");

const own = values.directory === undefined ? mkdtempSync(join(tmpdir(), "meles-soak-")) : undefined;
const directory = values.directory ?? join(own as string, "db");

/** Small enough that flushes and compactions are always under way, large enough to be no toy. */
const OPTIONS = {
  memtableSize: 2 << 20,
  baseLevelSize: 4 << 20,
  blockCacheSize: 4 << 20,
  valueLogFileSize: 8 << 20,
  valueThreshold: 1024,
};
const LIVES_MIN = 4;
const LIFE_MS_MAX = 5 * 60_000;
const SAMPLES = 40;

const started = performance.now();
const lifeMs = Math.min(LIFE_MS_MAX, durationMs / LIVES_MIN);
const sampleMs = Math.min(60_000, durationMs / SAMPLES);
const samples: Sample[] = [];

process.exitCode = 1;
const work = new SoakWork(await open(directory, OPTIONS), Math.random);
const timer = setInterval(() => samples.push(measure()), sampleMs);
try {
  await work.prepare();
  while (performance.now() - started < durationMs) await live();
  clearInterval(timer);
  process.exitCode = report() ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
} finally {
  clearInterval(timer);
  await work.db.close();
  if (own !== undefined) rmSync(own, { recursive: true, force: true });
}

/** From one opening to the next. */
async function live(): Promise<void> {
  work.isStopped = false;
  const left = durationMs - (performance.now() - started);
  const end = setTimeout(() => (work.isStopped = true), Math.min(lifeMs, left));
  await work.run();
  clearTimeout(end);
  work.check();
  await work.db.close();
  work.db = await open(directory, OPTIONS);
  work.done.reopenings++;
  work.check();
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  process.stderr.write(`${seconds} s: ${JSON.stringify(work.done)} ${JSON.stringify(measure())}\n`);
}

function measure(): Sample {
  return {
    rssBytes: process.memoryUsage.rss(),
    descriptors: process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0,
    diskBytes: readdirSync(directory).reduce(
      (sum, name) =>
        sum + (statSync(join(directory, name), { throwIfNoEntry: false })?.blocks ?? 0) * 512,
      0,
    ),
  };
}

function report(): boolean {
  const judgements = judge(samples);
  const told = judgements.map(
    ({ name, early, late, isFlat }) => `${name} ${early} → ${late}${isFlat ? "" : " GROWS"}`,
  );
  const counts = Object.entries(work.done).map(([name, count]) => `${count} ${name}`);
  process.stdout.write(`soak: ${counts.join(", ")}; ${told.join(", ")}\n`);
  return judgements.every(({ isFlat }) => isFlat);
}
