/**
 * Habits from other databases that this language refuses: each with a message that says so and a hint
 * at what to write instead. A table of words, and a few patterns of neighbouring tokens; consulted only
 * where the parser has already stopped.
 */

import type { IToken, TokenType } from "chevrotain";
import * as T from "./tokens.ts";
import { firstWays, type Way } from "./walk.ts";

/** Without a message the general one stands: only the hint is special. */
export interface Habit {
  readonly message?: string;
  readonly hint: string;
}

const refuse = (what: string, hint: string): Habit => ({
  message: `${what} is not supported`,
  hint,
});

const JOIN: Habit = {
  message: "JOIN is not supported: a query reads one relation",
  hint: "read each relation with a SELECT of its own and combine the rows in the program",
};
const setOperation = (word: string): Habit => ({
  message: `${word} is not supported: a statement holds one SELECT`,
  hint: "run the SELECTs one after the other",
});
const GRANT = refuse("access control", "who may open the directory is decided by the file system");
const PATTERN: Habit = {
  hint: "patterns are written with LIKE: % for any text, _ for one character",
};
const TRANSACTION: Habit = { hint: "a transaction starts with BEGIN or BEGIN READ ONLY" };
const INSERT_OR: Habit = {
  hint: "write INSERT INTO kv … ON CONFLICT REPLACE, or PUT 'key' 'value'",
};
const SHOW: Habit = {
  hint: "the relations are kv, history and meles_…; SELECT * FROM meles_stats",
};
const dotCommand = (name: string): Habit => ({ hint: `in the shell this is the command .${name}` });

/** Words refused wherever they stop the parser. */
const ANYWHERE: Readonly<Record<string, Habit>> = {
  JOIN,
  INNER: JOIN,
  OUTER: JOIN,
  LEFT: JOIN,
  RIGHT: JOIN,
  FULL: JOIN,
  CROSS: JOIN,
  NATURAL: JOIN,
  UNION: setOperation("UNION"),
  INTERSECT: setOperation("INTERSECT"),
  EXCEPT: setOperation("EXCEPT"),
  OVER: refuse("a window function", "aggregate with GROUP BY, or number the rows in the program"),
  WINDOW: refuse("WINDOW", "aggregate with GROUP BY, or number the rows in the program"),
  RETURNING: refuse("RETURNING", "read the keys with SELECT in the same transaction"),
  ESCAPE: refuse("ESCAPE", "compare with STARTS WITH, or with = and substr()"),
  COLLATE: refuse(
    "COLLATE",
    "keys are ordered by their bytes; compare lower(value) to ignore case",
  ),
  NULLS: refuse("NULLS FIRST or LAST", "order by value IS NULL first, then by value"),
  FETCH: { hint: "write LIMIT n" },
  TOP: { hint: "write LIMIT n at the end" },
  ILIKE: { hint: "write lower(value) LIKE '…'" },
  REGEXP: PATTERN,
  RLIKE: PATTERN,
  GLOB: PATTERN,
  SIMILAR: PATTERN,
  TRANSACTION: { hint: "write BEGIN, COMMIT or ROLLBACK alone" },
  WORK: { hint: "write BEGIN, COMMIT or ROLLBACK alone" },
  FOR: refuse("FOR UPDATE", "reads inside BEGIN … COMMIT already take part in conflict detection"),
};

