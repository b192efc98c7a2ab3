/**
 * What the simulator has found, each told as small as it goes. A story is tried with many seeds, because
 * what a power loss leaves of unsynced bytes is up to chance.
 */

import { describe, expect, test } from "bun:test";

import type { OpenOptions } from "../../src/options.ts";
import { TINY } from "../suites/open-database.ts";
import { DatabaseLife, DIRECTORY } from "./database-life.ts";
import { ExpectedCommits } from "./expected-commits.ts";
import { World } from "./world.ts";

const CHANCES = 80;

/** A database in a world of its own, which loses power some time. */
class Story {
  readonly world: World;
  readonly #expected = new ExpectedCommits();
  readonly #options: OpenOptions;
  #current: DatabaseLife | undefined;

  constructor(seed: number, options: OpenOptions) {
    this.world = new World(seed);
    this.#options = { ...TINY, ...options };
  }

  get current(): DatabaseLife {
    if (this.#current === undefined) throw new Error("no database is open");
    return this.#current;
  }

  async open(): Promise<void> {
    this.#current = await DatabaseLife.open(this.world, this.#expected, {
      options: this.#options,
      parallelism: 1,
      deaths: 0,
      plant: (files) => files,
    });
  }

  /** Puts of one turn: they are written together. */
  async put(count: number, sizeBytes: number): Promise<void> {
    const { random } = this.world;
    for (let left = count; left > 0; left--) {
      const value = "".padEnd(
        1 + random.below(sizeBytes),
        String.fromCharCode(97 + random.below(26)),
      );
      void this.current.put({ key: `k${random.below(50)}`, value, userMeta: 0, expiresAt: 0 });
    }
    await this.current.settleAll();
  }

  async putOne(key: string, sizeBytes: number): Promise<void> {
    const value = "v".repeat(sizeBytes);
    void this.current.put({ key, value, userMeta: 0, expiresAt: 0 });
    await this.current.settleAll();
  }

  /** From now on a power loss takes nothing of what is acknowledged. */
  async sync(): Promise<void> {
    await this.current.call(() => this.current.db.sync());
    this.#expected.promise();
  }

  /** Writes to files with this ending stop half-way: the disk is full. */
  fill(ending: string): void {
    this.current.life.faults = (operation, path) =>
      operation === "write" && path.endsWith(ending) ? "ENOSPC" : undefined;
  }

  /** Syncs of files with this ending fail, until somebody opens the database again. */
  breakSyncs(ending: string): void {
    this.current.life.faults = (operation, path) =>
      operation === "sync" && path.endsWith(ending) ? "EIO" : undefined;
  }

  /** `action` writes to files with this ending, which fails; the power goes before that is taken back. */
  async interrupt(ending: string, action: () => Promise<void>): Promise<void> {
    const { life } = this.current;
    this.fill(ending);
    const full = life.faults;
    life.faults = (operation, path) => {
      if (operation !== "truncate") return full(operation, path);
      this.world.end("power loss");
      return "EIO";
    };
    await action().catch(() => undefined);
    await this.losePower();
  }

  async losePower(): Promise<void> {
    if (this.current.life.isAlive) this.world.end("power loss");
    await this.#recover();
  }

  /** The next process loses power, too, at its n-th operation, before anybody has seen what it found. */
  async losePowerWhileOpening(operation: number): Promise<void> {
    this.world.end("power loss");
    this.world.begin().dieLater({ afterOperations: operation, end: "power loss", when: "after" });
    await this.open().catch(() => undefined);
    if (this.world.life.isAlive) this.world.end("power loss");
    await this.#recover();
  }

  async kill(): Promise<void> {
    this.world.end("kill");
    await this.#recover();
  }

  expectGone(names: readonly string[]): void {
    const left = [...(this.world.disk.directory(DIRECTORY)?.names.keys() ?? [])];
    expect(left.filter((name) => names.includes(name))).toEqual([]);
  }

  async #recover(): Promise<void> {
    const { times, current } = this;
    const wasDisturbed = current.isDisturbed;
    const { end } = current.life;
    this.world.begin();
    await this.open();
    const content = this.current.content();
    if (content === undefined) throw new Error("unreadable without a fault");
    this.#expected.recover(content, times, end === "power loss", wasDisturbed);
    const { findings } = await this.current.life.settle(this.current.db.verify());
    if (findings.length > 0) throw new Error(`verify found ${JSON.stringify(findings[0])}`);
  }

  get times(): { nowSeconds: number; latestSeconds: number } {
    const nowSeconds = Math.floor(this.world.wallMs / 1000);
    return { nowSeconds, latestSeconds: nowSeconds };
  }
}

async function tell(options: OpenOptions, story: (story: Story) => Promise<void>): Promise<void> {
  for (let seed = 1; seed <= CHANCES; seed++) {
    const one = new Story(seed, options);
    try {
      await one.open();
      await story(one);
    } catch (error) {
      const trace = one.world.trace.last(30).join("\n  ");
      throw new Error(`seed ${seed}: ${String(error)}\n  ${trace}`, { cause: error });
    }
  }
}

/**
 * The disk was full, twice: the second write went where the first had been taken back, the truncation in
 * between was not synced, and a power loss left sectors of the first write behind sectors of the second.
 * A whole record of a commit that had failed stood behind nonsense, no sector was zero, and the database
 * refused to open: it took its own remains for damage.
 */
