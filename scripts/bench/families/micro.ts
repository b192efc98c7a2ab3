/** The small parts, measured by mitata in a process of their own. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { capture } from "../../child.ts";
import type { Family } from "../family.ts";
import { temporaryFolder } from "../scratch.ts";
import type { Row } from "../row.ts";

interface Micro {
  readonly name: string;
  readonly p50Ns: number;
}

export const micro: Family = {
  name: "micro",
  title: "Small parts",
  isDefault: false,
  async run({ peers, repetitions }) {
    if (!peers.hasPackages) {
      return { sections: [], remarks: ["micro: skipped, mitata comes with the peers' packages"] };
    }
    const samples = new Map<string, number[]>();
    for (let round = 0; round < repetitions; round++) {
      for (const { name, p50Ns } of await runOnce(peers.code, peers.modules)) {
        samples.set(name, [...(samples.get(name) ?? []), p50Ns]);
      }
    }
    const rows = [...samples].map(([name, all]): Row => ({
      name,
      unit: "ns",
      samples: new Map([["meles", all]]),
    }));
    const setting =
      "mitata, median per call (walks and builds: per entry), one process per repetition";
    return { sections: [{ title: "Small parts", setting, rows }] };
  },
};

async function runOnce(code: string, modules: string): Promise<Micro[]> {
  const folder = temporaryFolder("micro");
  try {
    const program = join(code, "scripts/bench/micro/run-micro.ts");
    const result = await capture([process.execPath, program, folder, modules]);
    if (result.exitCode !== 0) throw new Error(`micro: ${result.stderr}`);
    const lines = result.stdout.split("\n").filter((line) => line.startsWith("{"));
    return lines.map((line): Micro => JSON.parse(line));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