/** Words refused as the first of a statement. */
const AT_START: Readonly<Record<string, Habit>> = {
  CREATE: {
    message: "CREATE is not supported: the relation kv holds every key and needs no schema",
    hint: "write rows with INSERT INTO kv or PUT; an index is a set of keys under a prefix of its own",
  },
  ALTER: refuse("ALTER", "kv has fixed columns; change values with UPDATE kv SET value = …"),
  TRUNCATE: refuse("TRUNCATE", "DROP ALL removes everything, DROP PREFIX 'p' a part"),
  WITH: refuse("WITH", "a statement reads one relation; filter it with WHERE"),
  MERGE: INSERT_OR,
  UPSERT: INSERT_OR,
  REPLACE: INSERT_OR,
  SAVEPOINT: refuse("SAVEPOINT", "a transaction commits or rolls back as a whole"),
  RELEASE: refuse("RELEASE", "a transaction commits or rolls back as a whole"),
  START: TRANSACTION,
  END: { hint: "a transaction ends with COMMIT or ROLLBACK" },
  ABORT: { hint: "a transaction is undone with ROLLBACK" },
  PRAGMA: refuse(
    "PRAGMA",
    "SELECT * FROM meles_options shows the options; they are set on opening",
  ),
  VACUUM: refuse("VACUUM", "space comes back by itself; COMPACT and COLLECT hurry it"),
  ANALYZE: { hint: "EXPLAIN ANALYZE SELECT … runs a statement and shows its plan" },
  ATTACH: refuse("ATTACH", "a session works on one directory; .open DIR changes it"),
  USE: refuse("USE", "a session works on one directory; .open DIR changes it"),
  GRANT,
  REVOKE: GRANT,
  LOCK: refuse("LOCK", "transactions detect conflicts by themselves"),
  SHOW,
  DESCRIBE: SHOW,
  DESC: SHOW,
  KEYS: { hint: "SCAN 'prefix' lists keys, SELECT key FROM kv too" },
  LIST: { hint: "SCAN 'prefix' lists keys, SELECT key FROM kv too" },
  LS: { hint: "SCAN 'prefix' lists keys, SELECT key FROM kv too" },
  VALUES: { hint: "write SELECT 1, 2 for a row of values" },
  COPY: { hint: "IMPORT 'file' reads a file, EXPORT SELECT … TO 'file' writes one" },
  LOAD: { hint: "IMPORT 'file' reads rows, RESTORE FROM 'file' a backup" },
  HELP: dotCommand("help"),
  QUIT: dotCommand("quit"),
  EXIT: dotCommand("quit"),
  SET: { hint: "PUT 'key' 'value' writes one key, UPDATE kv SET value = … many" },
  CLEAR: { hint: "DROP ALL removes everything" },
};

/** What is known about the token the parser stopped at, if anything. */
export function habitOf(
  tokens: readonly IToken[],
  index: number,
  ways: readonly Way[],
): Habit | undefined {
  const found = tokens[index] as IToken;
  const word = found.image.toUpperCase();
  if (isWord(found)) {
    const first = index === 0 || tokens[index - 1]?.tokenType === T.KEYWORD.EXPLAIN;
    if (first && Object.hasOwn(AT_START, word)) return AT_START[word];
    if (Object.hasOwn(ANYWHERE, word)) return ANYWHERE[word];
  }
  return pairHabit(tokens, index) ?? characterHabit(tokens, index) ?? placeHabit(found, ways);
}

function isWord(token: IToken): boolean {
  return token.tokenType === T.Identifier || T.isKeyword(token.tokenType);
}

/** Known by what stands before. */
function pairHabit(tokens: readonly IToken[], index: number): Habit | undefined {
  const found = tokens[index] as IToken;
  const before = tokens[index - 1];
  if (before === undefined) return undefined;
  const { tokenType: type } = found;
  const { tokenType: previous } = before;
  const touching = before.startOffset + before.image.length === found.startOffset;
  const opensQuery = type === T.LeftParen && tokens[index + 1]?.tokenType === T.KEYWORD.SELECT;
  if (opensQuery || (type === T.KEYWORD.SELECT && previous === T.LeftParen)) {
    return refuse("a subquery", "run the inner SELECT first and pass its result as a parameter");
  }
  if (previous === T.KEYWORD.IS) return { hint: "IS tests for NULL only: compare with =" };
  if (type === T.Comma) return commaHabit(tokens, index);
  if (previous === T.KEYWORD.DROP && /^(?:TABLE|INDEX|VIEW|DATABASE|SCHEMA)$/i.test(found.image)) {
    return refuse(`DROP ${found.image.toUpperCase()}`, "write DROP PREFIX 'p' or DROP ALL");
  }
  if (previous === T.KEYWORD.DELETE && type !== T.Identifier) {
    return { hint: "write DELETE FROM kv WHERE key = …, or DEL 'key'" };
  }
  if (previous === T.KEYWORD.INSERT && type === T.KEYWORD.OR) return INSERT_OR;
  if (type === T.Equal && previous === T.Equal && touching)
    return { hint: "equality is a single =" };
  if (type === T.Text && touching && previous === T.Identifier) {
    return { hint: `bytes are written b"…" with escapes, x'00ff' or b64'AAE='` };
  }
  return undefined;
}

function commaHabit(tokens: readonly IToken[], index: number): Habit | undefined {
  const twoBefore = tokens[index - 2]?.tokenType;
  if (twoBefore === T.KEYWORD.FROM) return JOIN;
  if (twoBefore === T.KEYWORD.LIMIT) return { hint: "write LIMIT 10 OFFSET 5" };
  if (tokens[0]?.tokenType === T.KEYWORD.PUT) {
    return { hint: "PUT takes one key and one value, without a comma: PUT 'key' 'value'" };
  }
  return undefined;
}

