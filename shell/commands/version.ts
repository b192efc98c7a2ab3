/** `meles version` */

import packageJson from "../../package.json" with { type: "json" };
import type { CommandRun } from "../command-table.ts";
import { EXIT_DONE } from "../exit-codes.ts";

/** Replaced by the build (`--define`): the commit the executable was made from. */
declare const MELES_COMMIT: string | undefined;

export const VERSION: string = packageJson.version;

const commit = typeof MELES_COMMIT === "string" ? `${MELES_COMMIT}, ` : "";

export const runVersion: CommandRun = async ({ host }) => {
  await host.stdout.write(
    `meles ${VERSION} (${commit}Bun ${Bun.version}, ${process.platform}-${process.arch})\n`,
  );
  return EXIT_DONE;
};
