import { EngineError } from '../../common/error.ts';
import { TokenReader } from './token-reader.ts';

/** Words between CREATE and what is created. */
const CREATE_OPTIONS = [
  'OR',
  'REPLACE',
  'LOCAL',
  'GLOBAL',
  'TEMP',
  'TEMPORARY',
  'PERSISTENT',
  'UNLOGGED',
];
const DATA_STATEMENTS = ['INSERT', 'UPDATE', 'DELETE', 'MERGE'];

/** What people call the statement: its first word, for CREATE, DROP and ALTER with what is concerned. */
export function statementName(sql: string): string {
  const reader = new TokenReader(sql);
  const first = reader.keyword();
  reader.take();
  switch (first) {
    case 'WITH':
      return mainVerb(reader);
    case 'CREATE':
      while (CREATE_OPTIONS.includes(reader.keyword())) reader.take();
      return `CREATE ${reader.keyword()}`;
    case 'ALTER':
    case 'DROP':
      return `${first} ${reader.keyword()}`;
    default:
      return first;
  }
}

/** Behind its common table expressions, which are in parentheses. */
function mainVerb(reader: TokenReader): string {
  while (!reader.isAtEnd) {
    if (DATA_STATEMENTS.includes(reader.keyword())) return reader.keyword();
    if (reader.takeParenthesized() === undefined) reader.take();
  }
  return 'WITH';
}

/** `remedy`: what to write instead. */
export function notSupported(statement: string, remedy?: string): EngineError {
  const what = statement === '' ? 'this statement' : statement;
  const message = `${what} is not supported${remedy === undefined ? '' : `; ${remedy}`}`;
  return new EngineError('STATEMENT_NOT_SUPPORTED', message, { details: { statement } });
}
