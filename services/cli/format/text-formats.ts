import { type Cell, cellJson, cellText } from './cell.ts';
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

/** RFC 4180 with a header line; NULL is empty, an empty text is quoted. */
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
  return text === '' || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One object a line. */
class JsonLinesFormat implements ResultFormat {
  readonly #write: WriteText;
  #names: readonly string[] = [];

  constructor(write: WriteText) {
    this.#write = write;
  }

  async begin(columns: readonly ResultColumn[]): Promise<void> {
    this.#names = columns.map((column) => JSON.stringify(column.name));
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
    this.#names = columns.map((column) => JSON.stringify(column.name));
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

function jsonObject(names: readonly string[], row: readonly Cell[]): string {
  return `{${row.map((cell, i) => `${names[i]}:${cellJson(cell)}`).join(',')}}`;
}

/** One line a column, as psql's \x shows it. */
class VerticalFormat implements ResultFormat {
  readonly #write: WriteText;
  #names: readonly string[] = [];
  #rowCount = 0;

  constructor(write: WriteText) {
    this.#write = write;
  }

  async begin(columns: readonly ResultColumn[]): Promise<void> {
    const width = Math.max(0, ...columns.map((column) => column.name.length));
    this.#names = columns.map((column) => column.name.padEnd(width));
  }

  async rows(rows: readonly (readonly Cell[])[]): Promise<void> {
    for (const row of rows) {
      this.#rowCount += 1;
      const lines = row.map((cell, i) => `${this.#names[i]} | ${cellText(cell)}`);
      await this.#write(`-[ ROW ${this.#rowCount} ]-\n${lines.join('\n')}\n`);
    }
  }

  async end(): Promise<void> {
    if (this.#rowCount === 0) await this.#write('(0 rows)\n');
  }
}
