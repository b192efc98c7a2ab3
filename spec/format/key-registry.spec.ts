import { describe, expect, test } from "bun:test";
import { concatBytes } from "../../src/base/bytes.ts";
import { CorruptionError } from "../../src/base/errors.ts";
import { ctr, decryptBlock, encryptBlock } from "../../src/format/encryption.ts";
import type { DataKey } from "../../src/format/key-registry.ts";
import {
  decodeKeyRegistry,
  encodeDataKeyRecord,
  encodeKeyRegistryHeader,
} from "../../src/format/key-registry.ts";
import { expectDamageContained } from "./damage-suite.ts";
import { fromHex, utf8 } from "./hex.ts";
import { Seeded, SEED } from "./seeded.ts";

const MASTER_KEY = utf8("0123456789abcdef");
const FILE_IV = fromHex("00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f");
const KEY_1: DataKey = {
  keyId: 1,
  data: fromHex("01080f161d242b323940474e555c636a"),
  iv: fromHex("30 31 32 33 34 35 36 37 38 39 3a 3b 3c 3d 3e 3f"),
  createdAt: 1_700_000_000,
};
const REGISTRY = fromHex(`
  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f
  e8 1c f5 9c 8d 9f fc 77 9d f2 f6 9b
  00 00 00 2c 93 59 06 64
  08 01 12 10 ec d2 6c 24 d1 03 16 e5 e9 08 49 9b 94 aa a8 43
  1a 10 30 31 32 33 34 35 36 37 38 39 3a 3b 3c 3d 3e 3f 20 80 e2 cf aa 06`);

describe("key registry", () => {
  test("is the frozen bytes of the format text, in both directions", () => {
    const written = concatBytes(
      encodeKeyRegistryHeader(FILE_IV, MASTER_KEY),
      encodeDataKeyRecord(KEY_1, MASTER_KEY),
    );
    expect(written).toEqual(REGISTRY);
    expect(decodeKeyRegistry(REGISTRY, MASTER_KEY)).toEqual({
      iv: FILE_IV,
      keys: [KEY_1],
      validEnd: REGISTRY.length,
    });
  });

  test("without a master key it is 28 bytes with the text in clear", () => {
    const plain = encodeKeyRegistryHeader(FILE_IV, undefined);
    expect(plain.length).toBe(28);
    expect(new TextDecoder().decode(plain.subarray(16))).toBe("Hello Badger");
    expect(decodeKeyRegistry(plain, undefined)).toEqual({ iv: FILE_IV, keys: [], validEnd: 28 });
  });

  test("says whether a key is missing, superfluous, wrong or of an impossible length", () => {
    const plain = encodeKeyRegistryHeader(FILE_IV, undefined);
    const refused = (bytes: Uint8Array, key: Uint8Array | undefined, message: RegExp) => {
      const attempt = () => decodeKeyRegistry(bytes, key);
      expect(attempt).toThrow(expect.objectContaining({ code: "ERR_ENCRYPTION_KEY" }));
      expect(attempt).toThrow(message);
    };
    refused(REGISTRY, undefined, /is encrypted/);
    refused(plain, MASTER_KEY, /not encrypted/);
    refused(REGISTRY, utf8("0123456789abcdeF"), /not the one/);
    refused(REGISTRY, utf8("short"), /16, 24 or 32 bytes, this one has 5/);
  });

  test(`gives back any keys under master keys of every length (seed ${SEED})`, () => {
    const random = new Seeded(SEED);
    for (const length of [16, 24, 32]) {
      const master = random.bytes(length);
      const keys = Array.from({ length: 5 }, (_, i) => ({
        keyId: i + 1,
        data: random.bytes(length),
        iv: random.bytes(16),
        createdAt: random.spread(),
      }));
      const bytes = concatBytes(
        encodeKeyRegistryHeader(random.bytes(16), master),
        ...keys.map((key) => encodeDataKeyRecord(key, master)),
      );
      expect(decodeKeyRegistry(bytes, master)).toMatchObject({ keys, validEnd: bytes.length });
    }
  });

  test("a record cut short at the end is left out and reported", () => {
    for (let length = 28; length < REGISTRY.length; length++) {
      const registry = decodeKeyRegistry(REGISTRY.subarray(0, length), MASTER_KEY);
      expect(registry).toMatchObject({ keys: [], validEnd: 28 });
    }
    for (let length = 0; length < 28; length++) {
      const cut = REGISTRY.subarray(0, length);
      expect(() => decodeKeyRegistry(cut, MASTER_KEY)).toThrow(CorruptionError);
    }
  });

  test("damage is a typed error, never another key", () => {
    expectDamageContained(REGISTRY, (bytes) => {
      for (const key of decodeKeyRegistry(bytes, MASTER_KEY).keys) expect(key).toEqual(KEY_1);
    });
    expect(() => decodeKeyRegistry(new Uint8Array(28).fill(0xff), undefined)).toThrow();
  });
});

describe("encryption", () => {
  test("counter mode is the published AES-128 vector (SP 800-38A F.5.1), also across blocks", () => {
    const key = fromHex("2b7e151628aed2a6abf7158809cf4f3c");
    const counter = fromHex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    const plain = fromHex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
    const cipher = fromHex("874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff");
    expect(new Uint8Array(ctr(key, counter, plain))).toEqual(cipher);
    expect(new Uint8Array(ctr(key, counter, cipher))).toEqual(plain);
  });

  test("a stored block is cipher text and IV, and gives back the block", () => {
    const random = new Seeded(SEED);
    for (const length of [16, 24, 32]) {
      const [key, iv, block] = [random.bytes(length), random.bytes(16), random.bytes(1000)];
      const stored = encryptBlock(key, iv, block);
      expect(stored.length).toBe(1016);
      expect(stored.subarray(1000)).toEqual(iv);
      expect(new Uint8Array(decryptBlock(key, stored))).toEqual(block);
    }
    expect(() => decryptBlock(random.bytes(16), new Uint8Array(15))).toThrow(CorruptionError);
  });
});
