/** The formats of `skein sql`. A format gets the columns, then rows as they come, then the end. */
import type { Cell } from './cell.ts';

export interface ResultColumn {
  readonly name: string;
  /** Numbers are aligned to the right in tables. */
  readonly isNumeric: boolean;
}

export type WriteText = (text: string) => Promise<void>;

export interface ResultFormat {
  begin(columns: readonly ResultColumn[]): Promise<void>;
  rows(rows: readonly (readonly Cell[])[]): Promise<void>;
  end(): Promise<void>;
}

export const FORMAT_NAMES = [
  'table',
  'vertical',
  'csv',
  'json',
  'jsonl',
  'markdown',
  'arrow',
] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

export function isFormatName(text: string): text is FormatName {
  return (FORMAT_NAMES as readonly string[]).includes(text);
}
