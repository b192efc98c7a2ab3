/**
 * `Batch`: bulk writes. Entries go straight into the memtable's arena and are written in large
 * groups; they become readable group by group. Not atomic, never conflicts, splits itself over
 * memtables. Once a group is lost the batch is over: every further call fails as the group did.
 */

import { EMPTY_BYTES } from "../base/bytes.ts";
import { MelesError } from "../base/errors.ts";
import type { Version } from "../base/ids.ts";
import type { BannedNamespaces } from "../format/namespace.ts";
import { META_DELETE, META_DISCARD_EARLIER } from "../format/stored-value.ts";
import { expiryOf, userMetaOf, writeKey, writeValue } from "./arguments.ts";
import type { BulkOwner } from "./commit-parts.ts";
import type { CommitQueue } from "./commit-queue.ts";
import type { Batch, Key, PutOptions, Value } from "./contract.ts";

export interface BatchHost {
  readonly queue: CommitQueue;
  readonly valueSizeMax: number;
  readonly banned: BannedNamespaces;
  readonly syncsOnCommit: boolean;
  requireWritable(): void;
  nowMs(): number;
}

const DEFAULT_PENDING_BYTES = 1 << 20;

export class BulkBatch implements Batch, BulkOwner {
  readonly #host: BatchHost;
  readonly #maxPendingBytes: number;
  readonly version: Version | undefined;
  #failure: unknown;
  #cancelled = false;

  constructor(
    host: BatchHost,
    maxPendingBytes = DEFAULT_PENDING_BYTES,
    version: Version | undefined,
  ) {
    this.#host = host;
    this.version = version;
    this.#maxPendingBytes = maxPendingBytes;
  }

  put(key: Key, value: Value, options?: PutOptions): Promise<void> | undefined {
    const host = this.#host;
    this.#requireUsable();
    const keyBytes = writeKey(key, host.banned);
    const valueBytes = writeValue(value, host.valueSizeMax);
    if (options === undefined) return this.#stage(keyBytes, valueBytes, 0, 0, 0);
    return this.#stage(
      keyBytes,
      valueBytes,
      options.discardEarlierVersions === true ? META_DISCARD_EARLIER : 0,
      userMetaOf(options),
      expiryOf(options, host.nowMs()),
    );
  }

  delete(key: Key): Promise<void> | undefined {
    this.#requireUsable();
    return this.#stage(writeKey(key, this.#host.banned), EMPTY_BYTES, META_DELETE, 0, 0);
  }

  /** The commit queue tells that some of what was staged here is lost. */
  groupFailed(error: unknown): void {
    this.#failure ??= error;
  }

  requireWhole(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #stage(
    key: Uint8Array,
    value: Uint8Array,
    meta: number,
    userMeta: number,
    expiresAt: number,
  ): Promise<void> | undefined {
    let waiting: Promise<void> | undefined;
    if (this.#failure === undefined) {
      try {
        waiting = this.#host.queue.bulk(
          this,
          key,
          value,
          meta,
          userMeta,
          expiresAt,
          this.#maxPendingBytes,
        );
      } catch (error) {
        this.#failure ??= error;
      }
    }
    if (this.#failure !== undefined) waiting = Promise.reject(this.#failure);
    // A caller who does not await must still learn of a failure, at the latest from flush().
    waiting?.catch((error: unknown) => {
      this.#failure ??= error;
    });
    return waiting;
  }

  async flush(): Promise<void> {
    this.#requireUsable();
    this.requireWhole();
    await this.#host.queue.drain(this.#host.syncsOnCommit);
    this.requireWhole();
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#host.queue.cancelBulk(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#cancelled) await this.flush();
  }

  #requireUsable(): void {
    if (this.#cancelled) throw new MelesError("ERR_DISCARDED", "the batch was cancelled");
    this.#host.requireWritable();
  }
}
