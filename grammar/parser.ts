/**
 * The grammar, and nothing else: rules without actions, LL(1) throughout, so what a rule accepts can
 * be read off its body. The tree it returns is Chevrotain's and stays inside `grammar/`; `ast-builder.ts`
 * turns it into ours. The same rules drive diagnostics and completion (`walk.ts`) and the printed
 * grammar (`ebnf.ts`).
 *
 * `LABEL` names the part a token or a sub-rule plays; on a `Name` it also says what kind of name.
 */

import { type CstNode, CstParser, type ParserMethod } from "chevrotain";
import {
  Comma,
  ComparisonOperator,
  Equal,
  KEYWORD as K,
  LeftParen,
  LiteralToken,
  Name,
  Operator,
  ParameterToken,
  RightParen,
  Semicolon,
  Sign,
  Star,
  Text,
  vocabulary,
} from "./tokens.ts";

type Rule = ParserMethod<[], CstNode>;

export class MelesParser extends CstParser {
  /** `validate` runs Chevrotain's checks of the grammar itself: for the specs, start-up goes without. */
  constructor(validate = false) {
    super(vocabulary, { maxLookahead: 1, skipValidations: !validate });
    this.performSelfAnalysis();
  }

  readonly script: Rule = this.RULE("script", () => {
    this.OPTION(() => this.SUBRULE(this.statement));
    this.MANY(() => {
      this.CONSUME(Semicolon);
      this.OPTION1(() => this.SUBRULE1(this.statement));
    });
  });

  readonly statement: Rule = this.RULE("statement", () => {
    this.OPTION(() => {
      this.CONSUME(K.EXPLAIN);
      this.OPTION1(() => this.CONSUME(K.ANALYZE));
    });
    this.OR([
      { ALT: () => this.SUBRULE(this.select) },
      { ALT: () => this.SUBRULE(this.insert) },
      { ALT: () => this.SUBRULE(this.update) },
      { ALT: () => this.SUBRULE(this.delete) },
      { ALT: () => this.SUBRULE(this.put) },
      { ALT: () => this.SUBRULE(this.get) },
      { ALT: () => this.SUBRULE(this.del) },
      { ALT: () => this.SUBRULE(this.scan) },
      { ALT: () => this.SUBRULE(this.count) },
      { ALT: () => this.SUBRULE(this.history) },
      { ALT: () => this.SUBRULE(this.watch) },
      { ALT: () => this.SUBRULE(this.begin) },
      { ALT: () => this.CONSUME(K.COMMIT) },
      { ALT: () => this.CONSUME(K.ROLLBACK) },
      { ALT: () => this.SUBRULE(this.import) },
      { ALT: () => this.SUBRULE(this.export) },
      { ALT: () => this.SUBRULE(this.backup) },
      { ALT: () => this.SUBRULE(this.restore) },
      { ALT: () => this.CONSUME(K.FLUSH, { LABEL: "maintenance" }) },
      { ALT: () => this.CONSUME(K.COMPACT, { LABEL: "maintenance" }) },
      { ALT: () => this.CONSUME(K.COLLECT, { LABEL: "maintenance" }) },
      { ALT: () => this.CONSUME(K.VERIFY, { LABEL: "maintenance" }) },
      { ALT: () => this.SUBRULE(this.drop) },
    ]);
  });

  // ------------------------------------------------------------ SQL statements

