/**
 * What a database may hold: the commits that were issued, in the order of their versions, and what became
 * of each. From that follows what must be there now, after a kill, and after a power loss:
 *
 *     ─── durable ───┬─── acknowledged ───┬─── open ───
 *       survive all     survive a kill       may be there, in order
 *
 * A commit is there as a whole or not at all, and only with all before it. One that failed may be there
 * only if nothing after it is: later commits have read a state without it.
 */

export interface Write {
  readonly key: string;
  /** Bytes as latin-1 text; `undefined` deletes. */
  readonly value: string | undefined;
  readonly userMeta: number;
  /** Unix seconds, 0 = never. */
  readonly expiresAt: number;
}

export interface Stored {
  readonly value: string;
  readonly userMeta: number;
  readonly expiresAt: number;
}

export type Content = ReadonlyMap<string, Stored>;

export interface Commit {
  readonly number: number;
  readonly writes: readonly Write[];
  /** It drops every key with this prefix: whoever has read there may be told of a conflict, whatever was there. */
  readonly dropped: string | undefined;
  fate: "open" | "acknowledged" | "failed";
}

/** Entries that expired by the highest time seen may be gone; by the time now, must not show. */
export interface Times {
  readonly nowSeconds: number;
  readonly latestSeconds: number;
}

export class ExpectedCommits {
  #base = new Map<string, Stored>();
  /** Issued since `#base`, in the order of their versions. */
  #commits: Commit[] = [];
  /** So many of them survive a power loss. */
  #durable = 0;
  #lastNumber = 0;
  /** Issued since the last recovery. */
  #issued: Commit[] = [];
  #mayFail: (commit: Commit) => boolean = () => false;

  /** The same expectations, to go on from here in another way. */
  clone(): ExpectedCommits {
    const other = new ExpectedCommits();
    other.#base = new Map(this.#base);
    other.#commits = this.#commits.map((commit) => ({ ...commit }));
    other.#durable = this.#durable;
    other.#lastNumber = this.#lastNumber;
    return other;
  }

