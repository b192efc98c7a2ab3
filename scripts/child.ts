/** Child processes: run one to its end, with or without its output. */

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string | undefined>;
  /** Text for stdin; without it the child gets an empty one, so that it cannot eat ours. */
  readonly input?: string;
}

/** Runs a command to its end and keeps what it printed. */
export async function capture(command: string[], options: ChildOptions = {}): Promise<Outcome> {
  const started = performance.now();
  const child = Bun.spawn(command, {
    stdin: options.input === undefined ? "ignore" : new TextEncoder().encode(options.input),
    stdout: "pipe",
    stderr: "pipe",
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: { ...process.env, ...options.env } }),
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { exitCode, stdout, stderr, durationMs: performance.now() - started };
}

/**
 * Runs a command that talks to the user directly: it owns stdin, stdout, stderr and the keyboard's
 * Ctrl-C. Returns its exit code, 128 + signal when a signal ended it.
 */
export async function handOver(command: string[], cwd: string): Promise<number> {
  const child = Bun.spawn(command, { cwd, stdio: ["inherit", "inherit", "inherit"] });
  // Ctrl-C reaches the child through the terminal. We stay until it has decided what to do.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  process.on("SIGHUP", () => child.kill("SIGHUP"));
  return child.exited;
}

/** `1.2 s` or `34 ms`. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
