import { type Cell, cellJson, cellText } from './cell.ts';
import { displayWidth, shownLine, shownLines } from './display-text.ts';
import type { FormatName, ResultColumn, ResultFormat, WriteText } from './result-format.ts';
import { TableFormat } from './table-format.ts';

/** Every format but `arrow`, which passes bytes through and never sees cells. */
export function textFormat(name: Exclude<FormatName, 'arrow'>, write: WriteText): ResultFormat {
  switch (name) {
    case 'table':
      return new TableFormat(write, 'box');
    case 'markdown':
      return new TableFormat(write, 'markdown');
    case 'vertical':
      return new VerticalFormat(write);
    case 'csv':
      return new CsvFormat(write);
    case 'json':
      return new JsonFormat(write);
    case 'jsonl':
      return new JsonLinesFormat(write);
  }
}

/** As DuckDB writes it (RFC 4180 with a header line): NULL is empty, an empty text is quoted. */
class CsvFormat implements ResultFormat {
  readonly #write: WriteText;

  constructor(write: WriteText) {
    this.#write = write;
  }

  async begin(columns: readonly ResultColumn[]): Promise<void> {
    await this.#write(`${columns.map((column) => csvField(column.name)).join(',')}\n`);
  }

  async rows(rows: readonly (readonly Cell[])[]): Promise<void> {
    const lines = rows.map((row) =>
      row.map((cell) => (cell.kind === 'null' ? '' : csvField(cellText(cell)))).join(','),
    );
    if (lines.length > 0) await this.#write(`${lines.join('\n')}\n`);
  }

  async end(): Promise<void> {}
}

function csvField(text: string): string {
  // DuckDB reads lines that begin with # as comments.
  return text === '' || /[",\r\n#]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One object a line. */
class JsonLinesFormat implements ResultFormat {
  readonly #write: WriteText;
  #names: readonly string[] = [];

  constructor(write: WriteText) {
    this.#write = write;
  }

  async begin(columns: readonly ResultColumn[]): Promise<void> {
    this.#names = jsonNames(columns);
  }

  async rows(rows: readonly (readonly Cell[])[]): Promise<void> {
    if (rows.length > 0)
      await this.#write(`${rows.map((row) => jsonObject(this.#names, row)).join('\n')}\n`);
  }

  async end(): Promise<void> {}
}

/** One array of objects. */
class JsonFormat implements ResultFormat {
  readonly #write: WriteText;
  #names: readonly string[] = [];
  #separator = '\n';

  constructor(write: WriteText) {
    this.#write = write;
  }

  async begin(columns: readonly ResultColumn[]): Promise<void> {
    this.#names = jsonNames(columns);
    await this.#write('[');
  }

  async rows(rows: readonly (readonly Cell[])[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#write(
      this.#separator + rows.map((row) => jsonObject(this.#names, row)).join(',\n'),
    );
    this.#separator = ',\n';
  }

  async end(): Promise<void> {
    await this.#write('\n]\n');
  }
}

/** Names in an object must differ: a second `a` is `a_1`, as DuckDB renames it. */
function jsonNames(columns: readonly ResultColumn[]): readonly string[] {
  const names = new Set<string>();
  for (const { name } of columns) {
    let unique = name;
    for (let count = 1; names.has(unique); count += 1) unique = `${name}_${count}`;
    names.add(unique);
  }
  return [...names].map((name) => JSON.stringify(name));
}

function jsonObject(names: readonly string[], row: readonly Cell[]): string {
  return `{${row.map((cell, i) => `${names[i]}:${cellJson(cell)}`).join(',')}}`;
}

/** One line a column, or more where the value has more, as psql's \x shows it. */
class VerticalFormat implements ResultFormat {
  readonly #write: WriteText;
  #names: readonly string[] = [];
  #indent = '';
  #rowCount = 0;

  constructor(write: WriteText) {
    this.#write = write;
  }

  async begin(columns: readonly ResultColumn[]): Promise<void> {
    const names = columns.map((column) => shownLine(column.name));
    const width = Math.max(0, ...names.map(displayWidth));
    this.#names = names.map((name) => name + ' '.repeat(width - displayWidth(name)));
    this.#indent = ' '.repeat(width);
  }

  async rows(rows: readonly (readonly Cell[])[]): Promise<void> {
    const texts = rows.map((row) => {
      this.#rowCount += 1;
      const lines = row.map((cell, i) => {
        const value = shownLines(cellText(cell)).join(`\n${this.#indent} | `);
        return `${this.#names[i]} | ${value}\n`;
      });
      return `-[ ROW ${this.#rowCount} ]-\n${lines.join('')}`;
    });
    if (texts.length > 0) await this.#write(texts.join(''));
  }

  async end(): Promise<void> {
    if (this.#rowCount === 0) await this.#write('(0 rows)\n');
  }
}
