/**
 * A program of the interoperability specs: writes a history with Meles, says each version it is told,
 * and kills itself. Its order is its only argument, as JSON.
 */

import { writeSync } from "node:fs";
import { commit, openMeles, type ProbeOrder } from "./meles-side.ts";
import { RandomHistory } from "./random-history.ts";

const order = JSON.parse(process.argv[2] ?? "") as ProbeOrder;
const { directory, options, encryptionKey, seed, shape, count } = order;
const db = await openMeles(directory, {
  ...options,
  ...(encryptionKey === undefined ? {} : { encryptionKey: Uint8Array.fromBase64(encryptionKey) }),
});
for (const writes of new RandomHistory(seed, shape).transactions(count)) {
  writeSync(1, `${await commit(db, writes)}\n`);
}
process.kill(process.pid, "SIGKILL");
