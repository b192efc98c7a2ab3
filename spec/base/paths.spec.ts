/** Paths are joined and taken apart as text. */

import { expect, test } from "bun:test";
import { baseName, join } from "../../src/base/paths.ts";

test("a name is put into a directory with exactly one slash between them", () => {
  expect(join("/db", "MANIFEST")).toBe("/db/MANIFEST");
  expect(join("/db/", "MANIFEST")).toBe("/db/MANIFEST");
  expect(join("/", "MANIFEST")).toBe("/MANIFEST");
  expect(join("db", "000001.sst")).toBe("db/000001.sst");
});

test("the last part of a path is its name", () => {
  expect(baseName("/a/b/c.sst")).toBe("c.sst");
  expect(baseName("c.sst")).toBe("c.sst");
  expect(baseName(join("/db/", "x"))).toBe("x");
});
