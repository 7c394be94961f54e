/** What only reads; anything else may be a statement that the session remembers. */
const READING_WORDS: ReadonlySet<string> = new Set([
  'SELECT',
  'WITH',
  'FROM',
  'VALUES',
  'TABLE',
  'EXPLAIN',
  'DESCRIBE',
  'DESC',
  'SHOW',
  'SUMMARIZE',
  'PIVOT',
  'UNPIVOT',
  'EXECUTE',
]);

/** White space, comments, brackets and empty statements before the first word, and that word. */
const FIRST_WORD = /^(?:\s|--[^\n\r]*(?:[\n\r]|$)|\/\*[\s\S]*?\*\/|[;(])*([A-Za-z_]*)/;

/**
 * Whether the statement may change its session, by its first word; "yes" is always safe. What the statement is the
 * planner decides: this only tells whether the answer to its submission has to wait for that.
 */
export function mayChangeSession(sql: string): boolean {
  return !READING_WORDS.has(firstWord(sql));
}

/** The word that a statement begins with, in capitals; empty = it begins with none. */
export function firstWord(sql: string): string {
  return (FIRST_WORD.exec(sql)?.[1] ?? '').toUpperCase();
}
