/** Drawing by text: the few shapes that the plots need. Pure. */

import type { StoreName } from "../job.ts";

/** Readable on white and on black; Meles stands out. */
export const COLORS: Readonly<Record<StoreName, string>> = {
  meles: "#d9480f",
  lmdb: "#1c7ed6",
  "classic-level": "#2f9e44",
  "bun:sqlite": "#9c36b5",
  badger: "#0c8599",
  "badger-defaults": "#74b816",
  rocksdb: "#e0a800",
};

const FONT = "system-ui, sans-serif";
const INK = "#7a828a";

export function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

export interface TextStyle {
  readonly size?: number;
  readonly anchor?: "start" | "middle" | "end";
  readonly bold?: boolean;
}

export function label(x: number, y: number, text: string, style: TextStyle = {}): string {
  const { size = 12, anchor = "start", bold = false } = style;
  const weight = bold ? ' font-weight="600"' : "";
  const place = `x="${round(x)}" y="${round(y)}" font-size="${size}" text-anchor="${anchor}"${weight}`;
  return `<text ${place} fill="${INK}">${escapeText(text)}</text>`;
}

export function rectangle(
  x: number,
  y: number,
  width: number,
  height: number,
  fill: string,
): string {
  const size = `width="${round(width)}" height="${round(height)}"`;
  return `<rect x="${round(x)}" y="${round(y)}" ${size} fill="${fill}"/>`;
}

export function line(x1: number, y1: number, x2: number, y2: number): string {
  const ends = `x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"`;
  return `<line ${ends} stroke="${INK}" stroke-opacity="0.35"/>`;
}

export function polyline(points: readonly (readonly [number, number])[], stroke: string): string {
  const text = points.map(([x, y]) => `${round(x)},${round(y)}`).join(" ");
  return `<polyline points="${text}" fill="none" stroke="${stroke}" stroke-width="2"/>`;
}

export function drawing(width: number, height: number, parts: readonly string[]): string {
  const open =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${Math.ceil(height)}" ` +
    `viewBox="0 0 ${width} ${Math.ceil(height)}" font-family="${FONT}">`;
  return `${[open, ...parts, "</svg>"].join("\n")}\n`;
}

function round(x: number): number {
  return Math.round(x * 100) / 100;
}
