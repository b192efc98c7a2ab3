/**
 * Sealed journals and images against naive twins: an array of bytes each. Crashes leave what was written before,
 * damage is told from them, and no nonce is ever used twice.
 */

import { onePlace } from "../../src/format/directory-pair.ts";
import { describe, expect, test } from "bun:test";

import { IoError } from "../../src/base/errors.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import type { File } from "../../src/env/file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { LostWriteError } from "../../src/format/damage.ts";
import { FRAME_PAYLOAD_MAX, FrameView, isSealed } from "../../src/format/sealed-file.ts";
import { GrantedAuthority, type SealGrant } from "../../src/seal/authority.ts";
import { SealedFileSystem } from "../../src/seal/sealed-file-system.ts";
import { FaultyFileSystem, ioFailure, PartialWrite } from "../suites/faulty-file-system.ts";
import { codeOf } from "../database/outcomes.ts";
import { framesOf } from "./sealed-life.ts";

const SEED = Number(process.env["SEED"] ?? 20_261_125);
const LOG = "/00001.mem";
const VALUES = "/000001.vlog";
const TABLE = "/000001.sst";

const GRANT: SealGrant = {
  pair: onePlace("/"),
  session: 1,
  registerFrames: 1,
  keyId: 1,
  keys: new Map([[1, new Uint8Array(32).fill(9)]]),
};

function sealedOver(disk: MemoryFileSystem | FaultyFileSystem, seed = SEED): SealedFileSystem {
  const authority = new GrantedAuthority(GRANT, new SeededRandom(seed));
  return new SealedFileSystem(disk, onePlace("/"), () => authority);
}

function contentOf(file: File): Uint8Array {
  const bytes = new Uint8Array(file.size());
  const got = file.read(bytes, 0, bytes.length, 0);
  return bytes.subarray(0, got);
}

