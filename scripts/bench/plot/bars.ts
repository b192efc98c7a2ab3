/** One group of bars per measure, one bar per store. Every group has a scale of its own. Pure. */

import type { StoreName } from "../job.ts";
import { COLORS, drawing, label, rectangle } from "./svg.ts";

export interface BarGroup {
  readonly name: string;
  /** What the bars count, and which way is better. */
  readonly caption: string;
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly store: StoreName;
  readonly value: number;
  /** As printed behind the bar. */
  readonly text: string;
}

const WIDTH = 720;
const LEFT = 130;
const RIGHT = 90;
const BAR_HEIGHT = 14;
const GAP = 3;
const GROUP_GAP = 16;
const TOP = 56;

export function barChart(title: string, subtitle: string, groups: readonly BarGroup[]): string {
  const parts = [
    label(16, 24, title, { size: 16, bold: true }),
    label(16, 42, subtitle, { size: 11 }),
  ];
  let y = TOP;
  for (const group of groups) {
    y += GROUP_GAP;
    parts.push(label(16, y, group.name, { bold: true }));
    parts.push(label(WIDTH - 16, y, group.caption, { size: 11, anchor: "end" }));
    y += 8;
    const greatest = Math.max(...group.bars.map(({ value }) => value));
    for (const { store, value, text } of group.bars) {
      const width = greatest > 0 ? (value / greatest) * (WIDTH - LEFT - RIGHT) : 0;
      const base = y + BAR_HEIGHT - 3;
      parts.push(label(LEFT - 8, base, store, { anchor: "end", bold: store === "meles" }));
      parts.push(rectangle(LEFT, y, Math.max(1, width), BAR_HEIGHT, COLORS[store]));
      parts.push(label(LEFT + width + 6, base, text, { size: 11 }));
      y += BAR_HEIGHT + GAP;
    }
  }
  return drawing(WIDTH, y + 12, parts);
}
