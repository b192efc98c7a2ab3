import { expect, test } from "bun:test";
import { DirectoryLocks, parseLockFile } from "../../src/env/directory-locks.ts";
import { loadedLibcPath } from "../../src/env/c-library.ts";

const mapping = (path: string): string =>
  `55d0c0a00000-55d0c0a28000 r--p 00000000 fe:01 1837 ${path}`;

test("the C library is found among what the process has loaded, glibc or musl", () => {
  const others = [
    mapping("/usr/bin/bun"),
    "7ffd1c000000-7ffd1c021000 rw-p 00000000 00:00 0 [stack]",
  ];
  const libraries = [
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/usr/lib/aarch64-linux-gnu/libc-2.31.so",
    "/lib/ld-musl-x86_64.so.1",
    "/nix/store/abc-glibc-2.40/lib/libc.so.6",
  ];
  for (const library of libraries) {
    expect(loadedLibcPath([...others, mapping(library)].join("\n"))).toBe(library);
  }
});

test("what only looks like a C library is left alone", () => {
  const maps = ["/lib/libc.so.6.bak", "/lib/libcrypto.so.3", "/tmp/mylibc.so.6", "/lib/libc.so"];
  expect(loadedLibcPath(maps.map(mapping).join("\n"))).toBeUndefined();
  expect(loadedLibcPath("")).toBeUndefined();
});

test.if(process.platform === "linux")("this very process has one", async () => {
  expect(loadedLibcPath(await Bun.file("/proc/self/maps").text())).toMatch(/^\/.*(libc|musl)/);
});

test("a LOCK file is believed only if it holds a pid and nothing else", () => {
  expect(parseLockFile("1\n")).toBe(1);
  expect(parseLockFile("4194304")).toBe(4194304);
  for (const text of ["", "\n", "0\n", "-1", "12a", "1 2", "99999999999\n", "0x10"]) {
    expect(parseLockFile(text)).toBeUndefined();
  }
});

test("the table of held locks forgets a directory once all its readers are gone", () => {
  const locks = new DirectoryLocks();
  expect(locks.tryAcquire("a", "shared")).toBe(true);
  expect(locks.tryAcquire("a", "shared")).toBe(true);
  expect(locks.tryAcquire("a", "exclusive")).toBe(false);
  expect(locks.tryAcquire("b", "exclusive")).toBe(true);
  expect(locks.tryAcquire("b", "shared")).toBe(false);
  locks.release("a");
  expect(locks.tryAcquire("a", "exclusive")).toBe(false);
  locks.release("a");
  locks.release("a");
  expect(locks.tryAcquire("a", "exclusive")).toBe(true);
});