describe("writes that fail at the same place, and then a power loss", () => {
  test(
    "of the log",
    () =>
      tell({ sync: "commit", valueThreshold: 32_768 }, async (story) => {
        await story.put(3, 300);
        story.fill(".mem");
        for (let times = 4; times > 0; times--) await story.put(20, 300);
        await story.interrupt(".mem", () => story.put(20, 300));
        await story.put(1, 100);
      }),
    60_000,
  );

  test(
    "of the value log",
    () =>
      tell({ sync: "never", valueThreshold: 1 }, async (story) => {
        await story.put(3, 300);
        story.fill(".vlog");
        for (let times = 4; times > 0; times--) await story.put(20, 300);
        story.fill("no file");
        await story.put(10, 300);
        await story.losePower();
        await story.put(1, 100);
      }),
    60_000,
  );
});

/**
 * A value-log file went together with the log that alone pointed there, and the directory was not synced in
 * between. A power loss brought the log back and not the values; recovery took that for the end of all logs,
 * and dropped what had been acknowledged since.
 */
test(
  "a flushed log that a power loss brings back finds its values",
  () =>
    tell({ sync: "commit", valueThreshold: 10 }, async (story) => {
      // A log of which nobody needs the values; it is left to the next process, which writes no others.
      for (const sizeBytes of [500, 1]) await story.putOne("key", sizeBytes);
      await story.kill();
      await story.putOne("next", 1);
      await story.current.life.rest();
      story.expectGone(["00001.mem", "000001.vlog"]);
      await story.putOne("last", 1);
      await story.losePower();
    }),
  60_000,
);

/**
 * A power loss had torn a log, and there was another one behind it. Recovery removed both. The next power loss
 * brought the second one back without the first: writes were there again, behind writes that were not, and
 * after everybody had been told that they were gone.
 */
describe("a log behind a gap", () => {
  /** Three logs, nothing synced. */
  async function writeLogs(story: Story): Promise<void> {
    for (let number = 0; number < 5; number++) await story.putOne(`k${number}`, 30_000);
  }
  const options: OpenOptions = { sync: "interval", valueThreshold: 32_768 };

  test(
    "does not come back once recovery has removed it",
    () =>
      tell(options, async (story) => {
        await writeLogs(story);
        await story.losePower();
        await story.losePower();
      }),
    60_000,
  );

  test(
    "does not count when the power fails again during recovery",
    () =>
      tell(options, async (story) => {
        await writeLogs(story);
        await story.losePowerWhileOpening(1 + story.world.random.below(8));
      }),
    60_000,
  );
});

/**
 * A flushed log was removed, the next log was synced, and a power loss brought the first one back without the
 * bytes that nobody had needed to sync: recovery took it for a gap and dropped commits that were promised.
 */
test(
  "a log is promised only once the ones before it are gone for good",
  () =>
    tell({ sync: "interval", valueThreshold: 32_768 }, async (story) => {
      for (let number = 0; number < 3; number++) await story.putOne(`k${number}`, 30_000);
      if (story.world.random.below(2) === 0) await story.current.life.rest();
      await story.putOne("k9", 100);
      await story.sync();
      await story.losePower();
    }),
  60_000,
);

/**
 * A sync failed, the database was opened again, and found what had not been synced in the page cache, where the
 * kernel held it for clean. Its own syncs did nothing and succeeded; tables and new commits were built on it,
 * and a power loss took it away from under them.
 */
describe("what a failed sync has left behind is written again by the next process", () => {
  for (const ending of [".mem", ".vlog", "MANIFEST"]) {
    for (const [name, options] of [
      ["plain", {}],
      [
        "authenticated",
        { encryptionKey: new Uint8Array(32).fill(9), authenticatedEncryption: true },
      ],
    ] as const) {
      test(
        `${ending}, ${name}`,
        () =>
          tell({ sync: "commit", valueThreshold: 1000, ...options }, async (story) => {
            await story.put(3, 3000);
            story.breakSyncs(ending);
            await story.put(3, 3000).catch(() => undefined);
            await story.current.call(() => story.current.db.flush());
            await story.kill();
            await story.put(2, 3000);
            if (story.world.random.below(2) === 0) await story.current.life.rest();
            await story.losePower();
          }),
        60_000,
      );
    }
  }
});

/**
 * A process was killed when it had written to the register of an authenticated directory, and not yet synced,
 * that a log was going. The next one removed that log, and lost power before it had a register of its own: the
 * old one, without its end, missed the log.
 */
test(
  "a log goes only when the register has it on record for good",
  () =>
    tell(
      {
        sync: "commit",
        valueThreshold: 32_768,
        encryptionKey: new Uint8Array(32).fill(9),
        authenticatedEncryption: true,
      },
      async (story) => {
        // The second log puts the first one on record.
        for (let number = 0; number < 3; number++) await story.putOne(`k${number}`, 30_000);
        const { life } = story.current;
        life.faults = (operation, path) => {
          if (operation === "sync" && path.includes("SEAL")) story.world.end("kill");
          return life.isAlive ? undefined : "EIO";
        };
        await story.current.call(() => story.current.db.flush()).catch(() => undefined);
        if (life.isAlive) throw new Error("nothing was put on record");
        await story.losePowerWhileOpening(1 + story.world.random.below(8));
      },
    ),
  60_000,
);
