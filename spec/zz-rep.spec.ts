import { test } from "bun:test";
import { ModelRun } from "/work/main/spec/suites/model-run.ts";
const V:any=[{}, { compression: "snappy" }, { compression: "zstd", versionsToKeep: 3 }, { compression: ["none", "snappy", "zstd"], sync: "commit" }, { encryptionKey: new Uint8Array(32).fill(7), encryptionKeyRotationMs: 60_000, compression: "zstd" }, { valueThreshold: 1, versionsToKeep: 2, verifyChecksums: "both" }, { valueThreshold: 100_000, bloomFalsePositive: 0, blockCacheSize: 0 }];
test("r", async()=>{ const seed=Number(process.env.S); const run=await ModelRun.start(seed, V[process.env.VV?Number(process.env.VV):seed%7]); await run.run(Number(process.env.N??800)); }, 60000);
