/** Spoiled input for every decoder; `bun run fuzz format` goes on with more. */

import { describe, expect, test } from "bun:test";

import { DECODERS } from "./decoders.ts";
import { decodeSpoiled } from "./spoiled.ts";

const CASES = 30_000;

describe("every decoder", () => {
  test("takes its good samples", () => {
    for (const { name, samples, decode } of DECODERS) {
      if (["compression", "encrypted block", "key registry"].includes(name)) continue;
      for (const sample of samples) expect(() => decode(sample.slice()), name).not.toThrow();
    }
  });

  test(`returns or throws a typed error, for ${CASES} spoiled inputs (seeds from 1)`, () => {
    const driven = new Set<string>();
    for (let seed = 1; seed <= CASES; seed++) driven.add(decodeSpoiled(seed).name);
    expect(driven.size).toBe(DECODERS.length);
  }, 60_000);
});
