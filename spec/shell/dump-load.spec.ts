/** Entries as text and back: nothing is lost in any format, however the text is cut into pieces. */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadLanguage } from "../../shell/engine.ts";
import { isPrintable } from "../../shell/renderers/cell.ts";
import { type DumpFormat, dumpWriter } from "../../shell/transfer/dump-writers.ts";
import {
  csvReader,
  jsonReader,
  type LoadedEntry,
  type LoadReader,
} from "../../shell/transfer/load-records.ts";
import { toBytes } from "../../src/base/bytes.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { Entry } from "../../src/index.ts";
import { SEED } from "../suites/sorted-entries.ts";
import { run } from "./run-command.ts";

const language = await loadLanguage();
const directory = mkdtempSync(join(tmpdir(), "meles-dump-"));
let others = 0;
const fresh = (): string => join(directory, `db-${others++}`);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function entry(key: Uint8Array, value: Uint8Array, userMeta = 0, expiresAt = 0): Entry {
  const rest = { version: 1, deleted: false, valueSize: value.length };
  return { key, value, userMeta, expiresAt, ...rest, text: () => "", json: () => undefined };
}

/** Everything that text formats stumble over. */
const NASTY: readonly (string | Uint8Array)[] = [
  "",
  " ",
  " leading and trailing ",
  "comma, quote \" and 'apostrophe'",
  "line\nend",
  "carriage\rreturn",
  "both\r\n",
  "tab\t",
  '{"$bytes":"AA=="}',
  '{"$bytes":"not base64!"}',
  '{"a":[1,2,{"$bytes":3}]}',
  "\u001b[2J\u0007 escape",
  "\u0000",
  "\ufeffmark",
  "\u202eright to left",
  "Köln 🦡",
  "null",
  "NULL",
  "-- comment; DROP ALL;",
  'b"\\x00"',
  "x'00'",
  new Uint8Array([0xff, 0x00, 0xfe]),
  new Uint8Array([0xc3]),
  "x".repeat(70_000),
];

function entries(random: SeededRandom): Entry[] {
  return NASTY.flatMap((value, i) => {
    const bytes = toBytes(value);
    const key = bytes.length === 0 || bytes.length > 1000 ? toBytes(`key ${i}`) : bytes;
    const meta = random.below(2) * random.below(256);
    const expires = random.below(2) * (4_000_000_000 + i);
    return [entry(key, toBytes(`value ${i}`)), entry(toBytes(`k${i}`), bytes, meta, expires)];
  });
}

function dump(format: DumpFormat, items: readonly Entry[]): string {
  const writer = dumpWriter(format, language);
  return writer.begin + items.map((item) => writer.entry(item)).join("") + writer.end();
}

function load(reader: LoadReader, text: string, pieces: () => number): LoadedEntry[] {
  const loaded: LoadedEntry[] = [];
  for (let at = 0; at < text.length;) {
    const length = pieces();
    loaded.push(...reader.push(text.slice(at, at + length)));
    at += length;
  }
  loaded.push(...reader.end());
  return loaded;
}

const plain = ({ key, value, userMeta, expiresAt }: LoadedEntry): unknown => [
  toBytes(key).toHex(),
  toBytes(value).toHex(),
  userMeta,
  expiresAt,
];

describe.each([
  ["jsonl", jsonReader],
  ["csv", csvReader],
] as const)("%s", (format, reader) => {
  test(`reads back what it wrote, in pieces of any size (seed ${SEED})`, () => {
    const random = new SeededRandom(SEED);
    const items = entries(random);
    const text = dump(format, items);
    for (const size of [1, 2, 7, 4096, 1 << 20]) {
      expect(load(reader(), text, () => size).map(plain)).toEqual(items.map(plain));
    }
    expect(load(reader(), text, () => 1 + random.below(50)).map(plain)).toEqual(items.map(plain));
  });
});

test.each(["jsonl", "csv", "sql"] as const)(
  "%s has nothing in it that a terminal acts on",
  (format) => {
    const text = dump(format, entries(new SeededRandom(SEED)));
    expect(isPrintable(text.replaceAll(/\r?\n|\t/g, ""))).toBe(true);
  },
);

