/** Which faults and deaths befall a life, drawn from the world's random source. */

import type { FileOperation } from "./process-files.ts";
import type { Doom, Life, World } from "./world.ts";

const GROWING: ReadonlySet<FileOperation> = new Set(["write", "create"]);
const ENDINGS = [".mem", ".vlog", ".sst", "MANIFEST", "DISCARD", "KEYREGISTRY"];

export class FaultSource {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** No more faults from now on. */
  calm(life: Life): void {
    life.faults = () => undefined;
    life.dieLater(undefined);
  }

  /** The process will die at one of its next file operations. */
  doom(life: Life, within: number): Doom {
    const { random } = this.#world;
    const doom: Doom = {
      afterOperations: 1 + random.below(within),
      end: random.below(2) === 0 ? "kill" : "power loss",
      when: (["before", "amid", "after"] as const)[random.below(3)] as "before",
    };
    life.dieLater(doom);
    return doom;
  }

  /** Nothing that grows succeeds any more, on all files or on those of one kind. */
  fillDisk(life: Life): string {
    const { random } = this.#world;
    const ending = random.below(2) === 0 ? "" : this.#ending();
    let left = random.below(4);
    life.faults = (operation, path) => {
      if (!GROWING.has(operation) || !path.endsWith(ending)) return undefined;
      return --left < 0 ? "ENOSPC" : undefined;
    };
    return `full${ending === "" ? "" : ` for ${ending}`}`;
  }

  /** One operation fails, soon; or, lasting, all from there on that concern the same kind of file. */
  breakSoon(life: Life): string {
    const { random } = this.#world;
    let left = random.below(12);
    const isLasting = random.below(4) === 0;
    const ending = isLasting || random.below(3) === 0 ? this.#ending() : "";
    const readsToo = random.below(3) === 0;
    life.faults = (operation, path) => {
      if (!path.endsWith(ending)) return undefined;
      if (operation === "stat" || operation === "list") return undefined;
      if (!readsToo && (operation === "read" || operation === "open")) return undefined;
      left--;
      return left === 0 || (isLasting && left < 0) ? "EIO" : undefined;
    };
    return `${isLasting ? "lasting " : ""}EIO${ending === "" ? "" : ` on ${ending}`}${readsToo ? ", reads too" : ""}`;
  }

  /** An opening that dies or meets a fault at any of its operations. */
  disturbOpening(life: Life): void {
    const { random } = this.#world;
    if (random.below(2) === 0) {
      this.doom(life, 30);
      return;
    }
    let left = random.below(40);
    const errno = random.below(3) === 0 ? "ENOSPC" : "EIO";
    life.faults = (operation) => {
      if (errno === "ENOSPC" && !GROWING.has(operation)) return undefined;
      return left-- === 0 ? errno : undefined;
    };
  }

  #ending(): string {
    return ENDINGS[this.#world.random.below(ENDINGS.length)] as string;
  }
}
