/** `meles rotate-key DIR --key-file OLD --new-key-file NEW` */

import type { CommandRun } from "../command-table.ts";
import { loadEngine } from "../engine.ts";
import { EXIT_DONE, usageError } from "../exit-codes.ts";
import { checkDirectory, openFailure, readEncryptionKey, readKeyFile } from "../opening.ts";

export const runRotateKey: CommandRun = async ({ host, arguments: given, positionals }) => {
  const [directory = ""] = positionals;
  const path = given.value("new-key-file");
  if (path === undefined) {
    throw usageError(
      "rotate-key needs --new-key-file; encryption cannot be turned off in place: most files would stay encrypted, and their keys would lie beside them in clear",
      "load a dump into a new directory instead: meles dump DIR --key-file OLD | meles load NEWDIR",
    );
  }
  await checkDirectory({ directory, create: false });
  const oldKey = await readEncryptionKey(host, given);
  const newKey = await readKeyFile(path);
  const valueDirectory = given.value("value-dir");
  const { rotateKey } = await loadEngine();
  let result: Awaited<ReturnType<typeof rotateKey>>;
  try {
    result = await rotateKey(directory, {
      newKey,
      ...(oldKey === undefined ? {} : { oldKey }),
      ...(valueDirectory === undefined ? {} : { valueDirectory }),
    });
  } catch (error) {
    throw openFailure(directory, error);
  }
  const { dataKeys, wasEncrypted } = result;
  const keys = `${dataKeys} data ${dataKeys === 1 ? "key is" : "keys are"} encrypted under the new key`;
  const told = wasEncrypted
    ? keys
    : "encryption is turned on for what is written from now on; meles flatten rewrites what is there";
  await host.stderr.write(`meles: ${told}\n`);
  return EXIT_DONE;
};