describe(`journals, seed ${SEED}`, () => {
  test("hold what their twin holds, through writes, cuts, reopenings and reads", () => {
    for (let seed = SEED; seed < SEED + 30; seed++) {
      const random = new SeededRandom(seed);
      const files = sealedOver(new MemoryFileSystem(), seed);
      const path = seed % 2 === 0 ? LOG : VALUES;
      let twin = new Uint8Array(0);
      let file = files.open(path, { write: true, create: "truncate" });
      // Reads beside the writer, as value-log readers do, and sees it grow.
      const reader = files.open(path, { write: false, create: "never" });
      let hasCut = false;
      for (let step = 0; step < 60; step++) {
        const choice = random.below(10);
        if (choice < 6) {
          const more = new Uint8Array(
            random.below(3) === 0 ? random.below(40_000) : random.below(90),
          );
          random.fill(more);
          file.write(more, 0, more.length, twin.length);
          twin = Buffer.concat([twin, more]);
        } else if (choice === 6) {
          const size = random.below(twin.length + 1);
          hasCut ||= size < twin.length;
          file.truncate(size);
          twin = twin.slice(0, size);
        } else if (choice === 7) {
          file.close();
          file = files.open(path, { write: true, create: "never" });
        }
        const position = random.below(twin.length + 1);
        const length = random.below(20_000);
        const wanted = twin.subarray(position, position + length);
        for (const one of hasCut ? [file] : [file, reader]) {
          const target = new Uint8Array(length);
          expect(one.read(target, 0, length, position)).toBe(wanted.length);
          expect(Buffer.from(target.subarray(0, wanted.length)).equals(wanted)).toBe(true);
        }
      }
      expect(file.size()).toBe(twin.length);
      expect(Buffer.from(files.readFile(path) ?? []).equals(twin)).toBe(true);
    }
  });

  test("cut anywhere hold their first writes, and take new ones", () => {
    const disk = new MemoryFileSystem();
    const file = sealedOver(disk).open(LOG, { write: true, create: "truncate" });
    const ends = [0];
    for (let i = 0; i < 6; i++) {
      const text = new TextEncoder().encode(`record ${i} `.repeat(i === 3 ? 2000 : 5));
      file.write(text, 0, text.length, ends.at(-1) as number);
      ends.push(file.size());
    }
    const whole = contentOf(file);
    const stored = disk.readFile(LOG) as Uint8Array;
    const frameStarts = framesOf(stored).map(({ start }) => start);
    for (let size = 0; size < stored.length; size += size < 700 ? 1 : 61) {
      const after = new MemoryFileSystem();
      after.open(LOG, { write: true, create: "truncate" }).write(stored, 0, size, 0);
      const again = sealedOver(after, size).open(LOG, { write: true, create: "never" });
      const frames = frameStarts.filter((start) => start < size).length;
      const found = contentOf(again);
      expect(Buffer.from(whole.subarray(0, found.length)).equals(found)).toBe(true);
      if (frames > 1) expect(found.length).toBeGreaterThan(0);
      const more = new Uint8Array([1, 2, 3]);
      again.write(more, 0, 3, found.length);
      again.close();
      const once = sealedOver(after, size).readFile(LOG) as Uint8Array;
      expect(Buffer.from(once).equals(Buffer.concat([found, more]))).toBe(true);
    }
  });

  test("a sector that never reached the disk ends a log, and is told from damage in a value log", () => {
    for (const path of [LOG, VALUES]) {
      const disk = new MemoryFileSystem();
      const file = sealedOver(disk).open(path, { write: true, create: "truncate" });
      const bytes = new Uint8Array(3 * FRAME_PAYLOAD_MAX).fill(5);
      file.write(bytes, 0, bytes.length, 0);
      const raw = disk.open(path, { write: true, create: "never" });
      raw.write(new Uint8Array(512), 0, 512, 10_240);
      const again = sealedOver(disk).open(path, { write: false, create: "never" });
      if (path === LOG) {
        expect(again.size()).toBe(FRAME_PAYLOAD_MAX);
        continue;
      }
      expect(again.size()).toBe(bytes.length);
      const target = new Uint8Array(100);
      expect(again.read(target, 0, 100, 0)).toBe(100);
      expect(() => again.read(target, 0, 100, 10_000)).toThrow(LostWriteError);
      raw.write(new Uint8Array([1]), 0, 1, 10_240);
      raw.write(new Uint8Array(511).fill(3), 0, 511, 10_241);
      const damaged = sealedOver(disk).open(path, { write: false, create: "never" });
      expect(() => damaged.read(target, 0, 100, 10_000)).toThrow("does not authenticate");
    }
  });

  test("after a full disk and any other failed write nothing is lost, and no nonce comes again", async () => {
    const faulty = new FaultyFileSystem(new MemoryFileSystem());
    const random = new SeededRandom(SEED + 5);
    const nonces = new NonceBook();
    const files = sealedOver(faulty);
    const open = (create: "truncate" | "never"): File => files.open(LOG, { write: true, create });
    faulty.onWrite = (bytes) => nonces.note(bytes);
    let twin = new Uint8Array(0);
    let file = open("truncate");
    for (let step = 0; step < 200; step++) {
      const more = new Uint8Array(random.below(300) + 1);
      random.fill(more);
      const fails = random.below(3) === 0;
      const cutFails = random.below(2) === 0;
      const part = random.below(400);
      faulty.hook = (operation, path) => {
        if (!fails) return;
        if (operation === "truncate" && cutFails) throw ioFailure("truncate", path, "EIO");
        if (operation === "write") throw new PartialWrite(part, ioFailure("write", path, "ENOSPC"));
      };
      const at = twin.length;
      const outcome = await codeOf(() => file.write(more, 0, more.length, at));
      if (outcome === undefined) twin = Buffer.concat([twin, more]);
      else expect(["ERR_DISK_FULL", "ERR_IO"]).toContain(outcome);
      faulty.hook = () => undefined;
      if (random.below(10) > 0) continue;
      file.close();
      file = open("never");
      // A failed write that could not be cut off may be there as a whole.
      const found = contentOf(file);
      expect(Buffer.from(found.subarray(0, twin.length)).equals(twin)).toBe(true);
      file.truncate(twin.length);
    }
    expect(nonces.count).toBeGreaterThan(190);
    expect(Buffer.from(contentOf(file)).equals(twin)).toBe(true);
  });
});

