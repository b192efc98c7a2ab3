/** Maintenance commands on real directories, in this process: verify, salvage, gc, flatten, drop, rotate-key. */

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./run-command.ts";

const directory = mkdtempSync(join(tmpdir(), "meles-maintenance-"));
let others = 0;
const fresh = (): string => join(directory, `db-${others++}`);
const keyFile = join(directory, "key");
const newKeyFile = join(directory, "new-key");
writeFileSync(keyFile, new Uint8Array(16).fill(1));
writeFileSync(newKeyFile, `${"0a".repeat(32)}\n`);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let own: string;

async function fill(path: string, ...flags: string[]): Promise<void> {
  const entries = Array.from(
    { length: 300 },
    (_, i) => `{"key":"key-${i}","value":"${String(i).repeat(i % 50 === 0 ? 900 : 3)}"}\n`,
  );
  const { code } = await run(["load", path, ...flags], { stdin: entries.join("") });
  expect(code).toBe(0);
}

beforeEach(async () => {
  own = fresh();
  await fill(own);
});

function spoil(path: string, name: RegExp, change: (bytes: Uint8Array) => void): string {
  const file = readdirSync(path).find((other) => name.test(other)) as string;
  const bytes = new Uint8Array(readFileSync(join(path, file)));
  change(bytes);
  writeFileSync(join(path, file), bytes);
  return file;
}

const flip = (at: number) => (bytes: Uint8Array) => {
  bytes[at] = (bytes[at] as number) ^ 1;
};

/** Names, sizes, times and content of everything in a directory. */
function stateOf(path: string): unknown {
  return readdirSync(path).map((name) => {
    const { mtimeMs, size, ino } = statSync(join(path, name));
    return [name, mtimeMs, size, ino, Bun.hash(readFileSync(join(path, name)))];
  });
}

describe("verify", () => {
  test("lists what is wrong with a directory that cannot be opened", async () => {
    spoil(own, /^MANIFEST$/, flip(20));
    expect((await run(["get", own, "key-1"])).code).toBe(4);
    const { code, out, err } = await run(["verify", own]);
    expect(code).toBe(4);
    expect(out).toStartWith("MANIFEST:8: ");
    expect(err).toMatch(/\d findings?\n$/);
    const json = JSON.parse((await run(["verify", own, "--json"])).out) as { findings: unknown[] };
    expect(json.findings[0]).toMatchObject({ file: "MANIFEST", offset: 8 });
  });

  test("changes nothing, and tells leftovers as notes", async () => {
    writeFileSync(join(own, "MANIFEST-REWRITE"), "half");
    const before = stateOf(own);
    const { code, out, err } = await run(["verify", own]);
    expect([code, out]).toEqual([0, ""]);
    expect(err).toContain("note: MANIFEST-REWRITE:0: left over");
    expect(stateOf(own)).toEqual(before);
  });

  test("exits with 3 for what is no database, or needs another key", async () => {
    const empty = fresh();
    mkdirSync(empty);
    expect((await run(["verify", empty])).code).toBe(3);
    expect((await run(["verify", fresh()])).code).toBe(3);
    const secret = fresh();
    await fill(secret, "--key-file", keyFile);
    expect((await run(["verify", secret])).code).toBe(3);
    expect((await run(["verify", secret, "--key-file", newKeyFile])).code).toBe(3);
    expect((await run(["verify", secret, "--key-file", keyFile])).code).toBe(0);
  });
});

