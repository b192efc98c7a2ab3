/** Highlighting: which piece of a text is what, also while it is unfinished or broken. */

import { describe, expect, test } from "bun:test";
import { classify } from "../../grammar/index.ts";

/** `SELECT:keyword key:name`. */
function classified(text: string): string {
  return classify(text)
    .map(({ start, end, class: tokenClass }) => `${text.slice(start, end)}:${tokenClass}`)
    .join(" ");
}

describe("a text is coloured by what the grammar reads", () => {
  test.each([
    ["SELECT key FROM kv", "SELECT:keyword key:name FROM:keyword kv:name"],
    [
      "select count(*), replace(key, 'a', ?) from history",
      "select:keyword count:function (:punctuation *:operator ):punctuation ,:punctuation " +
        "replace:function (:punctuation key:name ,:punctuation 'a':string ,:punctuation " +
        "?:parameter ):punctuation from:keyword history:name",
    ],
    ["COUNT 'a'; HISTORY key", "COUNT:keyword 'a':string ;:punctuation HISTORY:keyword key:name"],
    [
      "IMPORT 'f' KEY key VALUE json TTL ttl",
      "IMPORT:keyword 'f':string KEY:keyword key:name VALUE:keyword json:name TTL:keyword ttl:name",
    ],
    [
      "INSERT INTO kv (key) VALUES (b\"\\x00\", x'00', b64'AA==')",
      "INSERT:keyword INTO:keyword kv:name (:punctuation key:name ):punctuation VALUES:keyword " +
        "(:punctuation b\"\\x00\":bytes ,:punctuation x'00':bytes ,:punctuation b64'AA==':bytes " +
        "):punctuation",
    ],
    [
      "PUT :k -4.2e3 TTL 10s -- soon",
      "PUT:keyword :k:parameter -:operator 4.2e3:number TTL:keyword 10s:number -- soon:comment",
    ],
    [
      '/* a */ SELECT "a b" AS text /* b */ ;',
      '/* a */:comment SELECT:keyword "a b":name AS:keyword text:name /* b */:comment ;:punctuation',
    ],
    ["SELECT NULL, NOT true", "SELECT:keyword NULL:keyword ,:punctuation NOT:keyword true:keyword"],
    [
      "CAST(key AS text)",
      "CAST:keyword (:punctuation key:keyword AS:keyword text:keyword ):punctuation",
    ],
  ])("%s", (text, classes) => {
    expect(classified(text)).toBe(classes);
  });
});

describe("a broken text is coloured too", () => {
  test.each([
    ["SELECT 'abc", "SELECT:keyword 'abc:string"],
    ['SELECT b"abc', 'SELECT:keyword b"abc:bytes'],
    ['SELECT "abc', 'SELECT:keyword "abc:name'],
    ["SELECT /* abc", "SELECT:keyword /* abc:comment"],
    ["SELECT 12abc @", "SELECT:keyword 12abc:error @:error"],
    ["SELECT '\ud800'", "SELECT:keyword '\ud800':error"],
    ["SLECT count(key)", "SLECT:name count:function (:punctuation key:keyword ):punctuation"],
    ["SELECT sum (", "SELECT:keyword sum:function (:punctuation"],
    ["", ""],
  ])("%j", (text, classes) => {
    expect(classified(text)).toBe(classes);
  });

  test("however deep its brackets are", () => {
    const text = `SELECT ${"(".repeat(1000)}`;
    expect(classify(text)).toHaveLength(1001);
  });
});
