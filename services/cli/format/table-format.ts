import { type Cell, cellText } from './cell.ts';
import { displayWidth, shownLines } from './display-text.ts';
import type { ResultColumn, ResultFormat, WriteText } from './result-format.ts';

/** Rows that decide the column widths, and how many characters of them at most. */
const SAMPLED_ROWS = 5000;
const SAMPLED_CHARACTERS = 4 * 1024 * 1024;
/** One long text must not pad every other row of its column. */
const MAX_PADDED_WIDTH = 200;

/** The lines of each cell of a row. */
type TableRow = readonly (readonly string[])[];

/**
 * Aligned tables. Widths come from the first rows, so that memory stays bounded and long results appear before
 * they end; a wider value pushes its line to the right and loses nothing. Line breaks stay line breaks: as in
 * psql, a + stands behind a line that the next one continues.
 */
export class TableFormat implements ResultFormat {
  readonly #write: WriteText;
  readonly #style: 'box' | 'markdown';
  #columns: readonly ResultColumn[] = [];
  #widths: readonly number[] | undefined;
  #sample: TableRow[] = [];
  #sampledCharacters = 0;
  #rowCount = 0;

  constructor(write: WriteText, style: 'box' | 'markdown') {
    this.#write = write;
    this.#style = style;
  }

  async begin(columns: readonly ResultColumn[]): Promise<void> {
    this.#columns = columns;
  }

  async rows(rows: readonly (readonly Cell[])[]): Promise<void> {
    this.#rowCount += rows.length;
    const texts = rows.map((row) => row.map((cell) => this.#cellLines(cellText(cell))));
    if (this.#widths !== undefined) return await this.#writeRows(texts);
    for (const row of texts) {
      this.#sample.push(row);
      for (const lines of row) this.#sampledCharacters += sum(lines.map((line) => line.length));
    }
    const isSampled =
      this.#sample.length >= SAMPLED_ROWS || this.#sampledCharacters >= SAMPLED_CHARACTERS;
    if (isSampled) await this.#writeHead();
  }

  async end(): Promise<void> {
    await this.#writeHead();
    if (this.#style === 'markdown') return;
    await this.#write(
      `${this.#rule('└', '┴', '┘')}\n(${this.#rowCount} row${this.#rowCount === 1 ? '' : 's'})\n`,
    );
  }

  #cellLines(text: string): readonly string[] {
    const lines = shownLines(text);
    if (this.#style === 'box') return lines;
    return [lines.join('<br>').replaceAll('|', '\\|')];
  }

  async #writeHead(): Promise<void> {
    if (this.#widths !== undefined) return;
    const names = this.#columns.map((column) => this.#cellLines(column.name));
    const rows = [names, ...this.#sample];
    this.#widths = names.map((_, i) => {
      const widest = rows.reduce(
        (width, row) => Math.max(width, ...(row[i] ?? []).map(displayWidth)),
        0,
      );
      return Math.min(widest, MAX_PADDED_WIDTH);
    });
    const top = this.#style === 'box' ? `${this.#rule('┌', '┬', '┐')}\n` : '';
    await this.#write(`${top}${this.#rowText(names)}\n${this.#headRule()}\n`);
    const sample = this.#sample;
    this.#sample = [];
    await this.#writeRows(sample);
  }

  async #writeRows(rows: readonly TableRow[]): Promise<void> {
    if (rows.length > 0) await this.#write(`${rows.map((row) => this.#rowText(row)).join('\n')}\n`);
  }

  #rowText(row: TableRow): string {
    const height = Math.max(1, ...row.map((lines) => lines.length));
    return Array.from({ length: height }, (_, line) => this.#lineText(row, line)).join('\n');
  }

  #lineText(row: TableRow, line: number): string {
    const bar = this.#style === 'box' ? '│' : '|';
    const cells = row.map((lines, i) => {
      const text = lines[line] ?? '';
      const space = ' '.repeat(Math.max(0, (this.#widths?.[i] ?? 0) - displayWidth(text)));
      const end = line < lines.length - 1 ? '+' : ' ';
      return this.#columns[i]?.isNumeric === true
        ? ` ${space}${text}${end}`
        : ` ${text}${space}${end}`;
    });
    return bar + cells.join(bar) + bar;
  }

  #rule(left: string, middle: string, right: string): string {
    return left + (this.#widths ?? []).map((width) => '─'.repeat(width + 2)).join(middle) + right;
  }

  #headRule(): string {
    if (this.#style === 'box') return this.#rule('├', '┼', '┤');
    const marks = (this.#widths ?? []).map((width, i) =>
      this.#columns[i]?.isNumeric === true ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2),
    );
    return `|${marks.join('|')}|`;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
