/**
 * Open snapshots: who reads at which version since when. Compaction keeps what they can see. A
 * snapshot whose owner was garbage-collected without closing it is closed then.
 */

import type { Version } from "../base/ids.ts";
import type { Clock } from "../env/env.ts";
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

export class Snapshots {
  readonly #oracle: Oracle;
  readonly #clock: Clock;
  readonly #open = new Map<number, Snapshot>();
  readonly #abandoned = new FinalizationRegistry<Snapshot>((snapshot) => snapshot.close());
  #nextId = 1;

  constructor(oracle: Oracle, clock: Clock) {
    this.#oracle = oracle;
    this.#clock = clock;
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
      this.#clock.monotonicMs(),
      () => {
        this.#open.delete(id);
        this.#oracle.endRead(version);
      },
      untrack === undefined ? undefined : () => untrack(version),
    );
    this.#open.set(id, snapshot);
    return snapshot;
  }

  /** Closes `snapshot` when `owner` is collected. The snapshot must not refer to its owner. */
  closeWith(owner: object, snapshot: Snapshot): void {
    this.#abandoned.register(owner, snapshot);
  }

  list(): SnapshotInfo[] {
    const now = this.#clock.monotonicMs();
    return [...this.#open.values()].map(({ id, readVersion, kind, openedMs }) => ({
      id,
      readVersion,
      kind,
      ageMs: now - openedMs,
    }));
  }
}
