/**
 * Cuts a script into statements at its semicolons, as DuckDB's lexer would: not inside quotes, dollar quotes or
 * comments. Text behind the last semicolon is `rest`; the shell waits for more of it, a script runs it too.
 */
export interface ScriptParts {
  readonly statements: readonly string[];
  readonly rest: string;
}

export function splitStatements(script: string): ScriptParts {
  const statements: string[] = [];
  let start = 0;
  let at = 0;
  while (at < script.length) {
    if (script[at] === ';') {
      const statement = script.slice(start, at).trim();
      if (!isBlank(statement)) statements.push(statement);
      start = at + 1;
    }
    at = tokenEnd(script, at);
  }
  const rest = script.slice(start).trim();
  return { statements, rest: isBlank(rest) ? '' : rest };
}

/** Whether nothing but white space and comments is there. */
export function isBlank(text: string): boolean {
  for (let at = 0; at < text.length;) {
    const end = tokenEnd(text, at);
    const isComment = text.startsWith('--', at) || text.startsWith('/*', at);
    if (!isComment && text.slice(at, end).trim() !== '') return false;
    at = end;
  }
  return true;
}

/** End of the quoted text, comment or single character that begins at `at`. */
function tokenEnd(text: string, at: number): number {
  const char = text[at];
  if (char === "'" || char === '"') {
    const escapes = char === "'" && /(^|[^\w$])[eE]$/.test(text.slice(Math.max(0, at - 2), at));
    return quoteEnd(text, { at, quote: char, escapes });
  }
  if (text.startsWith('--', at)) return indexOrEnd(text.indexOf('\n', at), text);
  if (text.startsWith('/*', at)) return blockCommentEnd(text, at);
  if (char === '$' && !/[\w$]$/.test(text.slice(Math.max(0, at - 1), at))) {
    const tag = /^\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/.exec(
      text.slice(at, at + 130),
    )?.[0];
    if (tag !== undefined) {
      const end = text.indexOf(tag, at + tag.length);
      return end < 0 ? text.length : end + tag.length;
    }
  }
  return at + 1;
}

function quoteEnd(text: string, token: { at: number; quote: string; escapes: boolean }): number {
  for (let at = token.at + 1; at < text.length; at += 1) {
    if (token.escapes && text[at] === '\\') at += 1;
    else if (text[at] === token.quote) {
      if (text[at + 1] !== token.quote) return at + 1;
      at += 1;
    }
  }
  return text.length;
}

/** PostgreSQL's lexer, which DuckDB uses, nests block comments. */
function blockCommentEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    if (text.startsWith('/*', at)) {
      depth += 1;
      at += 1;
    } else if (text.startsWith('*/', at)) {
      depth -= 1;
      at += 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}

function indexOrEnd(index: number, text: string): number {
  return index < 0 ? text.length : index + 1;
}
