import { displayWidth } from '../format/display-text.ts';
import { toErrorReport } from '../../common/error.ts';

/** `CODE: message`, and where the error has a position: the line of the statement with a caret under it. */
export function errorText(error: unknown, sql: string): string {
  const report = toErrorReport(error);
  const head = `${report.code}: ${report.message}`;
  return report.position === undefined ? head : `${head}\n${caretText(sql, report.position)}`;
}

/** `position`: offset in bytes of UTF-8. */
function caretText(sql: string, position: number): string {
  const before = Buffer.from(sql, 'utf8').subarray(0, position).toString('utf8');
  const lineStart = before.lastIndexOf('\n') + 1;
  const lineEnd = sql.indexOf('\n', before.length);
  const line = sql.slice(lineStart, lineEnd < 0 ? sql.length : lineEnd);
  const lineNumber = before.split('\n').length;
  const prefix = `LINE ${lineNumber}: `;
  // Tabs stay tabs, so that the caret stands under its character whatever their width.
  const indent = before
    .slice(lineStart)
    .replaceAll(/[^\t]+/g, (text) => ' '.repeat(displayWidth(text)));
  return `${prefix}${line}\n${' '.repeat(prefix.length)}${indent}^`;
}