  issue(writes: readonly Write[], dropped?: string): Commit {
    const commit: Commit = { number: ++this.#lastNumber, writes, dropped, fate: "open" };
    this.#commits.push(commit);
    this.#issued.push(commit);
    return commit;
  }

  /** Number of the next commit. */
  get nextNumber(): number {
    return this.#lastNumber + 1;
  }

  /** It was refused before anything was written. */
  withdraw(commit: Commit): void {
    this.#issued = this.#issued.filter((one) => one !== commit);
    const index = this.#commits.indexOf(commit);
    if (index < 0) return;
    this.#commits.splice(index, 1);
    if (index < this.#durable) this.#durable--;
  }

  get hasOpen(): boolean {
    return this.#commits.some((commit) => commit.fate === "open");
  }

  /** Marks what a power loss may not take: everything up to `commit`, default: everything acknowledged. */
  promise(commit = this.#commits.findLast((one) => one.fate === "acknowledged")): void {
    if (commit === undefined) return;
    this.#durable = Math.max(this.#durable, this.#commits.indexOf(commit) + 1);
    this.#fold();
  }

  /** What is there, if everything acknowledged is and nothing else. */
  content(): Map<string, Stored> {
    const content = new Map(this.#base);
    for (const commit of this.#commits) if (commit.fate === "acknowledged") apply(content, commit);
    return content;
  }

  /** Commits issued after the given number that are or may be there. */
  since(number: number): Commit[] {
    return this.#issued.filter((commit) => commit.number > number && commit.fate !== "failed");
  }

  /** The last commit that is acknowledged. */
  get lastAcknowledged(): Commit | undefined {
    return this.#commits.findLast((commit) => commit.fate === "acknowledged");
  }

  /**
   * Which of the possible states `found` is; goes on from there. Throws when it is none of them.
   *
   * @param withPower the power failed, not only the process
   * @param wasDisturbed faults were injected: a commit that is still open may have failed before others
   * @param past as for `recoverParts`: whether what has expired was deleted, too, shows only there
   */
  recover(
    found: Content,
    times: Times,
    withPower: boolean,
    wasDisturbed = false,
    past?: Content,
  ): string {
    if (past !== undefined) {
      const wrong = difference(past, found, times);
      if (wrong !== undefined)
        throw new Error(`the clock decides more than what has expired: ${wrong}`);
      return this.recover(past, { ...times, nowSeconds: 0 }, withPower, wasDisturbed);
    }
    this.#mayFail = (commit) =>
      commit.fate === "failed" || (wasDisturbed && commit.fate === "open");
    const least = withPower
      ? this.#durable
      : this.#commits.findLastIndex((commit) => commit.fate === "acknowledged") + 1;
    const kept = this.#findKept(found, times, least);
    if (kept === undefined) throw new Error(this.#explain(found, times, least));
    const lost = this.#commits.length - kept.length;
    this.#commits = kept;
    this.#issued = [];
    for (const commit of kept) commit.fate = "acknowledged";
    this.#durable = withPower ? kept.length : Math.min(this.#durable, kept.length);
    this.#fold();
    return `${kept.length} kept, ${lost} not`;
  }

  /**
   * The same after a power loss where nothing but what was made durable is promised, and no order (sync
   * level "never"): each entry is one that a commit wrote, none is older than the durable one of its key,
   * and no commit shows in part, unless a later one hides the rest.
   *
   * @param past what there is for a clock that stands before every expiry: what has expired shows again when
   * the clock goes back
   */
  recoverParts(found: Content, times: Times, past: Content = found): string {
    const durable = new Map(this.#base);
    const isDurable = ({ fate }: Commit, index: number): boolean =>
      index < this.#durable && fate !== "open";
    // One that failed was told so before a later one was promised: it is not there.
    for (const commit of this.#commits.filter(isDurable)) {
      if (commit.fate === "acknowledged") apply(durable, commit);
    }
    const doubtful = this.#commits.filter((commit, index) => !isDurable(commit, index));
    const wrong =
      new PartialState(durable, doubtful, past, times).problem() ?? difference(past, found, times);
    if (wrong !== undefined) throw new Error(`no possible part: ${wrong}`);
    this.#base = new Map(past);
    this.#commits = [];
    this.#issued = [];
    this.#durable = 0;
    return `${found.size} entries`;
  }

  /** The longest possible list of commits whose result is `found`. */
  #findKept(found: Content, times: Times, least: number): Commit[] | undefined {
    const content = new Map(this.#base);
    const kept: Commit[] = [];
    let best: Commit[] | undefined;
    for (let next = 0; ; next++) {
      if (next >= least) {
        if (matches(content, found, times)) best = [...kept];
        best = this.#tryFailed(content, found, times, kept, next) ?? best;
      }
      const commit = this.#commits[next];
      if (commit === undefined) return best;
      if (commit.fate === "failed") continue;
      apply(content, commit);
      kept.push(commit);
    }
  }

  /** A run of failed commits behind what is kept may be there, from any to any of them. */
  #tryFailed(
    content: Content,
    found: Content,
    times: Times,
    kept: readonly Commit[],
    from: number,
  ): Commit[] | undefined {
    const isDoubtful = (index: number): boolean => {
      const commit = this.#commits[index];
      return commit !== undefined && this.#mayFail(commit);
    };
    for (let start = from; isDoubtful(start); start++) {
      const extended = new Map(content);
      for (let end = start; isDoubtful(end); end++) {
        apply(extended, this.#commits[end] as Commit);
        if (matches(extended, found, times)) {
          return [...kept, ...this.#commits.slice(start, end + 1)];
        }
      }
    }
    return undefined;
  }

  /** The possible state that differs least, and in what. */
  #explain(found: Content, times: Times, least: number): string {
    const content = new Map(this.#base);
    let best = "";
    let fewest = Number.POSITIVE_INFINITY;
    for (let next = 0; ; next++) {
      const differences = allDifferences(content, found, times);
      if (differences.length < fewest) {
        fewest = differences.length;
        const number = this.#commits[next - 1]?.number ?? "the start";
        const early = next < least ? ", which is too old," : "";
        best = `most like the state after ${number}${early} but ${differences.slice(0, 4).join("; ")}`;
      }
      const commit = this.#commits[next];
      if (commit === undefined) break;
      if (commit.fate !== "failed") apply(content, commit);
    }
    const fates = this.#commits.map(({ number, fate }) => `${number} ${fate}`).join(", ");
    return `no possible state: ${best} (${least} of these must be there: ${fates})`;
  }

  /** Forgets which commits made what will not change any more. */
  #fold(): void {
    const open = this.#commits.findIndex((commit) => commit.fate === "open");
    const settled = this.#commits.splice(
      0,
      open < 0 ? this.#durable : Math.min(open, this.#durable),
    );
    this.#durable -= settled.length;
    for (const commit of settled) if (commit.fate === "acknowledged") apply(this.#base, commit);
  }
}

/** Commits of which any may be there, each as a whole. */
class PartialState {
  readonly #durable: Content;
  readonly #commits: readonly Commit[];
  readonly #found: Content;
  readonly #times: Times;

  constructor(durable: Content, commits: readonly Commit[], found: Content, times: Times) {
    this.#durable = durable;
    this.#commits = commits;
    this.#found = found;
    this.#times = times;
  }

  problem(): string | undefined {
    const shown = new Set<number>();
    for (const [key, entry] of this.#found) {
      const writer = this.#commits.findLastIndex(({ writes }) =>
        writes.some(
          (write) =>
            write.key === key &&
            write.value !== undefined &&
            isSame({ ...write, value: write.value }, entry),
        ),
      );
      if (writer >= 0) shown.add(writer);
      else {
        const wanted = this.#durable.get(key);
        if (wanted === undefined || !isSame(wanted, entry)) return `there is ${show(key, entry)}`;
      }
    }
    for (const [key, entry] of this.#durable) {
      if (
        !this.#found.has(key) &&
        !isExpired(entry, this.#times.latestSeconds) &&
        !this.#mayHide(key, -1)
      ) {
        return `${show(key, entry)} is missing`;
      }
    }
    for (const index of shown) {
      const half = this.#missingHalf(index);
      if (half !== undefined) return half;
    }
    return undefined;
  }

  #missingHalf(index: number): string | undefined {
    const { number, writes } = this.#commits[index] as Commit;
    for (const { key, value, userMeta, expiresAt } of writes) {
      const entry = this.#found.get(key);
      if (value === undefined ? entry === undefined : entry?.value === value) continue;
      if (
        value !== undefined &&
        isExpired({ value, userMeta, expiresAt }, this.#times.latestSeconds)
      )
        continue;
      if (!this.#mayHide(key, index))
        return `commit ${number} is there without its write of ${JSON.stringify(key)}`;
    }
    return undefined;
  }

  /** A later commit wrote the key, too. */
  #mayHide(key: string, index: number): boolean {
    return this.#commits.some(
      (commit, at) => at > index && commit.writes.some((write) => write.key === key),
    );
  }
}

function apply(content: Map<string, Stored>, { writes }: Commit): void {
  for (const { key, value, userMeta, expiresAt } of writes) {
    if (value === undefined) content.delete(key);
    else content.set(key, { value, userMeta, expiresAt });
  }
}

/** What is wrong with `found`, as the content of a database that should hold `expected`. */
export function difference(expected: Content, found: Content, times: Times): string | undefined {
  for (const [key, entry] of found) {
    const wanted = expected.get(key);
    if (wanted === undefined) return `there is ${show(key, entry)}`;
    if (!isSame(wanted, entry)) return `${show(key, entry)} instead of ${show(key, wanted)}`;
    if (isExpired(wanted, times.nowSeconds)) return `${show(key, entry)} has expired`;
  }
  for (const [key, entry] of expected) {
    if (!found.has(key) && !isExpired(entry, times.latestSeconds))
      return `${show(key, entry)} is missing`;
  }
  return undefined;
}

/** Whether there is no difference, without words for it. */
function matches(expected: Content, found: Content, times: Times): boolean {
  for (const [key, entry] of found) {
    const wanted = expected.get(key);
    if (wanted === undefined || !isSame(wanted, entry) || isExpired(wanted, times.nowSeconds))
      return false;
  }
  for (const [key, entry] of expected) {
    if (!found.has(key) && !isExpired(entry, times.latestSeconds)) return false;
  }
  return true;
}

function allDifferences(expected: Content, found: Content, times: Times): string[] {
  const differences: string[] = [];
  for (const key of new Set([...expected.keys(), ...found.keys()])) {
    const one = (content: Content): Content => {
      const entry = content.get(key);
      return entry === undefined ? new Map<string, Stored>() : new Map([[key, entry]]);
    };
    const told = difference(one(expected), one(found), times);
    if (told !== undefined) differences.push(told);
  }
  return differences;
}

function isSame(a: Stored, b: Stored): boolean {
  return a.value === b.value && a.userMeta === b.userMeta && a.expiresAt === b.expiresAt;
}

export function isExpired({ expiresAt }: Stored, seconds: number): boolean {
  return expiresAt !== 0 && expiresAt <= seconds;
}

function show(key: string, { value, expiresAt }: Stored): string {
  const short = value.length > 16 ? `${value.slice(0, 16)}… (${value.length})` : value;
  const expiry = expiresAt === 0 ? "" : ` expiring at ${expiresAt}`;
  return `${JSON.stringify(key.slice(0, 20))} = ${JSON.stringify(short)}${expiry}`;
}
