/** Which file lies in which of two directories, and the file that says that they belong together. */

import { describe, expect, test } from "bun:test";

import { CorruptionError } from "../../src/base/errors.ts";
import {
  directoriesOf,
  nameIn,
  namesOf,
  onePlace,
  placeOf,
} from "../../src/format/directory-pair.ts";
import { decodePairFile, encodePairFile } from "../../src/format/pair-file.ts";

const PAIR = { directory: "/db", valueDirectory: "/values" };
const VALUES = ["000001.vlog", "1.vlog", "000007.vlog.tmp", "DISCARD"];
const OTHERS = ["MANIFEST", "KEYREGISTRY", "SEAL", "000001.sst", "00001.mem", "00001.mem.tmp", "x"];

describe("a pair of directories", () => {
  test("has each kind of file in one place", () => {
    for (const name of VALUES) expect(placeOf(PAIR, name)).toBe(`/values/${name}`);
    for (const name of OTHERS) expect(placeOf(PAIR, name)).toBe(`/db/${name}`);
    for (const name of [...VALUES, ...OTHERS]) {
      expect(placeOf(onePlace("/db"), name)).toBe(`/db/${name}`);
      expect(nameIn(PAIR, placeOf(PAIR, name))).toBe(name);
    }
    expect(nameIn(PAIR, "/db/000001.vlog")).toBeUndefined();
    expect(nameIn(PAIR, "/values/MANIFEST")).toBeUndefined();
    expect(nameIn(PAIR, "/db/PAIR")).toBeUndefined();
  });

  test("lists what belongs to it, not what lies about or leads from one to the other", () => {
    const everywhere = [...VALUES, ...OTHERS];
    expect(namesOf(PAIR, () => everywhere)).toEqual([...OTHERS, ...VALUES]);
    expect(namesOf(onePlace("/db"), () => everywhere)).toEqual(everywhere);
    const nested = { directory: "/db", valueDirectory: "/db/deep/values" };
    expect(namesOf(nested, () => ["deep", "deeper"])).toEqual(["deeper"]);
    expect(directoriesOf(PAIR)).toEqual(["/db", "/values"]);
    expect(directoriesOf(onePlace("/db"))).toEqual(["/db"]);
  });
});

describe("the file PAIR", () => {
  test("says what was written, whatever the paths hold", () => {
    for (const directory of ["/db", '/a "b"\n\\c', "/ü/\u{1f9a1}"]) {
      const content = { id: "ab".repeat(16), directory, valueDirectory: "/values" };
      expect(decodePairFile(encodePairFile(content))).toEqual(content);
    }
  });

  test("with a changed bit, cut or with more behind it is damage", () => {
    const bytes = encodePairFile({ id: "ab".repeat(16), ...PAIR });
    const spoiled = [
      bytes.slice(0, -1),
      new Uint8Array(0),
      new Uint8Array([...bytes, 10]),
      new Uint8Array(1 << 20),
      new TextEncoder().encode("null\n00000000\n"),
    ];
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const wrong = bytes.slice();
      wrong[bit >> 3] = (wrong[bit >> 3] as number) ^ (1 << (bit & 7));
      spoiled.push(wrong);
    }
    for (const wrong of spoiled) expect(() => decodePairFile(wrong)).toThrow(CorruptionError);
  });
});
