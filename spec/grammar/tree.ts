/** Syntax trees for specs: as an indented outline, and without spans. */

/** One line per node: its name in the parent, its kind, its plain fields, the text it spans. */
export function outline(node: object, text: string, name = "", indent = ""): string {
  const plain: string[] = [];
  const inner: string[] = [];
  for (const [key, value] of Object.entries(node)) {
    if (key === "kind" || key === "span") continue;
    if (value instanceof Uint8Array) plain.push(`${key}=${value.toHex()}`);
    else if (Array.isArray(value)) {
      value.forEach((each, i) => inner.push(item(each, text, `${key}[${i}]`, `${indent}  `)));
    } else if (typeof value !== "object" || value === null) {
      plain.push(`${key}=${JSON.stringify(value)}`);
    } else if (key.endsWith("Span")) plain.push(`${key}=${sliced(value, text)}`);
    else inner.push(outline(value, text, key, `${indent}  `));
  }
  const kind = "kind" in node ? String(node.kind) : "";
  const span = "span" in node ? sliced(node.span as object, text) : "";
  const head = [name === "" ? "" : `${name}:`, kind, ...plain, span].filter((part) => part !== "");
  return [indent + head.join(" "), ...inner].join("\n");
}

function item(each: unknown, text: string, name: string, indent: string): string {
  if (!Array.isArray(each)) return outline(each as object, text, name, indent);
  const lines = each.map((one, i) => item(one, text, `[${i}]`, `${indent}  `));
  return [`${indent}${name}:`, ...lines].join("\n");
}

function sliced(span: object, text: string): string {
  const { start, end } = span as { start: number; end: number };
  return `⟨${text.slice(start, end)}⟩`;
}

/** A copy of a tree without the spans in it. */
export function withoutSpans<T>(tree: T): T {
  if (typeof tree !== "object" || tree === null || ArrayBuffer.isView(tree)) return tree;
  if (Array.isArray(tree)) return tree.map((each) => withoutSpans<unknown>(each)) as T;
  const kept = Object.entries(tree).filter(([key]) => key !== "span" && !key.endsWith("Span"));
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutSpans<unknown>(value)])) as T;
}
