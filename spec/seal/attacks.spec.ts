/**
 * Attacks on an authenticated directory. Whoever can write to the files, and has old copies of them, but not the
 * key, gets an `ERR_CORRUPTION` with a place, or the right answer, never a wrong one. The table at the end of
 * this file is the one that SECURITY.md points to.
 */

import { beforeAll, describe, expect, test } from "bun:test";

import { SeededRandom } from "../../src/env/seeded-random.ts";
import {
  type Copy,
  type Files,
  framesOf,
  liveOnce,
  type SealedLife,
  type Verdict,
  verdictOn,
  withFile,
} from "./sealed-life.ts";

const SEED = Number(process.env["SEED"] ?? 20_261_123);

let life: SealedLife;

beforeAll(async () => {
  life = await liveOnce();
});

/** A changed directory, and which one it was. */
interface Attempt {
  readonly what: string;
  readonly files: Files;
  readonly on: Copy;
}

/** Every verdict that attempts of one kind got. */
async function verdicts(attempts: Iterable<Attempt>): Promise<Set<Verdict>> {
  const found = new Set<Verdict>();
  let count = 0;
  for (const { what, files, on } of attempts) {
    count++;
    try {
      found.add(await verdictOn(files, on));
    } catch (error) {
      throw new Error(`${what}: ${String(error)}`, { cause: error });
    }
  }
  if (count === 0) throw new Error("nothing was tried");
  return found;
}

function* everyFile(
  copies: readonly Copy[],
): Generator<{ on: Copy; name: string; bytes: Uint8Array }> {
  for (const on of copies) {
    for (const [name, bytes] of on.files) yield { on, name, bytes };
  }
}

function attempt(on: Copy, name: string, bytes: Uint8Array | undefined, what: string): Attempt {
  return { what: `${name}: ${what}`, files: withFile(on.files, name, bytes), on };
}

function isNewestLog(on: Copy, name: string): boolean {
  return (
    name ===
    [...on.files.keys()]
      .filter((one) => one.endsWith(".mem"))
      .sort()
      .at(-1)
  );
}

function* flips(copies: readonly Copy[], perFile: number): Generator<Attempt> {
  const random = new SeededRandom(SEED);
  for (const { on, name, bytes } of everyFile(copies)) {
    const places = new Set(Array.from({ length: perFile }, () => random.below(bytes.length)));
    for (let i = 0; i < 64; i += 7) places.add(i);
    places.add(bytes.length - 1);
    for (const place of places) {
      const changed = bytes.slice();
      changed[place] = (changed[place] as number) ^ (1 << random.below(8));
      yield attempt(on, name, changed, `bit flipped in byte ${place}`);
    }
  }
}

/** `isTail`: the newest log, whose end nobody can vouch for. */
function* cuts(copies: readonly Copy[], isTail: boolean): Generator<Attempt> {
  const random = new SeededRandom(SEED + 1);
  for (const { on, name, bytes } of everyFile(copies)) {
    if (isNewestLog(on, name) !== isTail) continue;
    const places = framesOf(bytes).map(({ start }) => start);
    for (let i = 0; i < 12; i++) places.push(random.below(bytes.length));
    for (const place of places) yield attempt(on, name, bytes.slice(0, place), `cut at ${place}`);
  }
}

function* swaps(copies: readonly Copy[]): Generator<Attempt> {
  for (const { on, name, bytes } of everyFile(copies)) {
    const frames = framesOf(bytes);
    for (let i = 1; i < frames.length; i++) {
      const a = frames[i - 1] as { start: number; end: number };
      const b = frames[i] as { start: number; end: number };
      const changed = bytes.slice();
      changed.set(bytes.subarray(b.start, b.end), a.start);
      changed.set(bytes.subarray(a.start, a.end), a.start + b.end - b.start);
      yield attempt(on, name, changed, `frames ${i - 1} and ${i} in each other's place`);
    }
  }
}

/** A frame of one file, put over a frame as long of another, or of the same one. */
function* moves(copies: readonly Copy[], count: number): Generator<Attempt> {
  const random = new SeededRandom(SEED + 2);
  for (const on of copies) {
    const all = [...on.files].flatMap(([name, bytes]) =>
      framesOf(bytes).map(({ start, end }) => ({ name, bytes, start, length: end - start })),
    );
    for (let i = 0; i < count; i++) {
      const from = all[random.below(all.length)] as (typeof all)[number];
      const fitting = all.filter((one) => one.length === from.length && one !== from);
      const to = fitting[random.below(fitting.length)];
      if (to === undefined) continue;
      const changed = to.bytes.slice();
      changed.set(from.bytes.subarray(from.start, from.start + from.length), to.start);
      yield attempt(on, to.name, changed, `frame at ${from.start} of ${from.name} at ${to.start}`);
    }
  }
}

function* repeats(copies: readonly Copy[]): Generator<Attempt> {
  for (const { on, name, bytes } of everyFile(copies)) {
    const last = framesOf(bytes).at(-1);
    if (last === undefined) continue;
    const changed = Buffer.concat([bytes, bytes.subarray(last.start, last.end)]);
    yield attempt(on, name, new Uint8Array(changed), "its last frame twice");
  }
}

function* exchanges(copies: readonly Copy[]): Generator<Attempt> {
  for (const on of copies) {
    const names = [...on.files.keys()];
    for (const one of names) {
      for (const other of names) {
        if (one === other) continue;
        const files = new Map(on.files);
        files.set(one, on.files.get(other) as Uint8Array);
        yield { what: `${other} also as ${one}`, files, on };
      }
    }
  }
}

