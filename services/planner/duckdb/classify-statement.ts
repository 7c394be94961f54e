import { EngineError } from '../../common/error.ts';
import { type Json, type JsonObject } from '../import/json-reader.ts';
import { showReference, shownBy, statementsOf } from '../import/show-reference.ts';
import { type Explain } from '../planning/ports.ts';
import { markPivots } from '../statement/pivot-markers.ts';
import { readSessionStatement, type SessionStatement } from '../statement/session-statement.ts';
import { notSupported, statementName } from '../statement/statement-name.ts';
import { serializedError, serializedToEngineError } from './serialized-error.ts';
import { respellSystemTables } from './system-catalog.ts';

/** DuckDB's parser, which decides what a text is. */
export interface StatementParser {
  parse(sql: string): Promise<Json>;
  countStatements(sql: string): Promise<number>;
}

export interface SelectStatement {
  readonly kind: 'select';
  /**
   * The SELECT's text, at its place in the whole text, so that positions of errors hold; tables of the catalog `system`
   * under the name by which an instance knows them.
   */
  readonly sql: string;
  readonly explain: Explain | undefined;
  /** Where it is nothing but a SHOW, DESCRIBE or SUMMARIZE: the `SHOW_REF` that it is for DuckDB. */
  readonly shown: JsonObject | undefined;
  /** PIVOTs whose values are to be found: markers stand for them in text and document. */
  readonly pivotCount: number;
  /** The document that `json_serialize_sql` gave: one statement. */
  readonly document: Json;
}

export type ClassifiedStatement =
  SelectStatement | { readonly kind: 'session'; readonly statement: SessionStatement };

/** A text longer than this is not parsed. */
const MAX_STATEMENT_BYTES = 4 * 1024 * 1024;
/** White space and comments before the first word, and that word. */
const FIRST_WORD = /^(?:\s|--[^\n\r]*(?:[\n\r]|$)|\/\*[\s\S]*?\*\/|;)*([A-Za-z_]*)/;
/** `(option [value], …)` */
const OPTIONS = /^\s*\(\s*([A-Za-z]+(?:\s+\w+)?(?:\s*,\s*[A-Za-z]+(?:\s+\w+)?)*)\s*\)/;

/**
 * Exactly one statement of a kind that is answered: SELECT in all its forms, EXPLAIN of one, SHOW, DESCRIBE and
 * SUMMARIZE, which are SELECTs to DuckDB, and those that change the session. DuckDB's parser says whether a text is
 * one statement and whether it is a SELECT. It tells the kind of another one only of a statement that binds, too late;
 * but a statement that is no SELECT begins with the words that name it.
 * @throws EngineError SYNTAX_ERROR, EMPTY_STATEMENT, MULTIPLE_STATEMENTS, STATEMENT_NOT_SUPPORTED,
 * STATEMENT_TOO_LARGE
 */
export async function classifyStatement(
  sql: string,
  parser: StatementParser,
): Promise<ClassifiedStatement> {
  const classified = await classifyText(sql, parser);
  if (classified.kind === 'session') return classified;
  const respelled = respellSystemTables(classified.sql, classified.document);
  if (respelled === classified.sql) return classified;
  const document = await parser.parse(respelled);
  return selectOf({ sql: respelled, document, explain: classified.explain });
}

async function classifyText(sql: string, parser: StatementParser): Promise<ClassifiedStatement> {
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
  if (error === undefined) return selectOf({ sql, document, explain: undefined });
  if (error.type !== 'not implemented') throw serializedToEngineError(error);
  return await classifyOther(sql, parser);
}

/** The parser knows the text, and it is not one SELECT. */
async function classifyOther(sql: string, parser: StatementParser): Promise<ClassifiedStatement> {
  const match = FIRST_WORD.exec(sql);
  const word = (match?.[1] ?? '').toUpperCase();
  const end = match?.[0].length ?? 0;
  if (word === 'EXPLAIN') return await classifyExplained(sql, end, parser);
  const pivoted = await classifyPivots(sql, undefined, parser);
  if (pivoted !== undefined) return pivoted;
  if (await hasSeveral(sql, word, parser)) throw multipleStatements();
  return { kind: 'session', statement: readSessionStatement(sql) };
}

/** A SELECT but for PIVOTs without given values, if the text is one. */
async function classifyPivots(
  sql: string,
  explain: Explain | undefined,
  parser: StatementParser,
): Promise<SelectStatement | undefined> {
  const marked = markPivots(sql);
  if (marked.markerCount === 0) return undefined;
  const document = await parser.parse(marked.sql);
  if (serializedError(document) !== undefined) return undefined;
  return { ...selectOf({ sql: marked.sql, document, explain }), pivotCount: marked.markerCount };
}

/** DuckDB takes a PIVOT without given values, and some PRAGMAs, apart into statements of their own. */
async function hasSeveral(sql: string, word: string, parser: StatementParser): Promise<boolean> {
  if (['PRAGMA', 'IMPORT'].includes(word) || markPivots(sql).markerCount > 0) return false;
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
  if (error?.type === 'not implemented') {
    const pivoted = await classifyPivots(text, explain, parser);
    if (pivoted !== undefined) return pivoted;
    throw notSupported(`EXPLAIN ${statementName(text)}`);
  }
  if (error !== undefined) throw serializedToEngineError(error);
  const statement = selectOf({ sql: text, document, explain });
  const { shown } = statement;
  if (shown !== undefined && showReference(shown).kind !== 'summarize') {
    throw notSupported(`EXPLAIN ${statementName(text)}`);
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

function selectOf(parsed: Pick<SelectStatement, 'sql' | 'document' | 'explain'>): SelectStatement {
  const [statement, another] = statementsOf(parsed.document);
  if (statement === undefined) {
    throw new EngineError('EMPTY_STATEMENT', 'there is no statement');
  }
  if (another !== undefined) throw multipleStatements();
  return { kind: 'select', pivotCount: 0, ...parsed, shown: shownBy(statement) };
}

function multipleStatements(): EngineError {
  return new EngineError('MULTIPLE_STATEMENTS', 'a call takes one statement');
}
