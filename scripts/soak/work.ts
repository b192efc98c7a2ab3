/**
 * What a soaking database goes through: concurrent clients that write, read, scan and check what they
 * find, while flushes, compactions and collections go on by themselves. Each client knows what it wrote.
 */

import type { Database } from "../../src/index.ts";

const ACCOUNTS = 500;
const START_BALANCE = 100;
const CHURN_KEYS = 4000;
const SIZES = [10, 100, 700, 1500, 4000];
const TTL_SECONDS = 2;

const decoder = new TextDecoder();

/** Something is not as it was written. */
export class SoakError extends Error {}

export class SoakWork {
  db: Database;
  readonly #random: () => number;
  /** Number of the last write of each churned key, 0 = deleted. */
  readonly #last = new Uint32Array(CHURN_KEYS);
  #number = 0;
  isStopped = false;
  readonly done = { commits: 0, reads: 0, scans: 0, backups: 0, verifications: 0, reopenings: 0 };

  /** @param random below 1 */
  constructor(db: Database, random: () => number) {
    this.db = db;
    this.#random = random;
  }

  /** Puts the accounts in place. */
  async prepare(): Promise<void> {
    const batch = this.db.batch();
    for (let account = 0; account < ACCOUNTS; account++) {
      await batch.put(`account/${account}`, String(START_BALANCE));
    }
    await batch.flush();
  }

  /** Works until `isStopped`; rejects at the first thing that is wrong. */
  async run(): Promise<void> {
    const clients = [
      this.#repeat(() => this.#transfer()),
      this.#repeat(() => this.#transfer()),
      this.#repeat(() => this.#churn(0)),
      this.#repeat(() => this.#churn(1)),
      this.#repeat(() => this.#expire()),
      this.#repeat(() => this.#look()),
    ];
    try {
      await Promise.all(clients);
    } finally {
      this.isStopped = true;
      await Promise.allSettled(clients);
    }
  }

  /** Everything that was written last is there, and nothing else. */
  check(): void {
    this.#checkAccounts();
    for (let key = 0; key < CHURN_KEYS; key++) this.#checkChurned(key);
    const live = this.#last.reduce((count, number) => count + (number > 0 ? 1 : 0), 0);
    const found = this.db.count({ prefix: "churn/" });
    if (found !== live) throw new SoakError(`${found} churned keys instead of ${live}`);
  }

  async #repeat(step: () => Promise<void>): Promise<void> {
    for (let steps = 1; !this.isStopped; steps++) {
      await step();
      // Awaiting a commit need not return to the event loop.
      if (steps % 8 === 0) await new Promise<void>((resume) => setImmediate(resume));
    }
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  async #transfer(): Promise<void> {
    const [from, to] = [this.#below(ACCOUNTS), this.#below(ACCOUNTS)];
    if (from === to) return;
    const amount = this.#below(10);
    await this.db.update(
      (transaction) => {
        const balance = (account: number): number =>
          Number(decoder.decode(transaction.get(`account/${account}`)));
        transaction.put(`account/${from}`, String(balance(from) - amount));
        transaction.put(`account/${to}`, String(balance(to) + amount));
      },
      { retries: 100 },
    );
    this.done.commits++;
  }

  /** Keys of its own: another client's write may be on its way. */
  async #churn(client: 0 | 1): Promise<void> {
    const key = this.#below(CHURN_KEYS / 2) * 2 + client;
    this.#checkChurned(key);
    const number = this.#below(5) === 0 ? 0 : ++this.#number;
    this.#last[key] = number;
    if (number === 0) await this.db.delete(keyOf(key));
    else await this.db.put(keyOf(key), valueOf(number));
    this.done.commits++;
  }

  /** What expires, and what is dropped all at once. */
  async #expire(): Promise<void> {
    await this.db.put(`expiring/${this.#below(2000)}`, valueOf(++this.#number), {
      ttl: TTL_SECONDS,
    });
    this.done.commits++;
    if (this.#below(3000) === 0) await this.db.dropPrefix("expiring/");
  }

  async #look(): Promise<void> {
    const draw = this.#below(400);
    if (draw === 0) await this.#backup();
    else if (draw === 1) await this.#verify();
    else if (draw === 2) await this.db.collectGarbage();
    else if (draw === 3) await this.db.compact();
    else if (draw < 20) this.#checkAccounts();
    else this.#scan();
    await Bun.sleep(this.#below(10));
  }

  #scan(): void {
    let left = this.#below(200);
    let last = "";
    const gte = keyOf(this.#below(CHURN_KEYS));
    for (const { key } of this.db.scan({ gte, prefix: "churn/", reverse: this.#below(2) === 0 })) {
      const name = decoder.decode(key);
      if (name === last) throw new SoakError(`${name} twice in one scan`);
      last = name;
      if (left-- <= 0) break;
    }
    this.done.scans++;
  }

  #checkAccounts(): void {
    let sum = 0;
    let count = 0;
    this.db.scan({ prefix: "account/" }).forEach((_, value) => {
      sum += Number(decoder.decode(value));
      count++;
    });
    if (count !== ACCOUNTS || sum !== ACCOUNTS * START_BALANCE) {
      throw new SoakError(`${count} accounts hold ${sum} instead of ${ACCOUNTS * START_BALANCE}`);
    }
    this.done.reads += count;
  }

  #checkChurned(key: number): void {
    const number = this.#last[key] as number;
    const found = this.db.get(keyOf(key));
    this.done.reads++;
    const text = found === undefined ? undefined : decoder.decode(found);
    const wanted = number === 0 ? undefined : valueOf(number);
    if (text !== wanted) {
      throw new SoakError(`${keyOf(key)} is ${text?.slice(0, 20)}, not ${wanted?.slice(0, 20)}`);
    }
  }

  async #backup(): Promise<void> {
    let bytes = 0;
    const sink = new WritableStream<Uint8Array>({
      write(chunk) {
        bytes += chunk.length;
      },
    });
    await this.db.backup(sink);
    if (bytes === 0) throw new SoakError("a backup without a byte");
    this.done.backups++;
  }

  async #verify(): Promise<void> {
    const { findings } = await this.db.verify();
    if (findings.length > 0) throw new SoakError(`verify found ${JSON.stringify(findings[0])}`);
    this.done.verifications++;
  }
}

function keyOf(key: number): string {
  return `churn/${String(key).padStart(6, "0")}`;
}

function valueOf(number: number): string {
  const size = SIZES[number % SIZES.length] as number;
  return `${number}:`.padEnd(size, String.fromCharCode(97 + (number % 26)));
}