  readonly select: Rule = this.RULE("select", () => {
    this.CONSUME(K.SELECT);
    this.OPTION(() => this.CONSUME(K.DISTINCT));
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => this.SUBRULE(this.selectColumn) });
    this.OPTION1(() => {
      this.CONSUME(K.FROM);
      this.SUBRULE(this.relation);
    });
    this.OPTION2(() => this.SUBRULE(this.where));
    this.OPTION3(() => {
      this.CONSUME(K.GROUP);
      this.CONSUME(K.BY);
      this.AT_LEAST_ONE_SEP1({
        SEP: Comma,
        DEF: () => this.SUBRULE(this.expression, { LABEL: "groupBy" }),
      });
    });
    this.OPTION4(() => {
      this.CONSUME(K.HAVING);
      this.SUBRULE1(this.expression, { LABEL: "having" });
    });
    this.OPTION5(() => {
      this.CONSUME(K.ORDER);
      this.CONSUME1(K.BY);
      this.AT_LEAST_ONE_SEP2({ SEP: Comma, DEF: () => this.SUBRULE(this.orderTerm) });
    });
    this.OPTION6(() => this.SUBRULE(this.limit));
    this.OPTION7(() => {
      this.CONSUME(K.OFFSET);
      this.SUBRULE2(this.expression, { LABEL: "offset" });
    });
  });

  readonly selectColumn: Rule = this.RULE("selectColumn", () => {
    this.OR([
      { ALT: () => this.CONSUME(Star) },
      {
        ALT: () => {
          this.SUBRULE(this.expression);
          this.OPTION(() => {
            this.CONSUME(K.AS);
            this.CONSUME(Name, { LABEL: "alias" });
          });
        },
      },
    ]);
  });

  readonly relation: Rule = this.RULE("relation", () => {
    this.CONSUME(Name, { LABEL: "relation" });
    this.MANY(() => {
      this.OR([
        { ALT: () => this.SUBRULE(this.prefix) },
        { ALT: () => this.SUBRULE(this.atVersion) },
      ]);
    });
  });

  /** What is written to: the present, all of it or a prefix. */
  readonly target: Rule = this.RULE("target", () => {
    this.CONSUME(Name, { LABEL: "relation" });
    this.OPTION(() => this.SUBRULE(this.prefix));
  });

  readonly prefix: Rule = this.RULE("prefix", () => {
    this.CONSUME(K.PREFIX);
    this.SUBRULE(this.expression);
  });

  readonly atVersion: Rule = this.RULE("atVersion", () => {
    this.CONSUME(K.AT);
    this.CONSUME(K.VERSION);
    this.SUBRULE(this.expression);
  });

  readonly where: Rule = this.RULE("where", () => {
    this.CONSUME(K.WHERE);
    this.SUBRULE(this.expression);
  });

  readonly orderTerm: Rule = this.RULE("orderTerm", () => {
    this.SUBRULE(this.expression);
    this.OPTION(() =>
      this.OR([{ ALT: () => this.CONSUME(K.ASC) }, { ALT: () => this.CONSUME(K.DESC) }]),
    );
  });

  readonly limit: Rule = this.RULE("limit", () => {
    this.CONSUME(K.LIMIT);
    this.SUBRULE(this.expression);
  });

  readonly insert: Rule = this.RULE("insert", () => {
    this.CONSUME(K.INSERT);
    this.CONSUME(K.INTO);
    this.CONSUME(Name, { LABEL: "relation" });
    this.OPTION(() => {
      this.CONSUME(LeftParen);
      this.AT_LEAST_ONE_SEP({
        SEP: Comma,
        DEF: () => this.CONSUME1(Name, { LABEL: "column" }),
      });
      this.CONSUME(RightParen);
    });
    this.OR([
      {
        ALT: () => {
          this.CONSUME(K.VALUES);
          this.AT_LEAST_ONE_SEP1({ SEP: Comma, DEF: () => this.SUBRULE(this.row) });
        },
      },
      { ALT: () => this.SUBRULE(this.select) },
    ]);
    this.OPTION1(() => this.SUBRULE(this.onConflict));
  });

  readonly row: Rule = this.RULE("row", () => {
    this.CONSUME(LeftParen);
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => this.SUBRULE(this.expression) });
    this.CONSUME(RightParen);
  });

  readonly onConflict: Rule = this.RULE("onConflict", () => {
    this.CONSUME(K.ON);
    this.CONSUME(K.CONFLICT);
    this.OPTION(() => this.CONSUME(K.DO));
    this.OR([{ ALT: () => this.CONSUME(K.NOTHING) }, { ALT: () => this.CONSUME(K.REPLACE) }]);
  });

  readonly update: Rule = this.RULE("update", () => {
    this.CONSUME(K.UPDATE);
    this.SUBRULE(this.target);
    this.CONSUME(K.SET);
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => this.SUBRULE(this.assignment) });
    this.OPTION(() => this.SUBRULE(this.where));
  });

  readonly assignment: Rule = this.RULE("assignment", () => {
    this.CONSUME(Name, { LABEL: "column" });
    this.CONSUME(Equal);
    this.SUBRULE(this.expression);
  });

  readonly delete: Rule = this.RULE("delete", () => {
    this.CONSUME(K.DELETE);
    this.CONSUME(K.FROM);
    this.SUBRULE(this.target);
    this.OPTION(() => this.SUBRULE(this.where));
  });

  // ------------------------------------------------------ key-value statements

  readonly put: Rule = this.RULE("put", () => {
    this.CONSUME(K.PUT);
    this.SUBRULE(this.expression, { LABEL: "key" });
    this.SUBRULE1(this.expression, { LABEL: "value" });
    this.MANY(() => {
      this.OR([
        { ALT: () => this.SUBRULE(this.ttl) },
        {
          ALT: () => {
            this.CONSUME(K.META);
            this.SUBRULE2(this.expression, { LABEL: "meta" });
          },
        },
      ]);
    });
  });

  readonly ttl: Rule = this.RULE("ttl", () => {
    this.CONSUME(K.TTL);
    this.SUBRULE(this.expression);
  });

  readonly get: Rule = this.RULE("get", () => {
    this.CONSUME(K.GET);
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => this.SUBRULE(this.expression) });
  });

  readonly del: Rule = this.RULE("del", () => {
    this.CONSUME(K.DEL);
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => this.SUBRULE(this.expression) });
  });

  readonly scan: Rule = this.RULE("scan", () => {
    this.CONSUME(K.SCAN);
    this.OPTION(() => this.SUBRULE(this.expression));
    this.MANY(() => {
      this.OR([{ ALT: () => this.SUBRULE(this.limit) }, { ALT: () => this.CONSUME(K.REVERSE) }]);
    });
  });

  readonly count: Rule = this.RULE("count", () => {
    this.CONSUME(K.COUNT);
    this.OPTION(() => this.SUBRULE(this.expression));
  });

  readonly history: Rule = this.RULE("history", () => {
    this.CONSUME(K.HISTORY);
    this.SUBRULE(this.expression);
  });

  readonly watch: Rule = this.RULE("watch", () => {
    this.CONSUME(K.WATCH);
    this.OPTION(() => this.SUBRULE(this.expression));
  });

  // ------------------------------------------- transactions, files, maintenance

  readonly begin: Rule = this.RULE("begin", () => {
    this.CONSUME(K.BEGIN);
    this.OPTION(() => {
      this.CONSUME(K.READ);
      this.CONSUME(K.ONLY);
    });
    this.OPTION1(() => this.SUBRULE(this.atVersion));
  });

  readonly import: Rule = this.RULE("import", () => {
    this.CONSUME(K.IMPORT);
    this.CONSUME(Text, { LABEL: "path" });
    this.OPTION(() => this.SUBRULE(this.format));
    this.MANY(() => {
      this.OR([
        {
          ALT: () => {
            this.CONSUME(K.KEY);
            this.SUBRULE(this.expression, { LABEL: "key" });
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.VALUE);
            this.SUBRULE1(this.expression, { LABEL: "value" });
          },
        },
        { ALT: () => this.SUBRULE(this.ttl) },
        {
          ALT: () => {
            this.CONSUME(K.SKIP);
            this.CONSUME(K.ERRORS);
          },
        },
      ]);
    });
  });

  readonly export: Rule = this.RULE("export", () => {
    this.CONSUME(K.EXPORT);
    this.SUBRULE(this.select);
    this.CONSUME(K.TO);
    this.CONSUME(Text, { LABEL: "path" });
    this.OPTION(() => this.SUBRULE(this.format));
  });

  readonly format: Rule = this.RULE("format", () => {
    this.CONSUME(K.AS);
    this.OR([
      { ALT: () => this.CONSUME(K.CSV, { LABEL: "format" }) },
      { ALT: () => this.CONSUME(K.TSV, { LABEL: "format" }) },
      { ALT: () => this.CONSUME(K.JSON, { LABEL: "format" }) },
      { ALT: () => this.CONSUME(K.JSONL, { LABEL: "format" }) },
    ]);
  });

  readonly backup: Rule = this.RULE("backup", () => {
    this.CONSUME(K.BACKUP);
    this.CONSUME(K.TO);
    this.CONSUME(Text, { LABEL: "path" });
    this.OPTION(() => {
      this.CONSUME(K.SINCE);
      this.SUBRULE(this.expression);
    });
  });

  readonly restore: Rule = this.RULE("restore", () => {
    this.CONSUME(K.RESTORE);
    this.CONSUME(K.FROM);
    this.CONSUME(Text, { LABEL: "path" });
  });

  readonly drop: Rule = this.RULE("drop", () => {
    this.CONSUME(K.DROP);
    this.OR([{ ALT: () => this.SUBRULE(this.prefix) }, { ALT: () => this.CONSUME(K.ALL) }]);
  });

  // --------------------------------------------------------------- expressions

  readonly expression: Rule = this.RULE("expression", () => {
    this.AT_LEAST_ONE_SEP({ SEP: K.OR, DEF: () => this.SUBRULE(this.conjunction) });
  });

  readonly conjunction: Rule = this.RULE("conjunction", () => {
    this.AT_LEAST_ONE_SEP({ SEP: K.AND, DEF: () => this.SUBRULE(this.predicate) });
  });

  /** Comparisons do not chain: `a < b < c` is a mistake, not a comparison of a boolean. */
  readonly predicate: Rule = this.RULE("predicate", () => {
    this.MANY(() => this.CONSUME(K.NOT));
    this.SUBRULE(this.operation);
    this.OPTION(() => {
      this.OR([
        {
          ALT: () => {
            this.CONSUME(ComparisonOperator);
            this.SUBRULE1(this.operation);
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.IS);
            this.OPTION1(() => this.CONSUME1(K.NOT, { LABEL: "negated" }));
            this.CONSUME(K.NULL);
          },
        },
        {
          ALT: () => {
            this.OPTION2(() => this.CONSUME2(K.NOT, { LABEL: "negated" }));
            this.SUBRULE(this.test);
          },
        },
      ]);
    });
  });

  /** The comparisons that NOT may stand before: `key NOT IN (…)`. */
  readonly test: Rule = this.RULE("test", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(K.BETWEEN);
          this.SUBRULE(this.operation);
          this.CONSUME(K.AND);
          this.SUBRULE1(this.operation);
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.IN);
          this.SUBRULE(this.row);
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.LIKE);
          this.SUBRULE2(this.operation);
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.STARTS);
          this.CONSUME(K.WITH);
          this.SUBRULE3(this.operation);
        },
      },
    ]);
  });

  /** Flat: the builder applies the precedence of `OPERATOR_PRECEDENCE`, loosest `||`, tightest `->`. */
  readonly operation: Rule = this.RULE("operation", () => {
    this.SUBRULE(this.operand);
    this.MANY(() => {
      this.CONSUME(Operator);
      this.SUBRULE1(this.operand);
    });
  });

  readonly operand: Rule = this.RULE("operand", () => {
    this.MANY(() => this.CONSUME(Sign));
    this.OR([
      { ALT: () => this.CONSUME(LiteralToken) },
      { ALT: () => this.CONSUME(ParameterToken) },
      {
        ALT: () => {
          this.CONSUME(Name, { LABEL: "name" });
          this.OPTION(() => this.SUBRULE(this.callArguments));
        },
      },
      {
        ALT: () => {
          this.CONSUME(LeftParen);
          this.SUBRULE(this.expression);
          this.CONSUME(RightParen);
        },
      },
      { ALT: () => this.SUBRULE(this.case) },
      { ALT: () => this.SUBRULE(this.cast) },
    ]);
  });

  readonly callArguments: Rule = this.RULE("callArguments", () => {
    this.CONSUME(LeftParen);
    this.OPTION(() => {
      this.OR([
        { ALT: () => this.CONSUME(Star) },
        {
          ALT: () => {
            this.OPTION1(() => this.CONSUME(K.DISTINCT));
            this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => this.SUBRULE(this.expression) });
          },
        },
      ]);
    });
    this.CONSUME(RightParen);
  });

  readonly case: Rule = this.RULE("case", () => {
    this.CONSUME(K.CASE);
    this.OPTION(() => this.SUBRULE(this.expression, { LABEL: "operand" }));
    this.AT_LEAST_ONE(() => {
      this.CONSUME(K.WHEN);
      this.SUBRULE1(this.expression, { LABEL: "when" });
      this.CONSUME(K.THEN);
      this.SUBRULE2(this.expression, { LABEL: "then" });
    });
    this.OPTION1(() => {
      this.CONSUME(K.ELSE);
      this.SUBRULE3(this.expression, { LABEL: "otherwise" });
    });
    this.CONSUME(K.END);
  });

  readonly cast: Rule = this.RULE("cast", () => {
    this.CONSUME(K.CAST);
    this.CONSUME(LeftParen);
    this.SUBRULE(this.expression);
    this.CONSUME(K.AS);
    this.OR([
      { ALT: () => this.CONSUME(K.TEXT, { LABEL: "type" }) },
      { ALT: () => this.CONSUME(K.BYTES, { LABEL: "type" }) },
      { ALT: () => this.CONSUME(K.INTEGER, { LABEL: "type" }) },
      { ALT: () => this.CONSUME(K.REAL, { LABEL: "type" }) },
      { ALT: () => this.CONSUME(K.JSON, { LABEL: "type" }) },
    ]);
    this.CONSUME(RightParen);
  });
}

let instance: MelesParser | undefined;

/** The one parser, built on first use. */
export function parser(): MelesParser {
  instance ??= new MelesParser();
  return instance;
}