describe.each<readonly [string, string, () => LoadReader]>([
  ["jsonl: no object", '{"key":"a","value":"b"}\n[1]\n', jsonReader],
  ["jsonl: no JSON", '{"key":"a","value":"b"}\n{"key"\n', jsonReader],
  ["jsonl: no key", '{"key":"a","value":"b"}\n{"value":"v"}', jsonReader],
  ["jsonl: a number", '{"key":"a","value":"b"}\n{"key":"k","value":3}', jsonReader],
  [
    "jsonl: an unknown field",
    '{"key":"a","value":"b"}\n{"key":"k","value":"","ttl":3}',
    jsonReader,
  ],
  ["jsonl: half a character", '{"key":"a","value":"b"}\n{"key":"k","value":"\\ud800"}', jsonReader],
  ["jsonl: bad base64", '{"key":"a","value":"b"}\n{"key":"k","value":{"$bytes":"?"}}', jsonReader],
  [
    "jsonl: a byte too large",
    '{"key":"a","value":"b"}\n{"key":"k","value":"","userMeta":256}',
    jsonReader,
  ],
  ["csv: fields too many", "key,value\na,b\nc,d,e\n", csvReader],
  ["csv: an open quote", 'key,value\na,b\n"c,d\n', csvReader],
  ["csv: text behind a quote", 'key,value\na,b\n"c"x,d\n', csvReader],
  ["csv: no number", "key,value,user_meta\na,b,\nc,d,e\n", csvReader],
])("%s", (_, text, reader) => {
  test("is refused with its line, and what came before it is handed out", () => {
    const loaded: LoadedEntry[] = [];
    const line = text.startsWith("key") ? 3 : 2;
    expect(() => {
      const own = reader();
      for (const item of own.push(text)) loaded.push(item);
      for (const item of own.end()) loaded.push(item);
    }).toThrow(`standard input:${line}: `);
    expect(loaded.map(({ key }) => key)).toEqual(["a"]);
  });
});

describe("a record without an end", () => {
  const piece = "a".repeat(1 << 24);

  test.each([
    ["a line", "", jsonReader],
    ["a field", "key,value\n", csvReader],
    ["a field in quotes", 'key,value\n"', csvReader],
  ])("is refused before it takes all memory: %s", (_name, start, reader) => {
    const loading = reader();
    expect([...loading.push(start)]).toEqual([]);
    const pushAll = (): void => {
      for (let i = 0; i <= 17; i++) expect([...loading.push(piece)]).toEqual([]);
    };
    expect(pushAll).toThrow("more than 256 million characters");
  });

  test("of fields is refused, too", () => {
    expect(() => [...csvReader().push(",".repeat(100))]).toThrow("more than 64 fields");
  });
});

describe("dump and load", () => {
  test.each(["jsonl", "csv", "sql"])("round trip through the commands as %s", async (format) => {
    const first = fresh();
    const items = entries(new SeededRandom(SEED));
    expect((await run(["load", first], { stdin: dump("jsonl", items) })).code).toBe(0);
    const { out, code } = await run(["dump", first, "--format", format]);
    expect(code).toBe(0);
    // By --format, and by the looks of it.
    for (const flags of [["--format", format], []]) {
      const second = fresh();
      const loaded = await run(["load", second, ...flags], { stdin: out });
      expect([loaded.code, loaded.out]).toEqual([0, ""]);
      expect((await run(["dump", second])).out).toBe((await run(["dump", first])).out);
    }
  });

  test("what EXPORT wrote is loaded, too", async () => {
    const own = fresh();
    const stdin = '{"key":"k","value":"v","user_meta":3,"expires_at":4000000000}\n\n';
    expect((await run(["load", own], { stdin })).err).toBe("meles: 1 entry loaded\n");
    const { out } = await run(["dump", own]);
    expect(JSON.parse(out)).toEqual({ key: "k", value: "v", userMeta: 3, expiresAt: 4e9 });
  });

  test("an error keeps what came before it, and exits with 2", async () => {
    const own = fresh();
    const stdin = `${Array.from({ length: 500 }, (_, i) => `{"key":"k${i}","value":""}`).join("\n")}\n{}\n`;
    const { code, err } = await run(["load", own], { stdin });
    expect([code, err]).toEqual([
      2,
      'meles: standard input:501: key is no text and no {"$bytes": "<base64>"}\n  hint: the entries before it are loaded and stay\n',
    ]);
    expect((await run(["scan", own, "--keys-only"])).out.split("\n").length).toBe(501);
  });

  test("loading statements reads no rc file and prints no results", async () => {
    const own = fresh();
    const loaded = await run(["load", own], { stdin: "PUT 'a' '1'; PUT 'b' '2';" });
    expect([loaded.code, loaded.out]).toEqual([0, ""]);
    expect((await run(["scan", own])).out).toBe("a\t1\nb\t2\n");
    expect((await run(["load", own, "--format", "sql"], { stdin: "SELEC 1;" })).code).toBe(2);
  });

  test("an empty dump loads as nothing", async () => {
    const [empty, own] = [fresh(), fresh()];
    await run(["load", empty], { stdin: "" });
    for (const format of ["jsonl", "csv", "sql"]) {
      const { out } = await run(["dump", empty, "--format", format]);
      expect((await run(["load", own, "--format", format], { stdin: out })).code).toBe(0);
    }
    expect((await run(["dump", own])).out).toBe("");
  });
});