describe("salvage", () => {
  test("rebuilds a directory, lists what is lost with its keys, and leaves the old one alone", async () => {
    const table = spoil(own, /\.sst$/, flip(40));
    const before = stateOf(own);
    const target = fresh();
    const { code, out, err } = await run(["salvage", own, target]);
    expect(code).toBe(4);
    expect(out).toMatch(
      new RegExp(`^lost: ${table}:0: a block is damaged; keys from key-0 to key-\\d+\n$`),
    );
    expect(err).toContain("versions of");
    expect(stateOf(own)).toEqual(before);
    expect((await run(["verify", target])).code).toBe(0);
    const { out: left } = await run(["scan", target, "--keys-only"]);
    expect(left.split("\n").length).toBeGreaterThan(100);
    expect(left).not.toContain("key-0\n");
  });

  test("exits with 0 when nothing is lost, also without MANIFEST", async () => {
    rmSync(join(own, "MANIFEST"));
    const target = fresh();
    const { code, out } = await run(["salvage", own, target]);
    expect(code).toBe(0);
    expect(out).toStartWith("note: MANIFEST:0: missing");
    expect((await run(["scan", target])).out.split("\n").length).toBe(301);
  });

  test("as JSON shows keys that read back", async () => {
    const raw = fresh();
    await run(["put", raw, "--literal", "x'ff00'", `'${"v".repeat(2000)}'`]);
    spoil(raw, /\.vlog$/, flip(60));
    const { code, out } = await run(["salvage", raw, fresh(), "--json"]);
    expect(code).toBe(4);
    expect(JSON.parse(out)).toMatchObject({
      lost: true,
      entries: 0,
      findings: [{ lost: true, smallestKey: { $bytes: "/wA=" }, largestKey: { $bytes: "/wA=" } }],
    });
  });

  test("refuses a target inside the directory, also behind a link", async () => {
    const link = fresh();
    symlinkSync(own, link);
    for (const target of [join(own, "new"), link, join(link, "new"), own]) {
      const { code, err } = await run(["salvage", own, target]);
      expect([code, err.split("\n")[0]]).toEqual([
        2,
        expect.stringContaining("which is not touched"),
      ]);
    }
    expect(readdirSync(own)).not.toContain("new");
  });

  test("keeps an encrypted directory encrypted", async () => {
    const secret = fresh();
    await fill(secret, "--key-file", keyFile);
    truncateSync(join(secret, "MANIFEST"), 8);
    const target = fresh();
    expect((await run(["salvage", secret, target])).code).toBe(3);
    expect(existsSync(target)).toBe(false);
    expect((await run(["salvage", secret, target, "--key-file", keyFile])).code).toBe(0);
    for (const name of readdirSync(target)) {
      expect(readFileSync(join(target, name)).includes("key-1")).toBe(false);
    }
    expect((await run(["get", target, "key-7", "--key-file", keyFile])).out).toBe("777");
  });
});

describe("gc, flatten and info --space", () => {
  test("give space back and tell how much", async () => {
    await run(["drop", own, "key-", "--yes"]);
    const collected = await run(["gc", own, "--ratio", "0.5"]);
    expect([collected.code, collected.out]).toEqual([0, ""]);
    expect(collected.err).toMatch(
      /^meles: \d+ value-log files? removed, .*; the directory had .*, it has .*\n$/,
    );
    const flat = await run(["flatten", own]);
    expect([flat.code, flat.out]).toEqual([0, ""]);
    const info = JSON.parse((await run(["info", own, "--json"])).out) as Record<string, number>;
    expect(info["table_entries"]).toBe(0);
    expect(info["value_logs"]).toBe(0);
  });

  test("space says why every file is still there", async () => {
    const { code, out } = await run(["info", own, "--space", "--json"]);
    expect(code).toBe(0);
    const rows = JSON.parse(out) as Record<string, unknown>[];
    expect(rows.map(({ file }) => file)).toContain("000001.vlog");
    for (const row of rows) {
      expect(Object.keys(row)).toEqual([
        "file",
        "size_bytes",
        "live_bytes",
        "garbage_bytes",
        "reason",
      ]);
    }
  });

  test.each(["0", "1", "x", "-1"])("gc refuses --ratio %s", async (ratio) => {
    expect((await run(["gc", own, `--ratio=${ratio}`])).code).toBe(2);
  });

  test.each(["gc", "flatten"])("%s creates no directory", async (command) => {
    const missing = fresh();
    expect((await run([command, missing])).code).toBe(3);
    expect(existsSync(missing)).toBe(false);
  });
});

describe("drop", () => {
  test("deletes what begins with the prefix, and only with --yes", async () => {
    const refused = await run(["drop", own, "key-1"]);
    expect([refused.code, refused.err]).toEqual([
      2,
      "meles: drop would delete every key that begins with key-1\n  hint: say --yes to do it\n",
    ]);
    const { code, err } = await run(["drop", own, "key-1", "--yes"]);
    expect([code, err]).toEqual([0, "meles: 111 keys deleted\n"]);
    expect((await run(["scan", own, "key-1"])).out).toBe("");
    expect((await run(["scan", own, "--keys-only"])).out.split("\n").length).toBe(190);
  });

  test("takes bytes with --literal, and everything with an empty prefix", async () => {
    await run(["put", own, "--literal", "x'ff01'", "'v'"]);
    expect((await run(["drop", own, "x'ff'", "--literal", "--yes"])).err).toBe(
      "meles: 1 key deleted\n",
    );
    expect((await run(["drop", own, ""])).err).toContain("drop would delete every key\n");
    expect((await run(["drop", own, "", "--yes"])).err).toBe("meles: 300 keys deleted\n");
  });
});

