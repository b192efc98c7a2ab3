import { describe, expect, test } from "bun:test";
import { CorruptionError } from "../../src/base/errors.ts";
import { LogCipher } from "../../src/format/encryption.ts";
import { LogReplay } from "../../src/format/log-replay.ts";
import { LogRecordView, writeLogRecord, writeTransactionEnd } from "../../src/format/log-record.ts";
import { utf8 } from "./hex.ts";
import { Seeded, SEED } from "./seeded.ts";

/** `t3` a record of transaction 3, `e3` its end marker, `p3` a plain record at 3, `x` damage. */
type Step = `${"t" | "e" | "p"}${number}` | "x";

interface Log {
  readonly bytes: Uint8Array;
  /** Offset of each step, and the end. */
  readonly offsets: readonly number[];
}

function writeLog(steps: readonly Step[], tailBytes = 30): Log {
  const target = new Uint8Array(20 + steps.length * 64 + tailBytes);
  const offsets: number[] = [];
  let offset = 20;
  for (const [index, step] of steps.entries()) {
    offsets.push(offset);
    const version = Number(step.slice(1));
    const start = offset;
    if (step.startsWith("e")) offset = writeTransactionEnd(target, offset, version);
    else {
      const meta = step.startsWith("t") ? 0x40 : 0;
      const [key, value] = [utf8(`k${index}`), utf8(`v${index}`)];
      offset = writeLogRecord(target, offset, meta, 0, 0, key, version, value);
    }
    if (step === "x") target[start + 8] = (target[start + 8] as number) ^ 1;
  }
  offsets.push(offset);
  return { bytes: target.subarray(0, offset + tailBytes), offsets };
}

/** Which steps count, straight from the rules: find complete units, stop at the first misfit. */
function naiveReplay(steps: readonly Step[]): { applied: number[]; validSteps: number } {
  const applied: number[] = [];
  let next = 0;
  while (next < steps.length) {
    const step = steps[next] as Step;
    if (step.startsWith("p")) {
      applied.push(next++);
      continue;
    }
    if (!step.startsWith("t")) break;
    let end = next;
    while (steps[end] === step) end++;
    if (steps[end] !== `e${step.slice(1)}`) break;
    for (; next < end; next++) applied.push(next);
    next++;
  }
  return { applied, validSteps: next };
}

function replay(log: Log): { applied: number[]; validEnd: number } {
  const applied: number[] = [];
  const validEnd = new LogReplay().replay(log.bytes, 20, log.bytes.length, (offset) => {
    applied.push(log.offsets.indexOf(offset));
  });
  return { applied, validEnd };
}

describe("log replay", () => {
  test.each<[string, Step[], number[], number]>([
    ["an empty log has nothing", [], [], 0],
    ["plain records count one by one", ["p1", "p2"], [0, 1], 2],
    ["a transaction counts with its end marker", ["t1", "t1", "e1"], [0, 1], 3],
    ["a transaction without end marker is lost", ["p1", "t2", "t2"], [0], 1],
    ["an end marker of another version ends the log", ["t1", "e2", "p3"], [], 0],
    ["an end marker without a transaction ends the log", ["p1", "e2", "p3"], [0], 1],
    ["a plain record inside a transaction ends the log", ["t1", "p1", "t1", "e1"], [], 0],
    ["two interleaved transactions end the log", ["t1", "t2", "e2", "e1"], [], 0],
    ["what follows damage is lost", ["p1", "x", "p3"], [0], 1],
    ["transactions follow each other", ["t1", "e1", "t2", "t2", "e2"], [0, 2, 3], 5],
  ])("%s", (_name, steps, applied, validSteps) => {
    const log = writeLog(steps);
    expect(replay(log)).toEqual({ applied, validEnd: log.offsets[validSteps] as number });
    expect(naiveReplay(steps)).toEqual({ applied, validSteps });
  });

  test(`agrees with the naive reading of the rules (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    for (let round = 0; round < 400; round++) {
      const steps: Step[] = [];
      for (let version = 1; steps.length < 12; version++) {
        const kind = random.below(10);
        if (kind < 3) steps.push(`p${version}`);
        else {
          for (let n = 1 + random.below(3); n > 0; n--) steps.push(`t${version}`);
          if (kind === 3) steps.push(`p${version}`);
          if (kind === 4) steps.push("x");
          if (kind !== 5) steps.push(`e${version}`);
        }
      }
      const log = writeLog(steps, random.below(3) * 15);
      const expected = naiveReplay(steps);
      expect(replay(log), steps.join(" ")).toEqual({
        applied: expected.applied,
        validEnd: log.offsets[expected.validSteps] as number,
      });
    }
  });

  test("cut anywhere, whole units before the cut count and nothing else", () => {
    const steps: Step[] = ["p1", "t2", "t2", "e2", "p3", "t4", "e4"];
    const log = writeLog(steps, 0);
    const unitEnds = [0, 1, 4, 5, 7].map((step) => log.offsets[step] as number);
    for (let length = 20; length <= log.bytes.length; length++) {
      const cut = { bytes: log.bytes.subarray(0, length), offsets: log.offsets };
      expect(replay(cut).validEnd).toBe(unitEnds.findLast((end) => end <= length) as number);
    }
  });

  test("bytes that no torn write leaves are an error with their offset", () => {
    const log = writeLog(["p1"], 40);
    const offset = log.offsets[1] as number;
    log.bytes.fill(0xff, offset);
    expect(() => replay(log)).toThrow(CorruptionError);
    expect(() => replay(log)).toThrow(expect.objectContaining({ offset }));
  });

  test("an end marker whose value is not the decimal version ends the log", () => {
    for (const value of ["", "+3", "3 ", "0x3", "99999999999999999999", "4"]) {
      const log = writeLog(["t3"], 64);
      const end = log.offsets[1] as number;
      writeLogRecord(log.bytes, end, 0x80, 0, 0, utf8("!badger!txn"), 3, utf8(value));
      expect(replay(log), value).toEqual({ applied: [], validEnd: 20 });
      writeLogRecord(log.bytes, end, 0x80, 0, 0, utf8("any key"), 9, utf8("003"));
      expect(replay(log).applied).toEqual([0]);
    }
  });

  test("encrypted records are applied in clear", () => {
    const cipher = new LogCipher(new Uint8Array(32).fill(7), new Uint8Array(12).fill(9));
    const log = writeLog(["t1", "t1", "e1", "p2"]);
    const plain = log.bytes.slice();
    const view = new LogRecordView();
    for (const offset of log.offsets.slice(0, -1)) {
      view.decode(log.bytes, offset, log.bytes.length);
      cipher.sealRecord(log.bytes, offset, view.keyOffset, view.end, offset);
    }
    expect(log.bytes).not.toEqual(plain);
    const keys: string[] = [];
    const validEnd = new LogReplay().replay(
      log.bytes,
      20,
      log.bytes.length,
      (offset) => {
        view.decode(log.bytes, offset, log.bytes.length);
        const key = log.bytes.subarray(view.keyOffset, view.keyOffset + view.keyLength);
        keys.push(`${new TextDecoder().decode(key)}@${view.version}`);
      },
      cipher,
    );
    expect(keys).toEqual(["k0@1", "k1@1", "k3@2"]);
    expect(validEnd).toBe(log.offsets[4] as number);
  });
});
