/**
 * Holding acknowledgements back, so that background work keeps up with writers: so many milliseconds per
 * byte, growing with the square of the pressure, so that there is no cliff. By bytes, because many small
 * commits make as much work as a few large ones; saved up until a timer is worth it.
 */

const MIB = 1 << 20;
/** At full pressure: 8 MiB/s. */
const MS_PER_MIB_MAX = 125;
const HOLD_MS_MIN = 1;
/**
 * Reached by large commits only; half of the longest wait that writers are promised. With 4 ms, commits of 1
 * MiB went on at 85 MiB/s until level 0 was full, and the next one waited for half a second.
 */
const HOLD_MS_MAX = 50;
/** What is owed beyond this is forgiven: a single huge commit must not hold up the next ones for long. */
const OWED_MS_MAX = 100;

export class WritePace {
  readonly #pressure: { value(): number };
  #paidBytes = 0;
  #owedMs = 0;

  /** @param pressure how far background work is behind, 0 … 1 */
  constructor(pressure: { value(): number }) {
    this.#pressure = pressure;
  }

  /** How long to hold the next acknowledgement back; `writtenBytes` since open. */
  holdMs(writtenBytes: number): number {
    const pressure = this.#pressure.value();
    const bytes = writtenBytes - this.#paidBytes;
    this.#paidBytes = writtenBytes;
    if (pressure <= 0) {
      this.#owedMs = 0;
      return 0;
    }
    const owed = this.#owedMs + (bytes / MIB) * MS_PER_MIB_MAX * pressure * pressure;
    this.#owedMs = Math.min(OWED_MS_MAX, owed);
    if (this.#owedMs < HOLD_MS_MIN) return 0;
    const holdMs = Math.min(HOLD_MS_MAX, this.#owedMs);
    this.#owedMs -= holdMs;
    return holdMs;
  }
}
