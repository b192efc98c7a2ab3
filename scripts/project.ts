/**
 * Where things are in the checkout, and whether its packages are installed. Every script starts here;
 * nothing in this file needs an installed package.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { capture } from "./child.ts";

/** The checkout. */
export const root = dirname(import.meta.dir);

/** The executable that `bun run build` makes. */
export const executable = join(root, "dist", process.platform === "win32" ? "meles.exe" : "meles");

const stamp = join(root, "node_modules", ".installed");

/** Which packages a script needs: what Meles runs on, or the development tools too. */
export type PackageSet = "runtime" | "all";

/**
 * Installs what bun.lock names unless that has been done. Says so on stderr, prints the installer's
 * own words only when it fails, and leaves stdin alone. When the packages cannot be had the script
 * ends here, with `lastWords` on stdout and exit code 1.
 */
export async function ensureInstalled(needed: PackageSet, lastWords = ""): Promise<void> {
  const locked = String(Bun.hash(readFileSync(join(root, "bun.lock"))));
  const [installedLock, installedSet] = readStamp();
  const sameLock = installedLock === locked;
  if (sameLock && (installedSet === "all" || installedSet === needed)) return;

  // Packages put there by hand are kept: a runtime-only install would remove the development tools.
  const found = existsSync(join(root, "node_modules"));
  const set: PackageSet = found && installedSet !== "runtime" ? "all" : needed;
  process.stderr.write("installing packages …\n");
  const flags = set === "runtime" ? ["--production"] : [];
  const result = await capture([process.execPath, "install", "--frozen-lockfile", ...flags], {
    cwd: root,
  });
  if (result.exitCode !== 0) {
    const reason = `\`bun install\` failed with exit code ${result.exitCode}; is the network there?`;
    process.stderr.write(`${reason}\n${result.stdout}${result.stderr}`);
    process.stdout.write(lastWords);
    process.exit(1);
  }
  writeFileSync(stamp, `${locked} ${set}\n`);
}

function readStamp(): readonly [lock: string | undefined, set: string | undefined] {
  if (!existsSync(stamp)) return [undefined, undefined];
  const [lock, set] = readFileSync(stamp, "utf8").trim().split(" ");
  return [lock, set];
}

/** The version in package.json. */
export function packageVersion(): string {
  const text: { version: string } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return text.version;
}

/** A development tool's program, to be run by this very Bun: no Node and no `bun` on the PATH needed. */
export function tool(path: string): string[] {
  return [process.execPath, join(root, "node_modules", path)];
}
