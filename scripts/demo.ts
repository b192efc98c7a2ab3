/**
 * `bun run demo [DIR]`: imports 171,075 cities into DIR (default `./data`) and runs the README's five
 * example queries on them.
 */

import { ensureInstalled } from "./project.ts";

await ensureInstalled("all");
// Only now: these need the packages.
const { open } = await import("../src/index.ts");
const { importCities, readCities } = await import("./demo/cities.ts");
const { exampleQueries } = await import("./demo/queries.ts");

const directory = process.argv[2] ?? "./data";
const cities = await readCities();
await using db = await open(directory);

const started = performance.now();
await importCities(db, cities, showProgress);
const seconds = (performance.now() - started) / 1000;
print(
  `${number(cities.length)} cities, ${number(2 * cities.length)} keys imported into ${directory}` +
    ` in ${seconds.toFixed(1)} s: ${number(Math.round((2 * cities.length) / seconds))} records/s`,
);

for (const { title, text } of Object.values(exampleQueries)) {
  const asked = performance.now();
  const rows = await db.query(text).all();
  print(`\n-- ${title} (${(performance.now() - asked).toFixed(1)} ms)\n${text};`);
  for (const row of rows) print(`  ${Object.values(row).map(shown).join("  ")}`);
}

function showProgress(keys: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${number(keys)} keys `);
  if (process.stderr.isTTY && keys === 2 * cities.length) process.stderr.write("\n");
}

function shown(value: unknown): string {
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value);
}

function number(value: number): string {
  return value.toLocaleString("en");
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
