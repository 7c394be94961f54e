/**
 * Statements that read or change the session. DuckDB's parser has accepted the text and said that it is no SELECT;
 * which other statement it is, its first words say, and here is what it says.
 */
import { EngineError } from '../../common/error.ts';
import { type SessionMacro, type SessionView } from '../../common/session-state.ts';
import { notSupported, statementName } from './statement-name.ts';
import { type TextRange, TokenReader } from './token-reader.ts';

export type SessionStatement =
  | { readonly kind: 'set'; readonly name: string; readonly value: string }
  | { readonly kind: 'reset'; readonly name: string }
  | { readonly kind: 'set-variable'; readonly name: string; readonly value: TextRange }
  | { readonly kind: 'reset-variable'; readonly name: string }
  | { readonly kind: 'use'; readonly path: readonly string[] }
  | { readonly kind: 'prepare'; readonly name: string; readonly statement: TextRange }
  | { readonly kind: 'execute'; readonly name: string; readonly values: string }
  | { readonly kind: 'deallocate'; readonly name: string }
  | CreateStatement
  | DropStatement;

export interface CreateStatement {
  readonly kind: 'create';
  readonly object: SessionView | SessionMacro;
  /** What happens where there is one of the name already. */
  readonly onConflict: 'error' | 'replace' | 'ignore';
  /** Where the object's own text begins in the statement. */
  readonly textStart: number;
}

export interface DropStatement {
  readonly kind: 'drop';
  readonly object: 'view' | 'macro' | 'table-macro';
  readonly name: string;
  readonly ifExists: boolean;
}

/** @throws EngineError STATEMENT_NOT_SUPPORTED for every other statement, by its name */
export function readSessionStatement(sql: string): SessionStatement {
  const reader = new TokenReader(sql);
  const statement = read(reader);
  if (statement === undefined || !reader.isAtEnd) throw notSupported(statementName(sql));
  return statement;
}

function read(reader: TokenReader): SessionStatement | undefined {
  if (reader.accept('SET')) return readSet(reader);
  if (reader.accept('RESET')) return readReset(reader);
  if (reader.accept('USE')) return readUse(reader);
  if (reader.accept('PREPARE')) return readPrepare(reader);
  if (reader.accept('EXECUTE')) return readExecute(reader);
  if (reader.accept('DEALLOCATE')) return readDeallocate(reader);
  if (reader.accept('CREATE')) return readCreate(reader);
  return reader.accept('DROP') ? readDrop(reader) : undefined;
}

/** `SET TIME ZONE x` is SQL's own spelling. */
function readSet(reader: TokenReader): SessionStatement | undefined {
  if (reader.accept('VARIABLE')) {
    const name = reader.takeName();
    const isAssigned = reader.accept('TO') || reader.acceptSymbol('=');
    const value = reader.takeRest();
    if (name === undefined || !isAssigned || value === undefined) return undefined;
    return { kind: 'set-variable', name, value };
  }
  const isTimeZone = reader.accept('TIME', 'ZONE');
  const name = isTimeZone ? 'TimeZone' : readSettingName(reader, 'SET');
  const isAssigned = isTimeZone || reader.accept('TO') || reader.acceptSymbol('=');
  if (name === undefined || !isAssigned) return undefined;
  if (reader.accept('DEFAULT')) return { kind: 'reset', name };
  const isNegative = reader.acceptSymbol('-');
  const token = reader.take();
  if (token === undefined || token.kind === 'symbol' || !reader.isAtEnd) {
    throw new EngineError(
      'INVALID_SESSION_PROPERTY',
      `SET ${name} takes one constant, such as 'text', 10 or true`,
      { details: { property: name } },
    );
  }
  return { kind: 'set', name, value: `${isNegative ? '-' : ''}${token.text}` };
}

function readReset(reader: TokenReader): SessionStatement | undefined {
  if (reader.accept('VARIABLE')) {
    const name = reader.takeName();
    return name === undefined ? undefined : { kind: 'reset-variable', name };
  }
  const name = readSettingName(reader, 'RESET');
  return name === undefined ? undefined : { kind: 'reset', name };
}

/** What is set is the session's; nothing can be set for all. */
function readSettingName(reader: TokenReader, verb: string): string | undefined {
  if (reader.accept('GLOBAL')) throw notSupported(`${verb} GLOBAL`, `write ${verb} SESSION`);
  // A setting may be called session.
  if (reader.keyword() === 'SESSION' && reader.peek(1)?.kind !== 'symbol') reader.accept('SESSION');
  return reader.takeName();
}

