import { EngineError } from '../../common/error.ts';
import { isJsonArray, isJsonObject, type Json } from '../import/json-reader.ts';
import { selectKind, type SelectKind } from '../import/parsed-statement.ts';
import { type Explain } from '../planning/ports.ts';
import { serializedError, serializedToEngineError } from './serialized-error.ts';

/** DuckDB's parser, which decides what a text is. */
export interface StatementParser {
  parse(sql: string): Promise<Json>;
  countStatements(sql: string): Promise<number>;
}

export interface ClassifiedStatement {
  /** The SELECT's text, at its place in the whole text, so that positions of errors hold. */
  readonly sql: string;
  readonly explain: Explain | undefined;
  readonly select: Exclude<SelectKind, { kind: 'other-show' }>;
  /** The document that `json_serialize_sql` gave: one statement. */
  readonly document: Json;
}

/** A text longer than this is not parsed. */
const MAX_STATEMENT_BYTES = 4 * 1024 * 1024;
/** White space and comments before the first word, and that word. */
const FIRST_WORD = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/|;)*([A-Za-z_]*)/;
/** `(option [value], …)` */
const OPTIONS = /^\s*\(\s*([A-Za-z]+(?:\s+\w+)?(?:\s*,\s*[A-Za-z]+(?:\s+\w+)?)*)\s*\)/;

/**
 * Exactly one statement of a kind that is answered: SELECT in all its forms, EXPLAIN of one, SHOW TABLES,
 * DESCRIBE.
 * @throws EngineError SYNTAX_ERROR, EMPTY_STATEMENT, MULTIPLE_STATEMENTS, STATEMENT_NOT_SUPPORTED,
 * STATEMENT_TOO_LARGE
 */
export async function classifyStatement(
  sql: string,
  parser: StatementParser,
): Promise<ClassifiedStatement> {
  if (Buffer.byteLength(sql) > MAX_STATEMENT_BYTES) {
    throw new EngineError(
      'STATEMENT_TOO_LARGE',
      `a statement has at most ${MAX_STATEMENT_BYTES} bytes`,
    );
  }
  const zero = sql.indexOf('\0');
  if (zero >= 0) {
    const position = Buffer.byteLength(sql.slice(0, zero));
    throw new EngineError('SYNTAX_ERROR', 'a statement holds no zero byte', { position });
  }
  const document = await parser.parse(sql);
  const error = serializedError(document);
  if (error === undefined) return classifySelect({ sql, document, explain: undefined });
  if (error.type !== 'not implemented') throw serializedToEngineError(error);
  return await classifyOther(sql, parser);
}

/** The parser knows the text, and it is not one SELECT. */
async function classifyOther(sql: string, parser: StatementParser): Promise<ClassifiedStatement> {
  const match = FIRST_WORD.exec(sql);
  const word = (match?.[1] ?? '').toUpperCase();
  const end = match?.[0].length ?? 0;
  if (word === 'EXPLAIN') return await classifyExplained(sql, end, parser);
  if (await hasSeveral(sql, word, parser)) throw multipleStatements();
  throw notSupported(word);
}

/** DuckDB takes a PIVOT without given values, and some PRAGMAs, apart into statements of their own. */
async function hasSeveral(sql: string, word: string, parser: StatementParser): Promise<boolean> {
  if (['PIVOT', 'UNPIVOT', 'PRAGMA', 'IMPORT'].includes(word)) return false;
  return (await parser.countStatements(sql)) > 1;
}

/** `end`: where the word EXPLAIN ends. */
async function classifyExplained(
  sql: string,
  end: number,
  parser: StatementParser,
): Promise<ClassifiedStatement> {
  const plain = { explain: { isAnalyzed: false, format: 'text' }, end } as const;
  const clause = readAnalyze(sql, end) ?? plain;
  let { explain } = clause;
  let text = blankUntil(sql, clause.end);
  let document = await parser.parse(text);
  let error = serializedError(document);
  const options = error === undefined ? undefined : readOptions(sql, end);
  if (options !== undefined) {
    // A parenthesis may also begin the query itself.
    text = blankUntil(sql, options.end);
    document = await parser.parse(text);
    error = serializedError(document);
    explain = options.explain;
  }
  if (error?.type === 'not implemented') throw notSupported(`EXPLAIN ${wordAt(text, clause.end)}`);
  if (error !== undefined) throw serializedToEngineError(error);
  const statement = classifySelect({ sql: text, document, explain });
  if (statement.select.kind !== 'query') {
    throw notSupported(`EXPLAIN ${wordAt(text, clause.end)}`);
  }
  return statement;
}

interface ExplainClause {
  readonly explain: Explain;
  readonly end: number;
}

/** The word ANALYZE, if it comes next. */
function readAnalyze(sql: string, from: number): ExplainClause | undefined {
  if (!/^ANALY[SZ]E$/.test(wordAt(sql, from))) return undefined;
  const end = from + (FIRST_WORD.exec(sql.slice(from))?.[0].length ?? 0);
  return { explain: { isAnalyzed: true, format: 'text' }, end };
}

/**
 * Options in parentheses, as DuckDB takes them: a repeated one counts as its last, a value of ANALYZE does not count.
 * @throws EngineError STATEMENT_NOT_SUPPORTED for an option or a format that has no answer here
 */
function readOptions(sql: string, from: number): ExplainClause | undefined {
  const match = OPTIONS.exec(sql.slice(from));
  if (match === null) return undefined;
  let explain: Explain = { isAnalyzed: false, format: 'text' };
  for (const option of (match[1] ?? '').split(',')) {
    const [name = '', value = ''] = option.trim().toLowerCase().split(/\s+/);
    if (/^analy[sz]e$/.test(name)) explain = { ...explain, isAnalyzed: true };
    else if (name === 'format' && (value === 'text' || value === 'json')) {
      explain = { ...explain, format: value };
    } else throw notSupported(`EXPLAIN (${option.trim().toUpperCase()})`);
  }
  return { explain, end: from + match[0].length };
}

/** Blanks keep the positions of errors. */
function blankUntil(sql: string, end: number): string {
  return (
    sql.slice(0, end).replace(/\S/gu, (character) => ' '.repeat(Buffer.byteLength(character))) +
    sql.slice(end)
  );
}

/** The next word from a place of the text on, in capitals. */
function wordAt(sql: string, from: number): string {
  return (FIRST_WORD.exec(sql.slice(from))?.[1] ?? '').toUpperCase();
}

function classifySelect(
  parsed: Pick<ClassifiedStatement, 'sql' | 'document' | 'explain'>,
): ClassifiedStatement {
  const { document } = parsed;
  const statements = isJsonObject(document) ? document['statements'] : undefined;
  if (!isJsonArray(statements) || statements.length === 0) {
    throw new EngineError('EMPTY_STATEMENT', 'there is no statement');
  }
  const [statement, another] = statements;
  if (statement === undefined || another !== undefined) throw multipleStatements();
  const select = selectKind(statement);
  if (select.kind === 'other-show') throw notSupported(select.name);
  return { ...parsed, select };
}

function multipleStatements(): EngineError {
  return new EngineError('MULTIPLE_STATEMENTS', 'a call takes one statement');
}

function notSupported(kind: string): EngineError {
  const what = kind === '' ? 'this statement' : kind;
  return new EngineError('STATEMENT_NOT_SUPPORTED', `${what} is not supported`, {
    details: { statement: kind },
  });
}
