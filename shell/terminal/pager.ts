/**
 * A sink that holds a screenful back: what fits is written as it is, what does not goes through the
 * user's pager. A pager that is left early ends the result quietly.
 */

import type { Host } from "../host.ts";
import type { Sink } from "../sink.ts";
import { ClosedPipe } from "../sink.ts";
import type { Reader } from "./reader.ts";

interface PagedSink {
  readonly sink: Sink;
  finish(): Promise<void>;
}

/** Lines kept for the prompt and the command above the result. */
const MARGIN_ROWS = 2;

export function pagedSink(host: Host, reader: Reader, output: Sink): PagedSink {
  const pieces: (string | Uint8Array)[] = [];
  let lines = 0;
  let process: ReturnType<typeof startPager> | undefined;
  let left = false;
  let returned: (() => void) | undefined;
  let lending: Promise<void> | undefined;

  const start = async (): Promise<void> => {
    // The terminal is the pager's until it has exited.
    lending = reader.lend(() => new Promise<void>((resolve) => void (returned = resolve)));
    process = startPager(host);
    void process.exited.then(() => {
      left = true;
    });
    for (const piece of pieces.splice(0)) await pass(piece);
  };

  /** Waits until the pager has taken it, so that memory stays bounded while a person reads. */
  const pass = async (data: string | Uint8Array): Promise<void> => {
    if (left) throw new ClosedPipe();
    try {
      await process?.stdin.write(data);
      await process?.stdin.flush();
    } catch {
      throw new ClosedPipe();
    }
  };

  return {
    sink: {
      async write(data) {
        if (process !== undefined) return pass(data);
        pieces.push(typeof data === "string" ? data : data.slice());
        lines += countLines(data);
        if (lines > host.stdout.size().rows - MARGIN_ROWS) await start();
      },
      async flush() {},
    },
    async finish() {
      if (process === undefined) {
        for (const piece of pieces) await output.write(piece);
        return;
      }
      try {
        await process.stdin.end();
      } catch {
        // Left before the end.
      }
      await process.exited;
      returned?.();
      await lending;
    },
  };
}

function startPager({ env }: Host) {
  const command = env["MELES_PAGER"] ?? env["PAGER"] ?? "less";
  return Bun.spawn(["/bin/sh", "-c", command], {
    stdin: "pipe",
    stdout: "inherit",
    stderr: "inherit",
    // As psql and git do: colours pass, a short text needs no key, wide lines are not wrapped.
    env: { ...env, LESS: env["LESS"] ?? "-FRSX" },
  });
}

function countLines(data: string | Uint8Array): number {
  let count = 0;
  if (typeof data === "string") {
    for (let at = data.indexOf("\n"); at >= 0; at = data.indexOf("\n", at + 1)) count++;
  } else {
    for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, at + 1)) count++;
  }
  return count;
}
