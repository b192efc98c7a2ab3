/** `meles bank test DIR [--seconds N] [--accounts N]`: torture with an invariant; 4 when it breaks. */

import { Bank, type Breach, type Change } from "../bank.ts";
import type { CommandRun } from "../command-table.ts";
import type { SyncLevel } from "../engine.ts";
import { EXIT_CORRUPTION, EXIT_DONE, usageError } from "../exit-codes.ts";
import { Interruption } from "../interruption.ts";
import { openDatabase } from "../opening.ts";
import { visibleText } from "../renderers/cell.ts";
import { didYouMean } from "../suggest.ts";

const SECONDS_DEFAULT = 10;
const ACCOUNTS_DEFAULT = 1000;
const ACCOUNTS_MAX = 100_000;

export const runBank: CommandRun = async ({ host, arguments: given, positionals }) => {
  const [action = "", directory = ""] = positionals;
  if (action !== "test")
    throw usageError(`bank ${action}: bank can only test${didYouMean(action, ["test"])}`);
  const seconds = numberOf("seconds", given.value("seconds"), SECONDS_DEFAULT, 86_400 * 365);
  const accounts = numberOf("accounts", given.value("accounts"), ACCOUNTS_DEFAULT, ACCOUNTS_MAX);
  if (accounts < 2) throw usageError("--accounts: a transfer needs two");
  using interruption = new Interruption(host);
  await using database = await openDatabase(host, given, {
    directory,
    readOnly: false,
    create: true,
    keepVersions: true,
    sync: given.value("sync") as SyncLevel | undefined,
  });
  const bank = await Bank.open(database, accounts);
  const startMs = performance.now();
  const isOver = (): boolean =>
    interruption.signal.aborted || performance.now() - startMs >= seconds * 1000;
  const breach = await bank.run(isOver);
  const { transfers, conflicts, checks, expectedSum } = bank;
  const took = ((performance.now() - startMs) / 1000).toFixed(1);
  const done = `${bank.accounts} accounts, ${transfers} transfers, ${conflicts} conflicts, ${checks} checks in ${took} s`;
  if (breach !== undefined) {
    await host.stdout.write(reportOf(breach));
    await host.stderr.write(`meles: ${done}: the sum is wrong\n`);
    return EXIT_CORRUPTION;
  }
  await host.stderr.write(`meles: ${done}: the sum is ${expectedSum} in every snapshot\n`);
  if (interruption.kind !== undefined) throw interruption.exit();
  return EXIT_DONE;
};

function numberOf(name: string, text: string | undefined, byDefault: number, max: number): number {
  if (text === undefined) return byDefault;
  const number = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && number > 0 && number <= max) return number;
  throw usageError(`--${name} ${text}: not a number from 1 to ${max}`);
}

function reportOf({ version, sum, expected, changes, before }: Breach): string {
  const line = (change: Change): string => {
    const shown = (balance: number | undefined): string => String(balance ?? "none");
    return `${visibleText(change.account)}: ${shown(change.from)} → ${shown(change.to)}`;
  };
  const context = before.map(
    (earlier) => `  version ${earlier[0]?.version}: ${earlier.slice(0, 4).map(line).join(", ")}\n`,
  );
  return (
    `version ${version}: the sum is ${sum}, it should be ${expected}\n` +
    changes
      .slice(0, 100)
      .map((change) => `  ${line(change)}\n`)
      .join("") +
    (context.length === 0 ? "" : `before it:\n${context.join("")}`)
  );
}
