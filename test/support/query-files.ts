import { readFileSync } from 'node:fs';

/** The statements of a file below test/sql, each ended by `;` at the end of a line; comment lines are left out. */
export function readQueries(path: string): readonly string[] {
  const text = readFileSync(new URL(`../sql/${path}`, import.meta.url), 'utf8');
  return text
    .replaceAll(/^--.*\n/gm, '')
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}
