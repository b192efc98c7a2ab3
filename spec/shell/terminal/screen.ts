/**
 * A tiny terminal for specs: understands exactly what the repaint module writes (text, CR, LF, cursor
 * up, down and right, clear to end of screen, clear screen, private modes) and fails on anything else.
 */

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

export class FakeScreen {
  columns: number;
  readonly rows: number;
  cells: string[][] = [[]];
  row = 0;
  column = 0;
  /** A full line wraps only when the next character comes. */
  #wrapPending = false;

  constructor(columns: number, rows = 1000) {
    this.columns = columns;
    this.rows = rows;
  }

  write(data: string): void {
    let rest = data;
    while (rest !== "") {
      // oxlint-disable-next-line no-control-regex
      const escape = /^\x1b\[(\??)(\d*)([A-Za-z])/.exec(rest);
      if (escape !== null) {
        rest = rest.slice(escape[0].length);
        this.#control(escape[1] === "?", Number(escape[2] || "1"), escape[3] ?? "");
        continue;
      }
      const [first] = segmenter.segment(rest);
      const character = first?.segment ?? "";
      rest = rest.slice(character.length);
      if (character === "\r\n") {
        this.#put("\r");
        this.#put("\n");
      } else {
        this.#put(character);
      }
    }
  }

  text(): string {
    return this.cells
      .map((line) => line.join("").trimEnd())
      .join("\n")
      .trimEnd();
  }

  #put(character: string): void {
    if (character === "\r") {
      this.column = 0;
      this.#wrapPending = false;
    } else if (character === "\n") {
      this.#down();
    } else if (/^\p{Cc}/u.test(character)) {
      throw new Error(`control character ${JSON.stringify(character)} on the screen`);
    } else {
      const width = Bun.stringWidth(character);
      if (this.#wrapPending || this.column + width > this.columns) {
        throw new Error("the terminal itself would have to wrap a line");
      }
      const line = this.#line();
      while (line.length < this.column) line.push(" ");
      line[this.column] = character;
      for (let i = 1; i < width; i++) line[this.column + i] = "";
      this.column += width;
      if (this.column === this.columns) this.#wrapPending = true;
    }
  }

  #control(isPrivate: boolean, count: number, final: string): void {
    if (isPrivate || final === "m") return;
    this.#wrapPending = false;
    if (final === "A") this.row = Math.max(0, this.row - count);
    else if (final === "B") this.row += count;
    else if (final === "C") this.column = Math.min(this.columns - 1, this.column + count);
    else if (final === "J") {
      this.#line().length = Math.min(this.#line().length, this.column);
      this.cells.length = this.row + 1;
    } else throw new Error(`unknown control sequence ${final}`);
  }

  #down(): void {
    this.row++;
    this.#line();
  }

  #line(): string[] {
    while (this.cells.length <= this.row) this.cells.push([]);
    return this.cells[this.row] as string[];
  }
}
