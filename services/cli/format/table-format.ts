import { type Cell, cellText } from './cell.ts';
import type { ResultColumn, ResultFormat, WriteText } from './result-format.ts';

/** Rows that decide the column widths; later ones are written at once, cut to no width. */
const SAMPLED_ROWS = 5000;

/**
 * Aligned tables. Widths come from the first rows, so that memory stays bounded and long results appear before
 * they end; a wider value further down pushes its line to the right and loses nothing.
 */
export class TableFormat implements ResultFormat {
  readonly #write: WriteText;
  readonly #style: 'box' | 'markdown';
  #columns: readonly ResultColumn[] = [];
  #widths: readonly number[] | undefined;
  #sample: (readonly string[])[] = [];
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
    const texts = rows.map((row) => row.map((cell) => this.#escape(cellText(cell))));
    if (this.#widths !== undefined) return await this.#writeLines(texts);
    this.#sample.push(...texts);
    if (this.#sample.length >= SAMPLED_ROWS) await this.#writeHead();
  }

  async end(): Promise<void> {
    await this.#writeHead();
    if (this.#style === 'markdown') return;
    await this.#write(
      `${this.#rule('└', '┴', '┘')}\n(${this.#rowCount} row${this.#rowCount === 1 ? '' : 's'})\n`,
    );
  }

  /** A line break inside a cell would break the table. */
  #escape(text: string): string {
    const oneLine = text.replaceAll('\r', '\\r').replaceAll('\n', '\\n');
    return this.#style === 'markdown' ? oneLine.replaceAll('|', '\\|') : oneLine;
  }

  async #writeHead(): Promise<void> {
    if (this.#widths !== undefined) return;
    const names = this.#columns.map((column) => this.#escape(column.name));
    this.#widths = names.map((name, i) =>
      this.#sample.reduce(
        (width, row) => Math.max(width, displayWidth(row[i] ?? '')),
        displayWidth(name),
      ),
    );
    const top = this.#style === 'box' ? `${this.#rule('┌', '┬', '┐')}\n` : '';
    await this.#write(`${top}${this.#line(names)}\n${this.#headRule()}\n`);
    const sample = this.#sample;
    this.#sample = [];
    await this.#writeLines(sample);
  }

  async #writeLines(rows: readonly (readonly string[])[]): Promise<void> {
    if (rows.length > 0) await this.#write(`${rows.map((row) => this.#line(row)).join('\n')}\n`);
  }

  #line(texts: readonly string[]): string {
    const bar = this.#style === 'box' ? '│' : '|';
    const cells = texts.map((text, i) => {
      const space = ' '.repeat(Math.max(0, (this.#widths?.[i] ?? 0) - displayWidth(text)));
      return this.#columns[i]?.isNumeric === true ? ` ${space}${text} ` : ` ${text}${space} `;
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

/** Columns on a terminal: wide East Asian characters and emoji take two, combining marks none. */
export function displayWidth(text: string): number {
  // eslint-disable-next-line no-control-regex -- the range is all of ASCII
  if (/^[\x00-\x7f]*$/.test(text)) return text.length;
  let width = 0;
  for (const char of text) {
    if (/\p{Mark}|\u200d|\ufe0f/u.test(char)) continue;
    width +=
      /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(
        char,
      )
        ? 2
        : 1;
  }
  return width;
}