/** Every nonce that was ever handed to a disk, with the salt of its file. */
class NonceBook {
  readonly #used = new Set<string>();
  #salt = "";

  get count(): number {
    return this.#used.size;
  }

  note(bytes: Uint8Array): void {
    let offset = 0;
    if (isSealed(bytes)) {
      this.#salt = bytes.slice(20, 44).toHex();
      offset = 64;
    }
    const view = new FrameView();
    for (; offset < bytes.length; offset = view.end) {
      expect(view.decode(bytes, offset, bytes.length)).toBe(true);
      const nonce = `${this.#salt} ${bytes.slice(offset + 8, offset + 20).toHex()}`;
      expect(this.#used.has(nonce)).toBe(false);
      this.#used.add(nonce);
    }
  }
}

describe(`images, seed ${SEED}`, () => {
  test("hold what was written, at every size around a frame's", () => {
    const random = new SeededRandom(SEED + 9);
    const sizes = [0, 1, FRAME_PAYLOAD_MAX - 1, FRAME_PAYLOAD_MAX, FRAME_PAYLOAD_MAX + 1];
    sizes.push(2 * FRAME_PAYLOAD_MAX, 50 * FRAME_PAYLOAD_MAX, 400_001);
    for (const size of sizes) {
      const files = sealedOver(new MemoryFileSystem(), size);
      const bytes = new Uint8Array(size);
      random.fill(bytes);
      const file = files.open(TABLE, { write: true, create: "exclusive" });
      for (let done = 0; done < size;) {
        const count = Math.min(size - done, 1 + random.below(30_000));
        file.write(bytes, done, count, done);
        done += count;
      }
      file.sync();
      file.close();
      const image = files.open(TABLE, { write: false, create: "never" });
      expect(image.size()).toBe(size);
      for (let i = 0; i < 50; i++) {
        const position = random.below(size + 1);
        const target = new Uint8Array(random.below(30_000));
        const wanted = bytes.subarray(position, position + target.length);
        expect(image.read(target, 0, target.length, position)).toBe(wanted.length);
        expect(Buffer.from(target.subarray(0, wanted.length)).equals(wanted)).toBe(true);
      }
    }
  });

  test("that were not finished, or lost their end, cannot be read to the end", async () => {
    const disk = new MemoryFileSystem();
    const files = sealedOver(disk);
    const bytes = new Uint8Array(5 * FRAME_PAYLOAD_MAX).fill(1);
    const file = files.open(TABLE, { write: true, create: "truncate" });
    file.write(bytes, 0, bytes.length, 0);
    file.sync();
    file.close();
    const stored = disk.readFile(TABLE) as Uint8Array;
    for (const { start } of framesOf(stored)) {
      for (const size of [start - 1, start, start + 10, start + 100]) {
        disk.open(TABLE, { write: true, create: "truncate" }).write(stored, 0, size, 0);
        const image = files.open(TABLE, { write: false, create: "never" });
        const read = (): unknown => image.read(new Uint8Array(1), 0, 1, image.size() - 1);
        expect(await codeOf(read)).toBe("ERR_CORRUPTION");
      }
    }
  });

  test("an I/O error stays one", () => {
    const disk = new MemoryFileSystem();
    const faulty = new FaultyFileSystem(disk);
    const files = sealedOver(faulty);
    const file = files.open(LOG, { write: true, create: "truncate" });
    file.write(new Uint8Array(100), 0, 100, 0);
    faulty.hook = (operation, path) => {
      if (operation === "read") throw ioFailure("read", path, "EIO");
    };
    expect(() => files.open(LOG, { write: false, create: "never" })).toThrow(IoError);
    faulty.hook = () => undefined;
    expect(files.readFile(LOG)?.length).toBe(100);
  });
});
