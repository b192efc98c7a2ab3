/**
 * No store at all: every `put` appends a record to a file and waits for `fdatasync`. What durable
 * commits are measured against.
 */

import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Job, KEY_BYTES } from "../job.ts";
import type { Store } from "./store.ts";

/** About what a log record has beside key and value. */
const FRAME_BYTES = 24;

export async function openRaw(job: Job): Promise<Store> {
  const file = openSync(join(job.directory, "raw.log"), "a");
  const record = new Uint8Array(KEY_BYTES + job.valueBytes + FRAME_BYTES).fill(0x61);
  const refuse = () => {
    throw new Error("the raw file only appends");
  };
  return {
    update: null,
    put: () => {
      writeSync(file, record);
      fdatasyncSync(file);
      return undefined;
    },
    writeBatch: () => undefined,
    endLoad: async () => {},
    settle: async () => {},
    close: async () => closeSync(file),
    delete: refuse,
    get: refuse,
    scan: refuse,
    range: refuse,
  };
}
