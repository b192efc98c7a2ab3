/** A pointer gives the value it was written for, or a typed error that names file and offset (I7). */

import { describe, expect, test } from "bun:test";
import { CorruptionError, MelesError } from "../../src/base/errors.ts";
import { LOG_HEADER_SIZE } from "../../src/format/log-header.ts";
import { pointerLength, pointerOffset, writeValuePointer } from "../../src/format/value-pointer.ts";
import { ENCRYPTED, PLAIN, ValueLog } from "./value-log-fixture.ts";

const FILE = "000001.vlog";

function pointer(file: number, length: number, offset: number): Uint8Array {
  const bytes = new Uint8Array(12);
  writeValuePointer(bytes, 0, file, length, offset);
  return bytes;
}

for (const [name, keys] of [
  ["plain", PLAIN],
  ["encrypted", ENCRYPTED],
] as const) {
  describe(`damage in ${name} files`, () => {
    test("to any byte of a record is reported with file and offset, and other records stay readable", () => {
      const log = new ValueLog({}, keys);
      const before = log.write(40, "before");
      const middle = log.write(60, "middle");
      const after = log.write(50, "after");
      const good = log.bytesOf(FILE);
      const start = pointerOffset(middle.pointer, 0);
      for (let i = start; i < start + pointerLength(middle.pointer, 0); i++) {
        for (const mask of [0x01, 0x80, 0xff]) {
          const bad = good.slice();
          bad[i] = (bad[i] as number) ^ mask;
          log.overwrite(FILE, bad);
          const { code, file, offset, message } = log.damage(middle);
          expect({ code, file, offset }).toEqual({
            code: "ERR_CORRUPTION",
            file: FILE,
            offset: start,
          });
          expect(message).toStartWith(`${FILE} is damaged at byte ${start}`);
          log.expectReadable([before, after]);
        }
      }
    });

    test("that cuts the file anywhere in the record is reported", () => {
      const log = new ValueLog({}, keys);
      const stored = log.write(60);
      const good = log.bytesOf(FILE);
      for (let size = LOG_HEADER_SIZE; size < good.length; size++) {
        log.overwrite(FILE, good.subarray(0, size));
        expect(log.damage(stored).offset).toBe(LOG_HEADER_SIZE);
        log.reader.forget(1);
        expect(log.damage(stored).file).toBe(FILE);
      }
    });

    test("to the header gives the right value or a typed error, never another value", () => {
      const log = new ValueLog({}, keys);
      const stored = log.write(60);
      const good = log.bytesOf(FILE);
      for (let i = 0; i < LOG_HEADER_SIZE; i++) {
        for (const mask of [0x01, 0x03, 0xff]) {
          const bad = good.slice();
          bad[i] = (bad[i] as number) ^ mask;
          log.overwrite(FILE, bad);
          log.reader.forget(1);
          try {
            expect(log.read(stored)).toEqual(stored.value);
          } catch (error) {
            if (!(error instanceof MelesError)) throw error;
            const expected = ["ERR_CORRUPTION", ...(i < 8 ? ["ERR_ENCRYPTION_KEY"] : [])];
            expect(expected, `byte ${i}`).toContain(error.code);
          }
        }
      }
      log.overwrite(FILE, good.subarray(0, 11));
      log.reader.forget(1);
      expect(log.damage(stored)).toMatchObject({ file: FILE });
      expect(log.fileSystem.openFiles).toBe(1);
    });
  });
}