describe("rotate-key", () => {
  test("changes the key: the old one opens nothing any more, the new one everything", async () => {
    const secret = fresh();
    await fill(secret, "--key-file", keyFile);
    const tables = readdirSync(secret).filter((name) => name.endsWith(".sst"));
    const before = tables.map((name) => Bun.hash(readFileSync(join(secret, name))));
    const rotated = await run([
      "rotate-key",
      secret,
      "--key-file",
      keyFile,
      "--new-key-file",
      newKeyFile,
    ]);
    expect([rotated.code, rotated.out]).toEqual([0, ""]);
    expect(tables.map((name) => Bun.hash(readFileSync(join(secret, name))))).toEqual(before);
    expect((await run(["get", secret, "key-7", "--key-file", keyFile])).code).toBe(3);
    expect((await run(["get", secret, "key-7", "--key-file", newKeyFile])).out).toBe("777");
    expect((await run(["verify", secret, "--key-file", newKeyFile])).code).toBe(0);
    expect(statSync(join(secret, "KEYREGISTRY")).mode & 0o777).toBe(0o600);
  });

  test("turns encryption on; flatten then rewrites what was in clear", async () => {
    expect((await run(["rotate-key", own, "--new-key-file", keyFile])).code).toBe(0);
    expect((await run(["get", own, "key-7"])).code).toBe(3);
    expect((await run(["get", own, "key-7", "--key-file", keyFile])).out).toBe("777");
    await run(["put", own, "new", "secret-value", "--key-file", keyFile]);
    expect((await run(["flatten", own, "--key-file", keyFile])).code).toBe(0);
    for (const name of readdirSync(own).filter((file) => file.endsWith(".sst"))) {
      expect(readFileSync(join(own, name)).includes("key-7")).toBe(false);
    }
    expect((await run(["verify", own, "--key-file", keyFile])).code).toBe(0);
  });

  test("refuses to turn encryption off, and says what to do instead", async () => {
    const { code, err } = await run(["rotate-key", own, "--key-file", keyFile]);
    expect(code).toBe(2);
    expect(err).toContain("cannot be turned off in place");
    expect(err).toContain("meles dump DIR --key-file OLD | meles load NEWDIR");
  });

  test("a wrong key, a superfluous one, and a directory in use change nothing", async () => {
    const secret = fresh();
    await fill(secret, "--key-file", keyFile);
    const before = stateOf(secret);
    for (const flags of [["--key-file", newKeyFile], []]) {
      const { code } = await run(["rotate-key", secret, ...flags, "--new-key-file", newKeyFile]);
      expect(code).toBe(3);
    }
    expect(stateOf(secret)).toEqual(before);
    const plain = stateOf(own);
    const superfluous = ["rotate-key", own, "--key-file", keyFile, "--new-key-file", newKeyFile];
    expect((await run(superfluous)).code).toBe(3);
    expect(stateOf(own)).toEqual(plain);
    expect((await run(["rotate-key", fresh(), "--new-key-file", keyFile])).code).toBe(3);
  });

  test("a kill while the registry is written leaves the old key valid", async () => {
    const secret = fresh();
    await fill(secret, "--key-file", keyFile);
    const copy = fresh();
    cpSync(secret, copy, { recursive: true });
    writeFileSync(join(copy, "REWRITE-KEYREGISTRY"), "half of the new one");
    expect((await run(["get", copy, "key-7", "--key-file", keyFile])).out).toBe("777");
  });
});

describe("bank test", () => {
  test("runs, exits with 0, and goes on where it was", async () => {
    const bank = fresh();
    const first = await run(["bank", "test", bank, "--seconds", "0.1", "--accounts", "20"]);
    expect([first.code, first.out]).toEqual([0, ""]);
    expect(first.err).toMatch(
      /^meles: 20 accounts, \d+ transfers, .*: the sum is 2000 in every snapshot\n$/,
    );
    const second = await run(["bank", "test", bank, "--seconds", "0.1", "--accounts", "9"]);
    expect(second.err).toStartWith("meles: 20 accounts, ");
  });

  test("exits with 4 and the history when the sum was tampered with", async () => {
    const bank = fresh();
    await run(["bank", "test", bank, "--seconds", "0.1", "--accounts", "20"]);
    await run(["put", bank, "bank:00000003", "100000"]);
    const { code, out } = await run(["bank", "test", bank, "--seconds", "5"]);
    expect(code).toBe(4);
    expect(out).toMatch(
      /^version \d+: the sum is \d+, it should be 2000\n {2}bank:00000003: \d+ → 100000\n/,
    );
  });

  test.each([
    [["bank", "tset", "dir"], "did you mean test?"],
    [["bank", "test", "dir", "--accounts", "1"], "a transfer needs two"],
    [["bank", "test", "dir", "--seconds", "x"], "not a number"],
  ])("%j is a usage error", async (vector, message) => {
    const { code, err } = await run(vector);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});
