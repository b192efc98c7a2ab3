/** The grammar as railroad diagrams: one HTML text that names its scripts and style sheet by path. */

import { createSyntaxDiagramsCode } from "chevrotain";
import { parser } from "./parser.ts";

/** Every `src` and `href` in it lies below `resourceBase`, in Chevrotain's `diagrams` folder. */
export function toDiagramHtml(resourceBase: string): string {
  const grammar = parser().getSerializedGastProductions();
  return createSyntaxDiagramsCode(grammar, { resourceBase, css: `${resourceBase}diagrams.css` });
}