describe("a pointer", () => {
  test("changed in any byte finds no value", () => {
    const log = new ValueLog();
    log.write(300);
    const stored = log.write(300);
    log.write(300);
    for (let i = 0; i < 12; i++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = stored.pointer.slice();
        changed[i] = (changed[i] as number) ^ (1 << bit);
        expect(log.damage({ ...stored, pointer: changed }).code).toBe("ERR_CORRUPTION");
      }
    }
  });

  test("to a missing file says so", () => {
    const log = new ValueLog();
    const stored = log.write(5);
    const error = log.damage({ ...stored, pointer: pointer(7, 40, 20) });
    expect(error.file).toBe("000007.vlog");
    expect(error.actual).toBe("no such file");
  });

  test("into the header, or over the end, is refused with both ends named", () => {
    const log = new ValueLog();
    const stored = log.write(5);
    const length = pointerLength(stored.pointer, 0);
    for (const offset of [0, 19]) {
      expect(log.damage({ ...stored, pointer: pointer(1, length, offset) }).offset).toBe(offset);
    }
    const beyond = log.damage({ ...stored, pointer: pointer(1, length + 1, 20) });
    expect(beyond.message).toContain(`expected ${length + 1} bytes`);
    expect(beyond.message).toContain(`a file of ${20 + length} bytes`);
  });

  test("of any length, zero included, but the record's own is refused", () => {
    const log = new ValueLog();
    const stored = log.write(50);
    log.write(50);
    const length = pointerLength(stored.pointer, 0);
    for (let wrong = 0; wrong < length + 60; wrong++) {
      if (wrong === length) continue;
      expect(log.damage({ ...stored, pointer: pointer(1, wrong, 20) })).toBeInstanceOf(
        CorruptionError,
      );
    }
  });

  test("to the record of another key or another version is refused", () => {
    const log = new ValueLog();
    const one = log.write(20, "one");
    const other = log.write(20, "two");
    expect(log.damage({ ...one, key: other.key }).message).toContain("key that points here");
    expect(log.damage({ ...one, version: other.version }).message).toContain(
      "key that points here",
    );
    expect(log.damage({ ...one, key: one.key.subarray(0, 2) }).file).toBe(FILE);
    expect(log.damage({ ...one, key: new Uint8Array([...one.key, 0]) }).file).toBe(FILE);
  });
});

describe("reading", () => {
  test("takes key and pointer as slices of larger buffers", () => {
    const log = new ValueLog();
    const { key, version, value, pointer: at } = log.write(33);
    const buffer = new Uint8Array([1, 2, ...at, 3, ...key, 4]);
    expect(log.reader.read(buffer, 2, buffer, 15, key.length, version)).toEqual(value);
  });

  test("gives a copy of its own, or a view that the next read overwrites", () => {
    const log = new ValueLog();
    const first = log.write(new Uint8Array(80).fill(1));
    const second = log.write(new Uint8Array(80).fill(2));
    const copy = log.read(first);
    const view = log.reader.readView(first.pointer, 0, first.key, 0, 3, first.version);
    expect(view).toEqual(first.value);
    log.read(second);
    expect(copy).toEqual(first.value);
    expect(view).toEqual(second.value);
    copy.fill(9);
    log.expectReadable([first, second]);
    expect(log.reader.reads).toBe(5);
  });

  test("follows the active file as it grows", () => {
    const log = new ValueLog();
    for (let i = 1; i < 20; i++) log.expectReadable([log.write(i * 100)]);
  });

  test("goes on in a file that was removed while it was open, until it is forgotten", () => {
    const log = new ValueLog();
    const stored = log.write(70);
    log.expectReadable([stored]);
    log.fileSystem.remove(`/db/${FILE}`);
    log.expectReadable([stored]);
    log.reader.forget(1);
    expect(log.damage(stored).actual).toBe("no such file");
    log.reader.forget(1);
  });

  test("an I/O error is an I/O error, not damage and not an empty value", () => {
    const log = new ValueLog();
    const stored = log.write(70);
    log.fileSystem.failOnce("read", "EIO", 1);
    expect(() => log.read(stored)).toThrow(expect.objectContaining({ code: "ERR_IO" }));
    log.expectReadable([stored]);
    for (const operation of ["open", "read"] as const) {
      log.reader.forget(1);
      const { openFiles } = log.fileSystem;
      log.fileSystem.failOnce(operation, "EIO");
      expect(() => log.read(stored)).toThrow(expect.objectContaining({ code: "ERR_IO" }));
      expect(log.fileSystem.openFiles).toBe(openFiles);
    }
    log.expectReadable([stored]);
  });

  test("closing lets go of every file, and the reader opens them again on demand", () => {
    const log = new ValueLog({ recordCountMax: 1 });
    const all = [1, 2, 3].map((size) => log.write(size));
    log.writer.close();
    log.expectReadable(all);
    expect(log.fileSystem.openFiles).toBe(3);
    log.reader.close();
    expect(log.fileSystem.openFiles).toBe(0);
  });
});