function readUse(reader: TokenReader): SessionStatement | undefined {
  const path = reader.takePath();
  return path === undefined || path.length > 2 ? undefined : { kind: 'use', path };
}

function readPrepare(reader: TokenReader): SessionStatement | undefined {
  const name = reader.takeName();
  if (name === undefined) return undefined;
  if (reader.peek()?.text === '(') throw notSupported('PREPARE with types', 'cast the parameters');
  const isWhole = reader.accept('AS');
  const statement = reader.takeRest();
  return isWhole && statement !== undefined ? { kind: 'prepare', name, statement } : undefined;
}

function readExecute(reader: TokenReader): SessionStatement | undefined {
  const name = reader.takeName();
  if (name === undefined) return undefined;
  const values = reader.isAtEnd ? undefined : reader.takeParenthesized();
  return { kind: 'execute', name, values: values === undefined ? '' : reader.textOf(values) };
}

function readDeallocate(reader: TokenReader): SessionStatement | undefined {
  reader.accept('PREPARE');
  const name = reader.takeName();
  return name === undefined ? undefined : { kind: 'deallocate', name };
}

function readCreate(reader: TokenReader): SessionStatement | undefined {
  const isReplaced = reader.accept('OR', 'REPLACE');
  reader.accept('LOCAL');
  const isTemporary = reader.accept('TEMP') || reader.accept('TEMPORARY');
  const kind = reader.keyword();
  if (kind !== 'VIEW' && kind !== 'MACRO' && kind !== 'FUNCTION') return undefined;
  if (!isTemporary) throw notSupported(`CREATE ${kind}`, `write CREATE TEMP ${kind}`);
  reader.take();
  const isIgnored = reader.accept('IF', 'NOT', 'EXISTS');
  const name = readTemporaryName(reader, `CREATE TEMP ${kind}`);
  if (name === undefined) return undefined;
  const created = kind === 'VIEW' ? readView(reader, name) : readMacro(reader, name);
  if (created === undefined) return undefined;
  const onConflict = isReplaced ? 'replace' : isIgnored ? 'ignore' : 'error';
  return { kind: 'create', onConflict, ...created };
}

type Created = Pick<CreateStatement, 'object' | 'textStart'>;

function readView(reader: TokenReader, name: string): Created | undefined {
  const columnNames: string[] = [];
  if (reader.acceptSymbol('(')) {
    do {
      const column = reader.takeName();
      if (column === undefined) return undefined;
      columnNames.push(column);
    } while (reader.acceptSymbol(','));
    if (!reader.acceptSymbol(')')) return undefined;
  }
  const isWhole = reader.accept('AS');
  const rest = reader.takeRest();
  if (!isWhole || rest === undefined) return undefined;
  const sql = reader.textOf(rest);
  return { object: { kind: 'view', name, columnNames, sql }, textStart: rest.start };
}

function readMacro(reader: TokenReader, name: string): Created | undefined {
  const start = reader.peek()?.start;
  if (start === undefined || reader.takeParenthesized() === undefined) return undefined;
  if (!reader.accept('AS')) return undefined;
  const kind = reader.keyword() === 'TABLE' ? 'table-macro' : 'macro';
  const rest = reader.takeRest();
  if (rest === undefined) return undefined;
  const definition = reader.textOf({ start, end: rest.end });
  return { object: { kind, name, definition }, textStart: start };
}

function readDrop(reader: TokenReader): SessionStatement | undefined {
  const kind = reader.keyword();
  if (kind !== 'VIEW' && kind !== 'MACRO' && kind !== 'FUNCTION') return undefined;
  reader.take();
  const isTable = kind !== 'VIEW' && reader.accept('TABLE');
  const ifExists = reader.accept('IF', 'EXISTS');
  const name = readTemporaryName(reader, `DROP ${kind}`);
  if (name === undefined) return undefined;
  if (!reader.accept('CASCADE')) reader.accept('RESTRICT');
  const object = kind === 'VIEW' ? 'view' : isTable ? 'table-macro' : 'macro';
  return { kind: 'drop', object, name, ifExists };
}

/** `x`, `temp.x` or `temp.main.x`: there are no others in a session. */
function readTemporaryName(reader: TokenReader, statement: string): string | undefined {
  const path = reader.takePath();
  const [catalog, schema] = (path ?? []).slice(0, -1).map((part) => part.toLowerCase());
  if ((catalog ?? 'temp') !== 'temp' || (schema ?? 'main') !== 'main') {
    throw notSupported(`${statement} outside temp`);
  }
  return path?.at(-1);
}
