/**
 * Faults of a real disk under a real process: full, read-only, failing to sync. They need a file system
 * of their own, in a mount namespace that ends with the process, or a tracer that makes calls fail; where
 * the machine allows neither, the specs are skipped, and spec/database/disk-full.spec.ts and io-errors.spec.ts
 * show the same on simulated disks.
 */

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Subject } from "./subject.ts";

setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), "meles-disk-"));
let others = 0;
const fresh = (): string => {
  const path = join(folder, `db-${others++}`);
  mkdirSync(path);
  return path;
};
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"];

function works(...command: string[]): boolean {
  try {
    return Bun.spawnSync(command, { stderr: "ignore" }).exitCode === 0;
  } catch {
    return false;
  }
}

const canMount = works(...NAMESPACE, "mount", "-t", "tmpfs", "none", folder);
const canTrace = works("strace", "-f", "-e", "inject=fdatasync:error=EIO", "true");

/** An ext4 of so many mebibytes, journal included, on a loop device. */
function loop(path: string, mebibytes: number) {
  const image = `'${path}.img'`;
  const make = `truncate -s ${mebibytes}M ${image} && mkfs.ext4 -q -m 0 ${image}`;
  const mount = `${make} && mount -o loop ${image} '${path}' && exec "$@"`;
  return (command: readonly string[]): string[] => [
    "unshare",
    "--mount",
    "bash",
    "-c",
    mount,
    "bash",
    ...command,
  ];
}

const canLoop = works(...loop(fresh(), 8)(["true"]));

/** On a file system of so many mebibytes. */
function small(path: string, mebibytes: number) {
  const mount = `mount -t tmpfs -o size=${mebibytes}m none '${path}' && exec "$@"`;
  return (command: readonly string[]): string[] => [
    ...NAMESPACE,
    "bash",
    "-c",
    mount,
    "bash",
    ...command,
  ];
}

const OPTIONS = { memtableSize: 256 * 1024, valueThreshold: 2000, baseLevelSize: 256 * 1024 };

async function putUntilFull(
  subject: Subject,
  from: number,
): Promise<{ count: number; code: string; message: string }> {
  for (let number = from; number < 100_000; number++) {
    const { failure } = await subject.try("put", `key-${number}`, 200 + (number % 40) * 100);
    if (failure !== undefined) return { count: number, ...failure };
  }
  throw new Error("the disk is never full");
}

async function expectAll(subject: Subject, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    const key = `key-${number}`;
    const value = (await subject.call("get", key)) as string;
    expect(value).toBe(`${key}:`.padEnd(200 + (number % 40) * 100, key));
  }
}

const TMPFS = { kind: "tmpfs", isThere: canMount, around: (path: string) => small(path, 12) };
const EXT4 = {
  kind: "ext4 on a loop device",
  isThere: canLoop,
  around: (path: string) => loop(path, 16),
};

for (const { kind, isThere, around, sync } of [
  { ...TMPFS, sync: "commit" },
  { ...TMPFS, sync: "interval" },
  // Thousands of synced commits would take minutes on a real disk.
  { ...EXT4, sync: "interval" },
] as const) {
  const what = "ERR_DISK_FULL, reads go on, writing resumes without reopening";
  test.skipIf(!isThere)(`a full ${kind}: ${what} (${sync})`, async () => {
    const path = fresh();
    await using subject = await Subject.start(join(path, "db"), around(path));
    await subject.call("open", { ...OPTIONS, sync });
    const ballast = join(path, "ballast");
    await subject.call("fill", ballast, 6 << 20);
    const first = await putUntilFull(subject, 0);
    expect(first.code).toBe("ERR_DISK_FULL");
    expect(first.message).toContain("free some space");
    expect(first.count).toBeGreaterThan(500);
    // Again and again, unless background work has made room meanwhile.
    let more = 0;
    for (let times = 0; times < 5; times++) {
      const { failure } = await subject.try("put", "more", 100_000);
      if (failure === undefined) more = 1;
      else expect(failure.code).toBe("ERR_DISK_FULL");
    }
    await expectAll(subject, first.count);
    expect(await subject.call("count")).toBe(first.count + more);

    await subject.call("free", ballast);
    const second = await putUntilFull(subject, first.count);
    expect(second.code).toBe("ERR_DISK_FULL");
    expect(second.count).toBeGreaterThan(first.count + 500);
    await expectAll(subject, second.count);
    expect(await subject.call("verify")).toEqual([]);

    // The full disk is no obstacle to opening, either.
    await subject.try("close");
    await subject.call("open", { ...OPTIONS, sync });
    expect(await subject.call("count")).toBe(second.count + more);
    await expectAll(subject, second.count);
  });
}

describe.skipIf(!canMount)("a small file system", () => {
  test("that has become read-only: opening says so, and readOnly reads everything", async () => {
    const path = fresh();
    await using subject = await Subject.start(join(path, "db"), small(path, 16));
    await subject.call("open", { ...OPTIONS, sync: "commit" });
    for (let number = 0; number < 50; number++) {
      await subject.call("put", `key-${number}`, 200 + (number % 40) * 100);
    }
    // No file system becomes read-only while somebody has a file open for writing.
    await subject.call("close");
    expect(await subject.call("run", "mount", "-o", "remount,ro", path)).toBe(0);
    expect((await subject.failure("open", OPTIONS)).message).toContain("EROFS");
    await subject.call("open", { ...OPTIONS, readOnly: true });
    await expectAll(subject, 50);
    expect((await subject.failure("put", "one more", 10)).code).toBe("ERR_READ_ONLY");
    expect(await subject.call("verify")).toEqual([]);
    await subject.call("close");
    expect(await subject.call("run", "mount", "-o", "remount,rw", path)).toBe(0);
    await subject.call("open", OPTIONS);
    await subject.call("put", "key-50", 200 + (50 % 40) * 100);
    await expectAll(subject, 51);
  });
});

describe.skipIf(!canTrace)("a disk that fails to sync", () => {
  test("makes the database refuse further writes, with the first cause", async () => {
    const path = fresh();
    const tracer = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync"];
    const inject = ["-e", "inject=fdatasync:error=EIO:when=20"];
    await using subject = await Subject.start(join(path, "db"), (command) => [
      ...tracer,
      ...inject,
      ...command,
    ]);
    await subject.call("open", { ...OPTIONS, sync: "commit" });
    let count = 0;
    let failure;
    while (failure === undefined && count < 200) {
      const key = `key-${count}`;
      failure = (await subject.try("put", key, 200 + (count % 40) * 100)).failure;
      if (failure === undefined) count++;
    }
    expect(failure?.code).toBe("ERR_IO");
    expect(failure?.message).toContain("sync");
    expect(failure?.message).toContain("EIO");
    // The next sync would succeed, and promise what is not there: nobody asks for it.
    for (let times = 0; times < 3; times++) {
      const later = await subject.failure("put", "one more", 10);
      expect(later.code).toBe("ERR_READ_ONLY");
      expect(later.cause).toBe(failure?.message);
    }
    await expectAll(subject, count);
    await subject.try("close");
    await subject.call("open", OPTIONS);
    await expectAll(subject, count);
    await subject.call("put", `key-${count}`, 200 + (count % 40) * 100);
  });
});