/** Single files as they were before; those that are gone by now come back. */
function* replays(): Generator<Attempt> {
  const { early, earlyKilled, late, lateKilled } = life;
  for (const on of [late, lateKilled]) {
    for (const old of [early, earlyKilled]) {
      for (const [name, bytes] of old.files) {
        const now = on.files.get(name);
        if (now !== undefined && Buffer.from(now).equals(bytes)) continue;
        yield attempt(on, name, bytes, "as it was before");
      }
    }
  }
}

/** Several files as they were before, up to all but one. */
function* mixtures(count: number): Generator<Attempt> {
  const random = new SeededRandom(SEED + 3);
  const { early, earlyKilled, late, lateKilled } = life;
  for (let i = 0; i < count; i++) {
    const on = random.below(2) === 0 ? late : lateKilled;
    const old = random.below(2) === 0 ? early : earlyKilled;
    const files = new Map(on.files);
    const back = ["MANIFEST", "SEAL"].filter(() => random.below(2) === 0);
    for (const name of [...on.files.keys(), ...old.files.keys()]) {
      if (random.below(4) === 0) back.push(name);
    }
    for (const name of back) {
      // Removing it is cutting it: see the table.
      if (isNewestLog(on, name)) continue;
      const bytes = old.files.get(name);
      if (bytes === undefined) files.delete(name);
      else files.set(name, bytes);
    }
    // What is older as a whole is the older directory: see below.
    if ([...files].every(([name, bytes]) => old.files.get(name) === bytes)) continue;
    yield { what: `${back.join(", ")} as before`, files, on };
  }
}

/** Manifest and register lose their last frames, any number of each. */
function* rolledBack(copies: readonly Copy[]): Generator<Attempt> {
  for (const on of copies) {
    const manifest = on.files.get("MANIFEST") as Uint8Array;
    const register = on.files.get("SEAL") as Uint8Array;
    for (const { start: manifestEnd } of framesOf(manifest)) {
      for (const { start: registerEnd } of [...framesOf(register), { start: register.length }]) {
        const files = new Map(on.files);
        files.set("MANIFEST", manifest.slice(0, manifestEnd));
        files.set("SEAL", register.slice(0, registerEnd));
        yield { what: `MANIFEST cut at ${manifestEnd}, SEAL at ${registerEnd}`, files, on };
      }
    }
  }
}

function* removals(copies: readonly Copy[]): Generator<Attempt> {
  for (const { on, name } of everyFile(copies)) {
    if (!isNewestLog(on, name)) yield attempt(on, name, undefined, "removed");
  }
}

function* blanks(copies: readonly Copy[], isTail: boolean): Generator<Attempt> {
  for (const { on, name, bytes } of everyFile(copies)) {
    if (isNewestLog(on, name) !== isTail) continue;
    for (let start = 0; start < bytes.length; start += 512) {
      const changed = bytes.slice();
      changed.fill(0, start, start + 512);
      yield attempt(on, name, changed, `a sector of zeros at ${start}`);
    }
  }
}

const SURE: readonly Verdict[] = ["ERR_CORRUPTION", "right"];

describe(`attacks on an authenticated directory, seed ${SEED}`, () => {
  const all = (): Copy[] => [life.early, life.late, life.lateKilled];

  const table: readonly {
    readonly name: string;
    readonly attempts: () => Iterable<Attempt>;
    readonly allowed?: readonly Verdict[];
  }[] = [
    {
      name: "a flipped bit is damage, or in what nobody reads",
      attempts: () => flips(all(), 30),
    },
    {
      name: "a file that was cut is damage, or nothing is missed",
      attempts: () => cuts([life.early, life.late], false),
    },
    {
      name: "what a killed process has left may lose the end of its newest log, and nothing else",
      attempts: () => {
        const killed = [life.lateKilled, life.earlyKilled];
        return [...cuts(killed, true), ...cuts(killed, false)];
      },
      allowed: ["ERR_CORRUPTION", "right", "outdated"],
    },
    {
      name: "blocks and records swapped with their neighbours are damage",
      attempts: () => swaps(all()),
    },
    {
      name: "a block or record moved within a file or to another is damage",
      attempts: () => moves(all(), 150),
      allowed: ["ERR_CORRUPTION"],
    },
    { name: "a record that is repeated is damage", attempts: () => repeats(all()) },
    { name: "a file under another one's name is damage", attempts: () => exchanges(all()) },
    {
      name: "an older file under its own name is damage, or is not used",
      attempts: () => replays(),
    },
    { name: "several older files are damage, or are not used", attempts: () => mixtures(250) },
    {
      name: "manifest and register set back, alone or together, are damage",
      attempts: () => rolledBack([life.late, life.lateKilled]),
      allowed: ["ERR_CORRUPTION"],
    },
    {
      name: "a file that was removed is damage, or is not missed",
      attempts: () => removals(all()),
    },
    {
      name: "zeros in place of a sector are damage",
      attempts: () => blanks([life.early, life.late], false),
    },
    {
      name: "zeros in what a killed process has left cut its newest log, as a power cut does",
      attempts: () => [...blanks([life.lateKilled], true), ...blanks([life.lateKilled], false)],
      allowed: ["ERR_CORRUPTION", "right", "outdated"],
    },
  ];

  for (const { name, attempts, allowed = SURE } of table) {
    test(
      name,
      async () => {
        const found = await verdicts(attempts());
        expect([...found].filter((verdict) => !allowed.includes(verdict))).toEqual([]);
      },
      60_000,
    );
  }

  test("without an attack every copy is right", async () => {
    for (const on of [life.early, life.earlyKilled, life.late, life.lateKilled]) {
      expect(await verdictOn(on.files, on)).toBe("right");
    }
  });

  test("what nothing in a directory can tell: all of it as it was before", async () => {
    expect(await verdictOn(life.early.files, life.early)).toBe("right");
  });
});
