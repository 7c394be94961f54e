import { firstWord } from '../query/may-change-session.ts';
import type { StatementKind } from './resource-group-tree.ts';

const KINDS: Readonly<Record<string, StatementKind>> = {
  EXPLAIN: 'explain',
  DESCRIBE: 'explain',
  DESC: 'explain',
  SHOW: 'explain',
  INSERT: 'insert',
  UPDATE: 'insert',
  DELETE: 'insert',
  MERGE: 'insert',
  COPY: 'insert',
  CREATE: 'definition',
  DROP: 'definition',
  ALTER: 'definition',
  COMMENT: 'definition',
  SET: 'session',
  RESET: 'session',
  USE: 'session',
  PREPARE: 'session',
  DEALLOCATE: 'session',
  BEGIN: 'session',
  COMMIT: 'session',
  ROLLBACK: 'session',
};

/** By the first word of the statement; what is none of the others reads. */
export function statementKind(sql: string): StatementKind {
  return KINDS[firstWord(sql)] ?? 'select';
}
