/**
 * Open snapshots: who reads at which version since when. Compaction keeps what they can see. A
 * snapshot whose owner was garbage-collected without closing it is closed then.
 */

import type { Version } from "../base/ids.ts";
import type { Env, Timer } from "../env/env.ts";
import type { Oracle } from "../transaction/oracle.ts";
import type { SnapshotInfo } from "./contract.ts";

export class Snapshot {
  readonly id: number;
  readonly readVersion: Version;
  readonly kind: SnapshotInfo["kind"];
  readonly openedMs: number;
  #release: (() => void) | undefined;
  #untrack: (() => void) | undefined;

  constructor(
    id: number,
    readVersion: Version,
    kind: SnapshotInfo["kind"],
    openedMs: number,
    release: () => void,
    untrack: (() => void) | undefined,
  ) {
    this.id = id;
    this.#untrack = untrack;
    this.readVersion = readVersion;
    this.kind = kind;
    this.openedMs = openedMs;
    this.#release = release;
  }

  /** An update transaction's reads need not be checked against further commits. Idempotent. */
  untrack(): void {
    const untrack = this.#untrack;
    this.#untrack = undefined;
    untrack?.();
  }

  /** Idempotent. */
  close(): void {
    this.untrack();
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}

/** A snapshot that is open for so long is warned about once: what it keeps from going may be much. */
export const LONG_OPEN_MS = 10 * 60_000;

export class Snapshots {
  readonly #oracle: Oracle;
  readonly #env: Env;
  readonly #onRelease: () => void;
  /** In the order of opening, so oldest first. */
  readonly #open = new Map<number, Snapshot>();
  readonly #abandoned = new FinalizationRegistry<Snapshot>((snapshot) => snapshot.close());
  #nextId = 1;
  #watch: Timer | undefined;
  /** Snapshots up to this id have been warned about, or were not open for long. */
  #watchedId = 0;

  /** @param onRelease called after a snapshot of an older state was closed: what it kept may go */
  constructor(oracle: Oracle, env: Env, onRelease: () => void) {
    this.#oracle = oracle;
    this.#env = env;
    this.#onRelease = onRelease;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Opens a snapshot of the latest committed state, or of `at`.
   *
   * @param untrack for update transactions: called once, when its reads need no more checks
   */
  open(
    kind: SnapshotInfo["kind"],
    at?: Version,
    untrack?: (readVersion: Version) => void,
  ): Snapshot {
    const version = at ?? this.#oracle.beginRead();
    if (at !== undefined) this.#oracle.beginReadAt(at);
    const id = this.#nextId++;
    const snapshot = new Snapshot(
      id,
      version,
      kind,
      this.#env.clock.monotonicMs(),
      () => {
        this.#open.delete(id);
        this.#oracle.endRead(version);
        if (version < this.#oracle.lastCommitted) this.#onRelease();
      },
      untrack === undefined ? undefined : () => untrack(version),
    );
    this.#open.set(id, snapshot);
    if (this.#watch === undefined) this.#watchFor(LONG_OPEN_MS);
    return snapshot;
  }

  /** Closes `snapshot` when `owner` is collected. The snapshot must not refer to its owner. */
  closeWith(owner: object, snapshot: Snapshot): void {
    this.#abandoned.register(owner, snapshot);
  }

  /** Looks again in a while. The timer is there only while a snapshot is, or was a while ago. */
  #watchFor(delayMs: number): void {
    this.#watch = this.#env.clock.after(delayMs, () => {
      this.#watch = undefined;
      this.#warnOfLongOpen();
    });
  }

  #warnOfLongOpen(): void {
    const { clock, log } = this.#env;
    for (const { id, kind, readVersion, openedMs } of this.#open.values()) {
      if (id <= this.#watchedId) continue;
      const ageMs = clock.monotonicMs() - openedMs;
      if (ageMs < LONG_OPEN_MS) {
        this.#watchFor(LONG_OPEN_MS - ageMs);
        return;
      }
      this.#watchedId = id;
      const what = `a ${kind} has been open for long; the space of what it reads cannot come back`;
      log("warn", what, { id, readVersion, ageMs: Math.round(ageMs) });
    }
  }

  /** Closes all of them: whoever reads in one learns that the database is closed. */
  closeAll(): void {
    for (const snapshot of this.#open.values()) snapshot.close();
  }

  /** The database is closed: nobody is warned any more. */
  stop(): void {
    this.#watch?.cancel();
  }

  list(): SnapshotInfo[] {
    const now = this.#env.clock.monotonicMs();
    return [...this.#open.values()].map(({ id, readVersion, kind, openedMs }) => ({
      id,
      readVersion,
      kind,
      ageMs: now - openedMs,
    }));
  }
}
