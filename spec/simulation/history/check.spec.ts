/** The checker finds each of Adya's anomalies in a history made for it, and nothing in one that is serial. */

import { describe, expect, test } from "bun:test";

import { check } from "./check.ts";
import type { History, HistoryTransaction, Operation } from "./history.ts";

const read = (key: string, value?: string): Operation => ({ kind: "read", key, value });
const write = (key: string, value: string): Operation => ({ kind: "write", key, value });
const append = (key: string, element: string): Operation => ({ kind: "append", key, element });
const scan = (found: Record<string, string>, from = "a", to = "z"): Operation => ({
  kind: "scan",
  from,
  to,
  found: new Map(Object.entries(found)),
});

function transaction(
  id: number,
  version: number | "aborted",
  ...operations: Operation[]
): HistoryTransaction {
  const isAborted = version === "aborted";
  return {
    id,
    operations,
    outcome: isAborted ? "aborted" : "committed",
    version: isAborted ? undefined : version,
  };
}

function kinds(kind: History["kind"], ...transactions: HistoryTransaction[]): string[] {
  return [...new Set(check({ kind, transactions }).map((anomaly) => anomaly.kind))].sort();
}

describe("lists", () => {
  test("one after the other is fine", () => {
    expect(
      kinds(
        "list",
        transaction(1, 1, read("x"), append("x", "a")),
        transaction(2, 2, read("x", "a"), append("x", "b"), append("y", "c")),
        transaction(3, 3, read("x", "a,b"), read("y", "c")),
      ),
    ).toEqual([]);
  });

  test("appends that interleave are G0", () => {
    expect(
      kinds(
        "list",
        transaction(1, 1, append("x", "a1"), append("y", "b1")),
        transaction(2, 2, append("x", "a2"), append("y", "b2")),
        transaction(3, 3, read("x", "a1,a2"), read("y", "b2,b1")),
      ),
    ).toContain("G0");
  });

  test("an element of an aborted transaction is G1a, one that was not the last is G1b", () => {
    expect(
      kinds("list", transaction(1, "aborted", append("x", "a")), transaction(2, 2, read("x", "a"))),
    ).toEqual(["G1a"]);
    expect(
      kinds(
        "list",
        transaction(1, 1, append("x", "a"), append("x", "b")),
        transaction(2, 2, read("x", "a")),
        transaction(3, 3, read("x", "a,b")),
      ),
    ).toContain("G1b");
  });

  test("each reading the other's append is G1c", () => {
    expect(
      kinds(
        "list",
        transaction(1, 1, append("x", "a"), read("y", "b")),
        transaction(2, 2, append("y", "b"), read("x", "a")),
      ),
    ).toEqual(["G1c"]);
  });

  test("a lost update is seen", () => {
    expect(
      kinds(
        "list",
        transaction(1, 1, read("x"), append("x", "a")),
        transaction(2, 2, read("x"), append("x", "b")),
        transaction(3, 3, read("x", "b")),
      ),
    ).toEqual(["lost write"]);
  });

  test("a read skew is G-single", () => {
    expect(
      kinds(
        "list",
        transaction(1, 1, append("x", "a"), append("y", "b")),
        transaction(2, 2, read("x"), read("y", "b")),
        transaction(3, 3, read("x", "a"), read("y", "b")),
      ),
    ).toEqual(["G-single"]);
  });

  test("lists that do not continue each other are incompatible", () => {
    expect(
      kinds(
        "list",
        transaction(1, 1, append("x", "a")),
        transaction(2, 2, append("x", "b")),
        transaction(3, 3, read("x", "a,b")),
        transaction(4, 4, read("x", "b")),
      ),
    ).toContain("incompatible order");
  });
});

describe("registers", () => {
  test("one after the other is fine", () => {
    expect(
      kinds(
        "register",
        transaction(1, 1, write("x", "1"), write("y", "1y")),
        transaction(2, 2, scan({ x: "1", y: "1y" }), { kind: "delete", key: "x" }),
        transaction(3, 3, read("x"), scan({ y: "1y" }), write("x", "3"), read("x", "3")),
      ),
    ).toEqual([]);
  });

  test("a write skew is G2-item", () => {
    expect(
      kinds(
        "register",
        transaction(1, 1, write("x", "0"), write("y", "0y")),
        transaction(2, 2, read("x", "0"), read("y", "0y"), write("x", "2")),
        transaction(3, 3, read("x", "0"), read("y", "0y"), write("y", "3")),
      ),
    ).toEqual(["G2-item"]);
  });

  test("the same through ranges is G2: a phantom", () => {
    expect(
      kinds(
        "register",
        transaction(2, 2, scan({}), write("x", "2")),
        transaction(3, 3, scan({}), write("y", "3")),
      ),
    ).toEqual(["G2"]);
  });

  test("a range that misses half of a commit is a phantom, too", () => {
    expect(
      kinds(
        "register",
        transaction(1, 1, write("x", "1"), write("y", "1y")),
        transaction(2, 2, scan({ x: "1" })),
      ),
    ).toEqual(["G2"]);
  });

  test("a lost update is G-single", () => {
    expect(
      kinds(
        "register",
        transaction(1, 1, write("x", "1")),
        transaction(2, 2, read("x", "1"), write("x", "2")),
        transaction(3, 3, read("x", "1"), write("x", "3")),
      ),
    ).toEqual(["G-single"]);
  });

  test("two answers for one key, an own write unseen and a value from nowhere are told apart", () => {
    expect(
      kinds(
        "register",
        transaction(1, 1, write("x", "1")),
        transaction(2, 2, read("x"), read("x", "1")),
      ),
    ).toContain("two snapshots");
    expect(kinds("register", transaction(1, 1, write("x", "1"), read("x")))).toEqual([
      "own write not seen",
    ]);
    expect(kinds("register", transaction(1, 1, read("x", "?")))).toEqual(["unknown value"]);
  });

  test("a value that was overwritten before its commit is G1b, one of an aborted transaction G1a", () => {
    expect(
      kinds(
        "register",
        transaction(1, 1, write("x", "1"), write("x", "2")),
        transaction(2, 2, read("x", "1")),
      ),
    ).toEqual(["G1b"]);
    expect(
      kinds(
        "register",
        transaction(1, "aborted", write("x", "1")),
        transaction(2, 2, scan({ x: "1" })),
      ),
    ).toEqual(["G1a"]);
  });

  test("what was read as not there, and was so several times, blames nobody", () => {
    expect(
      kinds(
        "register",
        transaction(1, 1, write("x", "1")),
        transaction(2, 2, { kind: "delete", key: "x" }, write("y", "2")),
        transaction(3, 3, read("x"), read("y", "2")),
      ),
    ).toEqual([]);
  });
});