/** Known by its characters: tokens the lexer could not name. */
function characterHabit(tokens: readonly IToken[], index: number): Habit | undefined {
  const found = tokens[index] as IToken;
  if (found.tokenType !== T.Unknown) return undefined;
  const next = tokens[index + 1]?.image ?? "";
  switch (found.image) {
    case ".":
      return isStartOfDotCommand(tokens, index)
        ? { hint: "a dot command stands alone on a line, outside a statement" }
        : refuse("a qualified name", "there is one relation: write key instead of kv.key");
    case "`":
      return { hint: "names are quoted \"like this\", text 'like this'" };
    case "‘":
    case "’":
      return { hint: "text is written in straight quotes: 'like this'" };
    case "“":
    case "”":
      return { hint: "names are written in straight quotes \"like this\", text 'like this'" };
    case "$":
    case "@":
      return { hint: "parameters are written ? or :name" };
    case "&":
      return next === "&" ? { hint: "write AND" } : undefined;
    case "!":
      return { hint: "write NOT, or != for unequal" };
    case ":":
      return next.startsWith(":") ? { hint: "write CAST(value AS type)" } : undefined;
    case "#":
      return { hint: "comments are written -- to the end of the line, or /* … */" };
    case "{":
    case "[":
      return { hint: "JSON is written as text: '{\"a\": 1}'" };
    case "^":
    case "~":
      return { hint: "there are no bitwise operators" };
    default:
      return undefined;
  }
}

function isStartOfDotCommand(tokens: readonly IToken[], index: number): boolean {
  return index === 0 && isWord((tokens[1] ?? tokens[0]) as IToken);
}

/** Known by what could have stood there. */
function placeHabit(found: IToken, ways: readonly Way[]): Habit | undefined {
  const { tokenType: type } = found;
  const wanted = (wantedType: TokenType) => ways.some((way) => way.type === wantedType);
  if (type.CATEGORIES?.includes(T.ComparisonOperator) === true && wanted(T.Operator)) {
    return { hint: "comparisons do not chain: write a < b AND b < c" };
  }
  if (type === T.KEYWORD.AS && wanted(T.KEYWORD.PREFIX) && wanted(T.KEYWORD.AT)) {
    return refuse("an alias for a relation", "there is one relation: leave the alias out");
  }
  if (type === T.Text && wanted(T.Name) && !wanted(T.LiteralToken)) {
    return { hint: "names are written bare or in double quotes" };
  }
  if (type.CATEGORIES?.includes(T.Name) === true && ways.some((way) => way.part === "path")) {
    return { hint: "a file name is text in single quotes: 'cities.csv'" };
  }
  return undefined;
}

const CLAUSES = ["FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET"] as const;
const IN_ORDER = "SELECT … FROM … WHERE … GROUP BY … HAVING … ORDER BY … LIMIT … OFFSET";

/** The last guess, after a near keyword was looked for. */
export function guessAt(
  tokens: readonly IToken[],
  index: number,
  ways: readonly Way[],
): string | undefined {
  const found = tokens[index] as IToken;
  const { tokenType: type } = found;
  const inSelect = tokens.slice(0, index).some((token) => token.tokenType === T.KEYWORD.SELECT);
  const names = ways.some((way) => way.type === T.Name);
  if (tokens[index - 1]?.tokenType === T.Comma && T.isKeyword(type)) {
    return "the comma before it is one too many";
  }
  if (inSelect && !names && CLAUSES.some((word) => type === T.KEYWORD[word])) {
    return `the clauses come in this order: ${IN_ORDER}`;
  }
  if (names && T.isReserved(found.image)) {
    return `${found.image} is a keyword: write "${found.image.toLowerCase()}" to use it as a name`;
  }
  const mayEnd = ways.some((way) => way.type === T.Semicolon);
  if (mayEnd && firstWays().some((way) => way.type === type)) {
    return `a semicolon ends the statement before ${found.image}`;
  }
  const column = ways.some((way) => way.type === T.KEYWORD.AS && way.rule === "selectColumn");
  if (column && type.CATEGORIES?.includes(T.Name) === true) {
    return `write AS ${found.image} to name the column, or a comma before the next one`;
  }
  return undefined;
}
