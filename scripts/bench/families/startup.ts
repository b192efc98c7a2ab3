/** Start of the executable: how long until `meles` has said something, beside Bun doing nothing. */

import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { capture } from "../../child.ts";
import { executable, root } from "../../project.ts";
import type { Family } from "../family.ts";
import { temporaryFolder } from "../scratch.ts";

const REPETITIONS = 15;

export const startup: Family = {
  name: "startup",
  title: "Start of the executable",
  isDefault: true,
  async run() {
    if (!existsSync(executable)) {
      const built = await capture([process.execPath, "scripts/build.ts", "--no-smoke"], {
        cwd: root,
      });
      if (built.exitCode !== 0) {
        return { sections: [], remarks: ["startup: skipped, `bun run build` failed"] };
      }
    }
    const folder = temporaryFolder("startup");
    try {
      const data = join(folder, "data");
      await timed([executable, "put", data, "key", "value"]);
      const commands: readonly (readonly [name: string, command: string[]])[] = [
        ["bun -e 0", [process.execPath, "-e", "0"]],
        ["meles version", [executable, "version"]],
        ["meles get", [executable, "get", data, "key"]],
        ["meles -c SELECT", [executable, data, "-c", "SELECT * FROM kv"]],
      ];
      const samples = new Map(commands.map(([name]) => [name, [] as number[]]));
      for (let round = 0; round < REPETITIONS; round++) {
        for (const [name, command] of commands) samples.get(name)?.push(await timed(command));
      }
      return {
        sections: [
          {
            title: "Start of the executable",
            setting: `from spawn to exit, ${REPETITIONS} times each, alternating; bun -e 0: the runtime alone`,
            rows: commands.map(([name]) => ({
              name,
              unit: "ms" as const,
              samples: new Map([["meles" as const, samples.get(name) ?? []]]),
            })),
          },
        ],
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function timed(command: string[]): Promise<number> {
  const { exitCode, stderr, durationMs } = await capture(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return durationMs;
}
