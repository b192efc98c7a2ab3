/**
 * How tightly operators bind, for the builder that reads and the printer that writes. Numbers only have
 * an order; a larger one binds tighter.
 */

export type Precedence = number;

const LEVELS: readonly (readonly string[])[] = [
  ["or"],
  ["and"],
  ["not"],
  ["=", "!=", "<", "<=", ">", ">="],
  ["||"],
  ["+", "-"],
  ["*", "/", "%"],
  ["sign"],
  ["->", "->>"],
  ["primary"],
];

const precedences = new Map<string, Precedence>(
  LEVELS.flatMap((names, level) => names.map((name) => [name, level])),
);

function of(operator: string): Precedence {
  return precedences.get(operator) as Precedence;
}

export const OPERATOR_PRECEDENCE = {
  of,
  /** `||`, where the flat part of the grammar starts. */
  loosest: of("||"),
  comparison: of("="),
  sign: of("sign"),
  arrow: of("->"),
  primary: of("primary"),
} as const;
