import { describe, expect, test } from "bun:test";
import { statementEnd } from "../../grammar/index.ts";
import type { Unit } from "../../shell/statement-buffer.ts";
import { UNIT_LENGTH_MAX, StatementBuffer } from "../../shell/statement-buffer.ts";
import { SeededRandom } from "../transaction/seeded-random.ts";

function split(chunks: readonly string[], end = true): Unit[] {
  const buffer = new StatementBuffer(statementEnd);
  const units: Unit[] = [];
  const drain = (): void => {
    for (let unit = buffer.next(); unit !== undefined; unit = buffer.next()) units.push(unit);
  };
  for (const chunk of chunks) {
    buffer.push(chunk);
    drain();
  }
  if (end) {
    buffer.end();
    drain();
  }
  return units;
}

const texts = (units: readonly Unit[]): string[] => units.map((unit) => unit.text);

describe("the statement buffer", () => {
  test("cuts at semicolons outside strings and comments", () => {
    const script = `PUT 'a;b' b"c;\\";"; -- no; end\n/* nor; here */ GET 'it''s;';DEL 'x'`;
    expect(texts(split([script]))).toEqual([`PUT 'a;b' b"c;\\";";`, `GET 'it''s;';`, "DEL 'x'"]);
  });

  test("takes lines that start with a dot where a statement could start", () => {
    const script = ".mode json\n  .timer on  \nSELECT 1\n.5;\n-- comment\n.quit";
    expect(split([script]).map(({ kind, text }) => `${kind} ${text}`)).toEqual([
      "dot .mode json",
      "dot .timer on",
      "statement SELECT 1\n.5;",
      "dot .quit",
    ]);
  });

  test("tells where each unit starts, in characters", () => {
    const units = split(["GET 'a'; GET 'b';\n\n  /* 👍\n */ GET '👍'; GET 'c';\n.mode csv\n"]);
    expect(units.map(({ line, column }) => [line, column])).toEqual([
      [1, 1],
      [1, 10],
      [4, 5],
      [4, 14],
      [5, 1],
    ]);
  });

  test("gives a statement as soon as its semicolon is there, not before", () => {
    const buffer = new StatementBuffer(statementEnd);
    buffer.push("GET 'a");
    expect(buffer.next()).toBeUndefined();
    buffer.push("'");
    expect(buffer.next()).toBeUndefined();
    buffer.push("; GET");
    expect(buffer.next()?.text).toBe("GET 'a';");
    expect(buffer.next()).toBeUndefined();
    expect(buffer.rest).toBe("GET");
  });

  test("finds nothing in blanks, comments and an empty text", () => {
    expect(split([""])).toEqual([]);
    expect(split(["  \n\t-- nothing\n/* at all */\n-- here"])).toEqual([]);
  });

  test("hands on an unfinished string or comment at the end, for the parser to refuse", () => {
    expect(texts(split(["GET 'a;\n"]))).toEqual(["GET 'a;\n"]);
    expect(texts(split(["GET 'a'; /* open"]))).toEqual(["GET 'a';", "/* open"]);
  });

  test("makes the same units of any chunks", () => {
    const pieces = [
      "PUT 'k' 'v;v';",
      "-- c;omment\n",
      "/* b;lock\n */",
      ".mode json\n",
      "\n",
      " ",
      "GET 'it''s';",
      `PUT b"\\";x" x'00';`,
      "SELECT 1 - -1 / 2 * 3;",
      ";",
      "ünïcode 👍;",
      "'open",
      '"name;";',
    ];
    for (let seed = 1; seed <= 300; seed++) {
      const random = new SeededRandom(seed);
      const script = Array.from({ length: 1 + random.below(12) }, () => random.pick(pieces)).join(
        "",
      );
      const chunks: string[] = [];
      for (let at = 0; at < script.length;) {
        const length = 1 + random.below(random.pick([1, 3, 20]));
        chunks.push(script.slice(at, at + length));
        at += length;
      }
      expect([seed, split(chunks)]).toEqual([seed, split([script])]);
    }
  });

  test("hands on what does not end, before it takes all memory", () => {
    const buffer = new StatementBuffer(statementEnd);
    const piece = "a".repeat(1 << 25);
    let pushed = 0;
    let unit = buffer.next();
    while (unit === undefined && pushed < 2 * UNIT_LENGTH_MAX) {
      buffer.push(pushed === 0 ? `'${piece}` : piece);
      pushed += piece.length;
      unit = buffer.next();
    }
    expect(unit?.text.length).toBe(pushed + 1);
    expect(pushed).toBeLessThan(UNIT_LENGTH_MAX + piece.length);
    expect(buffer.rest).toBe("");
  });

  test("scans a huge statement a few times, not once per chunk", () => {
    let scannedUnits = 0;
    const buffer = new StatementBuffer((text, from) => {
      scannedUnits += text.length - from;
      return statementEnd(text, from);
    });
    const chunk = "ab;".repeat(20_000);
    const chunks = 200;
    buffer.push("PUT 'k' '");
    expect(buffer.next()).toBeUndefined();
    for (let i = 0; i < chunks; i++) {
      buffer.push(chunk);
      expect(buffer.next()).toBeUndefined();
    }
    expect(buffer.heldBack).toBe(true);
    buffer.push("';");
    // The writer of a pipe may wait for the answer before it goes on: what was put off is made up for.
    expect(buffer.next()).toBeUndefined();
    buffer.scanNow();
    expect(buffer.next()?.text).toHaveLength(chunk.length * chunks + 11);
    expect(scannedUnits).toBeLessThan(chunk.length * chunks * 6);
  });
});
