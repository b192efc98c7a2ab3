import { describe, expect, test } from "bun:test";
import { wantsColor } from "../../shell/color.ts";
import { MemoryHost } from "./memory-host.ts";

describe("colours", () => {
  test.each<[Record<string, string>, boolean, string | undefined, boolean]>([
    [{}, true, undefined, true],
    [{}, false, undefined, false],
    [{ TERM: "dumb" }, true, undefined, false],
    [{ NO_COLOR: "1" }, true, undefined, false],
    [{ NO_COLOR: "" }, true, undefined, true],
    [{ FORCE_COLOR: "1" }, false, undefined, true],
    [{ FORCE_COLOR: "0" }, true, undefined, false],
    [{ NO_COLOR: "1", FORCE_COLOR: "1" }, true, undefined, false],
    [{ NO_COLOR: "1" }, false, "always", true],
    [{ FORCE_COLOR: "1" }, true, "never", false],
    [{}, false, "auto", false],
  ])("%j on a terminal: %p, --color %p", (env, terminal, choice, expected) => {
    const host = new MemoryHost({ env, terminal });
    expect(wantsColor(host, host.stdout, choice)).toBe(expected);
  });
});
