/**
 * Which peers this machine has. Packages are installed beside ours, in a folder that goes with
 * `node_modules`, so that whoever only runs Meles never downloads them. What cannot be had is skipped
 * with one line that says why.
 */

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capture } from "../child.ts";
import { root } from "../project.ts";
import type { StoreName } from "./job.ts";
import { temporaryFolder, WORKSHOP } from "./scratch.ts";

const HERE = import.meta.dir;

export interface Peers {
  /** The checkout as it was when the run began: edits during a run change nothing. */
  readonly code: string;
  /** In the order of printing; Meles first. */
  readonly stores: readonly StoreName[];
  /** Folder in which the packages are installed. */
  readonly modules: string;
  readonly hasPackages: boolean;
  readonly badger: string | undefined;
  readonly rocksdb: string | undefined;
  /** One line per peer that is left out, and per remark on one that is not. */
  readonly remarks: readonly string[];
  /** Names with versions, for the records. */
  readonly versions: Readonly<Record<string, string>>;
}

export async function findPeers(): Promise<Peers> {
  const stores: StoreName[] = ["meles"];
  const remarks: string[] = [];
  const versions: Record<string, string> = { bun: Bun.version };

  const modules = join(WORKSHOP, "packages");
  const missing = await installPackages(modules);
  if (missing === undefined) {
    stores.push("lmdb", "classic-level");
    Object.assign(versions, packageVersions());
  } else {
    remarks.push(`lmdb, classic-level: skipped, ${missing}`);
  }
  stores.push("bun:sqlite");

  const badger = await buildBadger();
  if (badger.program === undefined) {
    remarks.push(`badger: skipped, ${badger.reason}`);
  } else {
    stores.push("badger");
    versions["badger"] = badgerVersion();
  }

  const rocksdb = Bun.which("db_bench") ?? undefined;
  if (rocksdb === undefined) {
    remarks.push("rocksdb: skipped, there is no db_bench here (Debian: rocksdb-tools)");
  } else {
    stores.push("rocksdb");
    const said = await capture([
      rocksdb,
      "--benchmarks=",
      "--num=1",
      `--db=${join(WORKSHOP, "probe")}`,
    ]);
    const banner = said.stdout + said.stderr;
    versions["rocksdb"] = /version ([\d.]+)/.exec(banner)?.[1] ?? "unknown";
    if (banner.includes("Assertions are enabled")) {
      remarks.push("rocksdb: this db_bench was built with assertions, which slows it down");
    }
  }
  return {
    code: snapshot(),
    stores,
    modules,
    hasPackages: missing === undefined,
    badger: badger.program,
    rocksdb,
    remarks,
    versions,
  };
}

/** Copies the code to where edits do not reach it; gone when this process is. */
export function snapshot(): string {
  const code = temporaryFolder("code");
  for (const folder of ["src", "grammar", "scripts"]) {
    cpSync(join(root, folder), join(code, folder), { recursive: true });
  }
  return code;
}

/** Why not, or `undefined` when they are there. */
async function installPackages(folder: string): Promise<string | undefined> {
  const lock = readFileSync(join(HERE, "bun.lock"), "utf8");
  const stamp = join(folder, ".installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return undefined;
  mkdirSync(folder, { recursive: true });
  for (const name of ["package.json", "bun.lock"]) cpSync(join(HERE, name), join(folder, name));
  process.stderr.write("installing the peers' packages …\n");
  const result = await capture([process.execPath, "install", "--frozen-lockfile"], { cwd: folder });
  if (result.exitCode !== 0) return "their packages cannot be installed";
  writeFileSync(stamp, lock);
  return undefined;
}

function packageVersions(): Record<string, string> {
  const manifest: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(HERE, "package.json"), "utf8"),
  );
  return manifest.dependencies;
}

interface Built {
  readonly program: string | undefined;
  readonly reason: string;
}

async function buildBadger(): Promise<Built> {
  const go = Bun.which("go");
  if (go === null) return { program: undefined, reason: "there is no Go here" };
  const program = join(WORKSHOP, "badger");
  mkdirSync(WORKSHOP, { recursive: true });
  const result = await capture([go, "build", "-o", program, "."], { cwd: join(HERE, "badger") });
  if (result.exitCode === 0) return { program, reason: "" };
  const why = result.stderr.trim().split("\n")[0] ?? "";
  return { program: undefined, reason: `it cannot be built (${why.slice(0, 80)})` };
}

function badgerVersion(): string {
  const text = readFileSync(join(HERE, "badger", "go.mod"), "utf8");
  return /badger\/v4 (v[\d.]+)/.exec(text)?.[1] ?? "unknown";
}
