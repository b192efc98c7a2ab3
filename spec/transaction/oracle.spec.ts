import { describe, expect, test } from "bun:test";
import { Oracle, OWN_WRITE_VERSION } from "../../src/transaction/oracle.ts";

describe("oracle", () => {
  test("hands out 1 first in a new database and goes on behind the last version in an old one", () => {
    expect(new Oracle(0).nextVersion()).toBe(1);
    expect(new Oracle(41).nextVersion()).toBe(42);
  });

  test("shows a version to readers only once it is published", () => {
    const oracle = new Oracle(0);
    const version = oracle.nextVersion();
    expect(oracle.beginRead()).toBe(0);
    oracle.publish(version);
    expect(oracle.beginRead()).toBe(1);
  });

  test("publishes a group with its last version", () => {
    const oracle = new Oracle(0);
    oracle.nextVersion();
    oracle.nextVersion();
    oracle.publish(oracle.nextVersion());
    expect(oracle.lastCommitted).toBe(3);
  });

  test("never hands out the versions of a failed group again", () => {
    const oracle = new Oracle(0);
    oracle.nextVersion();
    oracle.nextVersion();
    const next = oracle.nextVersion();
    oracle.publish(next);
    expect(next).toBe(3);
    expect(oracle.lastCommitted).toBe(3);
  });

  test("discards nothing that the oldest reader can see", () => {
    const oracle = new Oracle(5);
    const first = oracle.beginRead();
    oracle.publish(oracle.nextVersion());
    const second = oracle.beginRead();
    expect(oracle.discardVersion).toBe(5);
    oracle.endRead(first);
    expect(oracle.discardVersion).toBe(6);
    oracle.endRead(second);
    oracle.publish(oracle.nextVersion());
    expect(oracle.discardVersion).toBe(7);
  });

  test("a reader of the future does not raise the discard version above what is committed", () => {
    const oracle = new Oracle(5);
    oracle.beginReadAt(1000);
    expect(oracle.discardVersion).toBe(5);
  });

  test("a managed database discards up to the caller's limit, never beyond a reader", () => {
    const oracle = new Oracle(0);
    oracle.advanceTo(100);
    oracle.setDiscardVersion(30);
    expect(oracle.discardVersion).toBe(30);
    oracle.beginReadAt(20);
    expect(oracle.discardVersion).toBe(20);
    oracle.setDiscardVersion(10);
    oracle.endRead(20);
    expect(oracle.discardVersion).toBe(30);
  });

  test("moves on to versions that come from elsewhere, never back", () => {
    const oracle = new Oracle(7);
    oracle.advanceTo(20);
    oracle.advanceTo(10);
    expect(oracle.lastCommitted).toBe(20);
    expect(oracle.nextVersion()).toBe(21);
  });

  test("stops with an error before the marker of own writes", () => {
    const oracle = new Oracle(OWN_WRITE_VERSION - 1);
    expect(() => oracle.nextVersion()).toThrow("used up");
  });

  test("publishing out of order is a bug", () => {
    const oracle = new Oracle(0);
    oracle.nextVersion();
    oracle.nextVersion();
    oracle.publish(2);
    expect(() => oracle.publish(1)).toThrow("in order");
    expect(() => oracle.publish(3)).toThrow("handed out");
  });
});
