import { afterAll, describe, expect, test } from "bun:test";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileSink, OutputError } from "../../shell/sink.ts";

const directory = mkdtempSync(join(tmpdir(), "meles-sink-"));
afterAll(() => rmSync(directory, { recursive: true }));

describe("a file sink", () => {
  test("writes every piece, small and large, text and bytes, in order", async () => {
    const path = join(directory, "out");
    const sink = new FileSink(openSync(path, "w"), path);
    const expected: Buffer[] = [];
    for (let i = 0; i < 300; i++) {
      const piece = i % 3 === 0 ? `größe ${i}\n` : new Uint8Array(i * 40).fill(i);
      expected.push(Buffer.from(piece as Uint8Array));
      // Not awaited one by one: the order must not depend on it.
      void sink.write(piece);
    }
    await sink.close();
    expect(readFileSync(path).equals(Buffer.concat(expected))).toBe(true);
  });

  test.skipIf(!existsSync("/dev/full"))(
    "keeps a failure and tells it to every later call",
    async () => {
      const sink = new FileSink(openSync("/dev/full", "w"), "the device");
      await sink.write("lost");
      const failure = await sink.flush().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(OutputError);
      expect(String(failure)).toContain("cannot write to the device: no space left");
      expect(sink.write("more")).rejects.toBe(failure as Error);
      expect(sink.close()).rejects.toBe(failure as Error);
    },
  );

  test("a closed descriptor is an output error too", async () => {
    const descriptor = openSync(join(directory, "closed"), "w");
    const sink = new FileSink(descriptor, "closed");
    closeSync(descriptor);
    await sink.write("x");
    expect(sink.flush()).rejects.toThrow("EBADF");
  });
});
