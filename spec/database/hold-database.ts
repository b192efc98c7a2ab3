/** Opens the database in the given directory, writes to it, says so on standard output, and waits to be killed. */

import { open } from "../../src/index.ts";

const db = await open(process.argv[2] as string, { workers: "inline" });
await db.put("held", "yes");
process.stdout.write("held\n");
setInterval(() => undefined, 1000);
