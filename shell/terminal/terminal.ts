/**
 * The terminal itself: raw mode, input bytes, size, resizing. `processTerminal` is the only place of
 * the shell that touches `process.stdin`; the editor takes a `Terminal`, so specs give it a fake one.
 */

import type { Host } from "../host.ts";
import type { Screen } from "./repaint.ts";

export interface Terminal {
  size(): Screen;
  /** Writes at once, in order with everything the shell writes to standard output. */
  write(text: string): Promise<void>;
  /**
   * Raw mode with bracketed paste, input going to the listeners; until `leave`. Entering twice is
   * entering once.
   */
  enter(): void;
  /** Gives the terminal back as it was; what is typed meanwhile stays for the next `enter`. */
  leave(): void;
  /** The terminal went away (hang-up). */
  readonly ended: boolean;
  onInput(listener: (bytes: Uint8Array) => void): void;
  onResize(listener: () => void): void;
  onEnd(listener: () => void): void;
  /** Stops the program like Ctrl-Z does elsewhere; returns after it was continued. */
  suspend(): Promise<void>;
}

const BRACKETED_PASTE_ON = "\x1b[?2004h";
const BRACKETED_PASTE_OFF = "\x1b[?2004l";
/** Still running after so long: the stop did not happen. */
const NOT_STOPPED_MS = 200;

export function processTerminal(host: Host): Terminal {
  const { stdin, stdout } = process;
  let entered = false;
  let ended = false;
  const endListeners: (() => void)[] = [];
  const end = (): void => {
    ended = true;
    for (const listener of endListeners) listener();
  };
  stdin.on("end", end);
  // A terminal that went away fails to be read.
  stdin.on("error", end);
  stdin.pause();

  const terminal: Terminal = {
    size: () => host.stdout.size(),
    async write(text) {
      await host.stdout.write(text);
      await host.stdout.flush();
    },
    enter() {
      if (entered) return;
      entered = true;
      stdin.setRawMode(true);
      stdin.ref();
      stdin.resume();
      void terminal.write(BRACKETED_PASTE_ON).catch(() => undefined);
    },
    leave() {
      if (!entered) return;
      entered = false;
      stdin.pause();
      stdin.unref();
      stdin.setRawMode(false);
      void terminal.write(BRACKETED_PASTE_OFF).catch(() => undefined);
    },
    get ended() {
      return ended;
    },
    onInput(listener) {
      stdin.on("data", (chunk: Uint8Array | string) => {
        listener(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
      });
      if (!entered) stdin.pause();
    },
    onResize(listener) {
      stdout.on("resize", listener);
    },
    onEnd(listener) {
      endListeners.push(listener);
      if (ended) listener();
    },
    async suspend() {
      terminal.leave();
      await host.stdout.flush();
      const continued = new Promise<void>((resolve) => process.once("SIGCONT", () => resolve()));
      process.kill(process.pid, "SIGTSTP");
      // Without a shell that could continue it, the system does not stop a process at all.
      await Promise.race([continued, Bun.sleep(NOT_STOPPED_MS)]);
      terminal.enter();
    },
  };
  return terminal;
}
