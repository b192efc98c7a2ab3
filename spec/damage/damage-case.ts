/**
 * One case: a bit is flipped or a file is cut, anywhere in a directory; then everything is read in every
 * way. What comes out is exactly right, or an error that names file and place. A log may have lost its
 * end, as a crash takes it.
 */

import type { Database, Range } from "../../src/database/contract.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { CorruptionError, MelesError } from "../../src/index.ts";
import { openIn, testEnv } from "../suites/open-database.ts";
import { asFileSystem, keyOf, lineOf, type Subject } from "./subjects.ts";

export type Outcome = "right" | "refused" | "reported" | "earlier";

/** Codes that an opening may end with, other than damage. */
const REFUSALS = new Set(["ERR_ENCRYPTION_KEY", "ERR_UNSUPPORTED_FORMAT", "ERR_NOT_A_DATABASE"]);

export interface DamageCase {
  readonly told: string;
  readonly outcome: Outcome;
}

export async function runDamageCase(
  subjects: readonly Subject[],
  seed: number,
): Promise<DamageCase> {
  const random = new SeededRandom(seed);
  const subject = subjects[random.below(subjects.length)] as Subject;
  const files = new Map(subject.files);
  const names = [...files.keys()].sort();
  const name = names[random.below(names.length)] as string;
  const what = spoil(files, name, random);
  const readOnly = random.below(2) === 0;
  const told = `${subject.name}, ${readOnly ? "read-only" : "read-write"}: ${what}`;
  try {
    const outcome = await read(subject, files, name, readOnly);
    return { told, outcome };
  } catch (error) {
    throw new Error(`${told}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function spoil(files: Map<string, Uint8Array>, name: string, random: SeededRandom): string {
  const bytes = (files.get(name) as Uint8Array).slice();
  // Preallocated zeros and empty slots are most of some files: the interesting part comes first.
  const end = random.below(4) === 0 ? bytes.length : contentEnd(bytes);
  const at = random.below(Math.max(1, end));
  if (random.below(4) === 0) {
    files.set(name, bytes.slice(0, at));
    return `${name} cut to ${at} of ${bytes.length} bytes`;
  }
  const bit = random.below(8);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
  files.set(name, bytes);
  return `${name} of ${bytes.length} bytes, bit ${bit} of byte ${at}`;
}

function contentEnd(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return Math.max(1, Math.min(bytes.length, end + 20));
}

async function read(
  subject: Subject,
  files: ReadonlyMap<string, Uint8Array>,
  name: string,
  readOnly: boolean,
): Promise<Outcome> {
  let db: Database;
  try {
    db = await openIn(testEnv(asFileSystem(files)), { ...subject.options, readOnly });
  } catch (error) {
    requireTyped(error, true);
    return "refused";
  }
  try {
    const isLog = name.endsWith(".mem") || name.endsWith(".vlog");
    if (isLog && isEarlier(subject, linesUntilDamage(db, {}))) return "earlier";
    return compare(subject, db, readOnly) ? "reported" : "right";
  } finally {
    await db.close();
  }
}

/** Whether this is what a crash could have left, and not what there was. */
function isEarlier({ live, earlier }: Subject, { lines, isWhole }: Lines): boolean {
  const fits = (state: readonly string[]): boolean =>
    (isWhole ? state.length === lines.length : state.length >= lines.length) &&
    lines.every((line, at) => line === state[at]);
  return !fits(live) && earlier.some(fits);
}

/** Whether damage was met; throws for anything that is wrong and not reported. */
function compare(subject: Subject, db: Database, readOnly: boolean): boolean {
  const { live, versions } = subject;
  const reports = [
    differs(linesUntilDamage(db, {}), live),
    differs(linesUntilDamage(db, { reverse: true }), live.toReversed()),
  ];
  // What is superseded goes by itself where something may be written.
  if (readOnly) {
    const backward = { allVersions: true, reverse: true };
    reports.push(differs(linesUntilDamage(db, { allVersions: true }), versions));
    reports.push(differs(linesUntilDamage(db, backward), versions.toReversed()));
  }
  for (const key of new Set(versions.map(keyOf))) {
    const expected = subject.lineOf.get(key);
    try {
      const entry = db.getEntry(Uint8Array.fromHex(key));
      const found = entry === undefined ? undefined : lineOf(entry);
      if (found !== expected) throw new Error(`get ${key} is ${found}, not ${expected}`);
    } catch (error) {
      requireTyped(error);
      reports.push(true);
    }
  }
  return reports.includes(true);
}

interface Lines {
  readonly lines: string[];
  readonly isWhole: boolean;
}

function linesUntilDamage(db: Database, range: Range): Lines {
  const lines: string[] = [];
  try {
    for (const entry of db.scan(range)) lines.push(lineOf(entry));
    return { lines, isWhole: true };
  } catch (error) {
    requireTyped(error);
    return { lines, isWhole: false };
  }
}

/** Whether the walk ended early; what it showed until then must be right. */
function differs({ lines, isWhole }: Lines, expected: readonly string[]): boolean {
  const wanted = isWhole ? expected : expected.slice(0, lines.length);
  if (lines.length === wanted.length && lines.every((line, at) => line === wanted[at])) {
    return !isWhole;
  }
  const at = lines.findIndex((line, index) => line !== wanted[index]);
  throw new Error(
    `${lines.length} of ${wanted.length} lines, ${at < 0 ? "some missing" : `first ${lines[at]} for ${wanted[at]}`}`,
  );
}

function requireTyped(error: unknown, isOpening = false): void {
  if (error instanceof CorruptionError) {
    if (error.file !== "" && Number.isSafeInteger(error.offset) && error.offset >= 0) return;
    throw new Error(`damage without its place: ${error.message}`, { cause: error });
  }
  if (isOpening && error instanceof MelesError && REFUSALS.has(error.code)) return;
  throw error;
}
