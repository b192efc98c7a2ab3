/** Curves over a common axis, one per store. Pure. */

import type { StoreName } from "../job.ts";
import { COLORS, drawing, label, line, polyline, rectangle } from "./svg.ts";

export interface Curve {
  readonly store: StoreName;
  /** Points from left to right. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Axis {
  readonly name: string;
  readonly scale: "linear" | "log";
  /** How a tick is written. */
  readonly text: (value: number) => string;
}

export interface Panel {
  readonly name: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly curves: readonly Curve[];
}

const WIDTH = 720;
const LEFT = 70;
const RIGHT = 24;
const PANEL_HEIGHT = 210;
const PANEL_GAP = 62;
const TOP = 84;
const TICKS = 5;

export function lineChart(title: string, subtitle: string, panels: readonly Panel[]): string {
  const parts = [
    label(16, 24, title, { size: 16, bold: true }),
    label(16, 42, subtitle, { size: 11 }),
  ];
  const stores = new Set(panels.flatMap(({ curves }) => curves.map(({ store }) => store)));
  let x = 16;
  for (const store of stores) {
    parts.push(rectangle(x, 54, 12, 12, COLORS[store]));
    parts.push(label(x + 17, 64, store, { bold: store === "meles" }));
    x += 32 + store.length * 7;
  }
  panels.forEach((panel, index) => {
    parts.push(...drawPanel(panel, TOP + index * (PANEL_HEIGHT + PANEL_GAP)));
  });
  return drawing(WIDTH, TOP + panels.length * (PANEL_HEIGHT + PANEL_GAP), parts);
}

function drawPanel({ name, x, y, curves }: Panel, top: number): string[] {
  const points = curves.flatMap((curve) => curve.points);
  const toX = placing(
    x,
    points.map(([at]) => at),
    LEFT,
    WIDTH - RIGHT,
  );
  const bottom = top + 16 + PANEL_HEIGHT;
  const toY = placing(
    y,
    points.map(([, at]) => at),
    bottom,
    top + 16,
  );
  const parts = [label(16, top + 6, `${name}, ${y.name}`, { bold: true })];
  for (const tick of toY.ticks) {
    parts.push(line(LEFT, toY.at(tick), WIDTH - RIGHT, toY.at(tick)));
    parts.push(label(LEFT - 6, toY.at(tick) + 4, y.text(tick), { size: 11, anchor: "end" }));
  }
  for (const tick of toX.ticks) {
    parts.push(label(toX.at(tick), bottom + 16, x.text(tick), { size: 11, anchor: "middle" }));
  }
  parts.push(label(WIDTH - RIGHT, bottom + 32, x.name, { size: 11, anchor: "end" }));
  for (const { store, points: own } of curves) {
    parts.push(
      polyline(
        own.map(([px, py]) => [toX.at(px), toY.at(py)] as const),
        COLORS[store],
      ),
    );
  }
  return parts;
}

interface Placing {
  readonly ticks: readonly number[];
  at(value: number): number;
}

/** From values to positions. A linear axis starts at 0; a logarithmic one at its least value. */
function placing(axis: Axis, values: readonly number[], from: number, to: number): Placing {
  const greatest = Math.max(...values, axis.scale === "log" ? 2 : 1e-9);
  if (axis.scale === "linear") {
    const step = niceStep(greatest / TICKS);
    const last = Math.ceil(greatest / step - 1e-9) * step;
    const count = Math.round(last / step);
    const ticks = Array.from({ length: count + 1 }, (_, i) => i * step);
    return { ticks, at: (value) => from + (value / last) * (to - from) };
  }
  const least = Math.max(Math.min(...values), 1e-9);
  const span = Math.log(greatest / least) || 1;
  const ticks = [...new Set(values)].toSorted((a, b) => a - b);
  const shown =
    ticks.length <= 10
      ? ticks
      : Array.from({ length: TICKS + 1 }, (_, i) => least * Math.exp((span * i) / TICKS));
  return { ticks: shown, at: (value) => from + (Math.log(value / least) / span) * (to - from) };
}

/** 1, 2 or 5 times a power of ten. */
export function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const digit = rough / power;
  if (digit <= 1) return power;
  if (digit <= 2) return 2 * power;
  return digit <= 5 ? 5 * power : 10 * power;
}
