/**
 * The file of statements that once differed. A search adds to it what it finds; the tests run what it has. Each
 * statement ends with `;` at the end of a line; a comment line in front of it, which is JSON, has the options under
 * which it differed, and the seed.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { QueryOptions } from './fuzz-oracle.ts';
import type { Finding } from './fuzz-run.ts';

export interface KeptStatement {
  readonly sql: string;
  /** Undefined: it differed under many. */
  readonly options: QueryOptions | undefined;
}

export function readKept(file: string): readonly KeptStatement[] {
  return readFileSync(file, 'utf8')
    .split(/;\n/)
    .map((block) => {
      const lines = block.trim().split('\n');
      const comments = lines.filter((line) => line.startsWith('--'));
      const sql = lines.filter((line) => !line.startsWith('--')).join('\n');
      const json = comments.map((line) => line.slice(2).trim()).find((line) => line[0] === '{');
      const header = json === undefined ? undefined : (JSON.parse(json) as Header);
      return { sql: sql.trim(), options: header?.options };
    })
    .filter(({ sql }) => sql !== '');
}

interface Header {
  readonly seed: number;
  readonly options: QueryOptions;
}

/** Adds the statement to the file, unless it is there already. Answers whether it was not. */
export function keep(file: string, { seed, outcome, options, sql }: Finding): boolean {
  const kept = existsSync(file) ? readKept(file) : [];
  if (kept.some((statement) => statement.sql === sql)) return false;
  const what = 'what' in outcome ? `: ${outcome.what.replaceAll('\n', ' ')}` : '';
  const header: Header = { seed, options };
  const lines = [`-- ${outcome.kind}${what}`, `-- ${JSON.stringify(header)}`, `${sql};`];
  appendFileSync(file, `\n${lines.join('\n')}\n`);
  return true;
}
