import { EngineError } from '../../common/error.ts';
import { isJsonArray, isJsonObject, type Json } from '../import/json-reader.ts';
import { selectKind, type SelectKind } from '../import/parsed-statement.ts';
import { serializedError, serializedToEngineError } from './serialized-error.ts';

/** DuckDB's parser, which decides what a text is. */
export interface StatementParser {
  parse(sql: string): Promise<Json>;
  countStatements(sql: string): Promise<number>;
}

export interface ClassifiedStatement {
  /** The SELECT's text, at its place in the whole text, so that positions of errors hold. */
  readonly sql: string;
  readonly isExplained: boolean;
  readonly select: Exclude<SelectKind, { kind: 'other-show' }>;
  /** The document that `json_serialize_sql` gave: one statement. */
  readonly document: Json;
}

/** A text longer than this is not parsed. */
const MAX_STATEMENT_BYTES = 4 * 1024 * 1024;
/** White space and comments before the first word, and that word. */
const FIRST_WORD = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/|;)*([A-Za-z_]*)/;

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
  if (error === undefined) return classifySelect({ sql, document, isExplained: false });
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

async function classifyExplained(
  sql: string,
  end: number,
  parser: StatementParser,
): Promise<ClassifiedStatement> {
  const rest = sql.slice(end);
  const next = (FIRST_WORD.exec(rest)?.[1] ?? '').toUpperCase();
  if (next === 'ANALYZE' || next === 'ANALYSE') throw notSupported(`EXPLAIN ${next}`);
  // Blanks in place of the word keep the positions of errors.
  const blanked =
    sql.slice(0, end).replace(/[A-Za-z_]+$/, (word) => ' '.repeat(word.length)) + rest;
  const document = await parser.parse(blanked);
  const error = serializedError(document);
  if (error?.type === 'not implemented') throw notSupported(`EXPLAIN ${next}`);
  if (error !== undefined) {
    const hasOptions = rest.trimStart().startsWith('(');
    throw hasOptions ? notSupported('EXPLAIN with options') : serializedToEngineError(error);
  }
  const statement = classifySelect({ sql: blanked, document, isExplained: true });
  if (statement.select.kind !== 'query') throw notSupported(`EXPLAIN ${next}`);
  return statement;
}

function classifySelect(
  parsed: Pick<ClassifiedStatement, 'sql' | 'document' | 'isExplained'>,
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
