/**
 * What a session remembers between its statements. The client carries it as a signed value; the planner applies
 * it to a statement and answers the changed state. Names are as the user wrote them; they are found in any case.
 */
import { EngineError } from './error.ts';

export interface SessionView {
  readonly kind: 'view';
  readonly name: string;
  /** Empty: as the query names them. */
  readonly columnNames: readonly string[];
  /** The SELECT. */
  readonly sql: string;
}

export interface SessionMacro {
  readonly kind: 'macro' | 'table-macro';
  readonly name: string;
  /** What follows the name: `(a, b := 2) AS a + b`. */
  readonly definition: string;
}

export type SessionObject = SessionView | SessionMacro;

export interface SessionState {
  /** Session properties, as text. */
  readonly properties: Readonly<Record<string, string>>;
  /** Constants in SQL, each of exactly the variable's type. */
  readonly variables: Readonly<Record<string, string>>;
  /** Texts of prepared statements, by their names in lower case. */
  readonly preparedStatements: Readonly<Record<string, string>>;
  /** In the order in which they were created. */
  readonly objects: readonly SessionObject[];
  /** Where names without a catalog are looked up (`USE`); both empty = the default catalog. */
  readonly catalog: string;
  readonly schema: string;
}

export const NEW_SESSION: SessionState = {
  properties: {},
  variables: {},
  preparedStatements: {},
  objects: [],
  catalog: '',
  schema: '',
};

/** Of the state as JSON: it travels with every statement. */
export const MAX_SESSION_STATE_BYTES = 64 * 1024;

/** @throws EngineError SESSION_TOO_LARGE */
export function checkSessionSize(state: SessionState): void {
  const sizeBytes = new TextEncoder().encode(JSON.stringify(state)).length;
  if (sizeBytes <= MAX_SESSION_STATE_BYTES) return;
  throw new EngineError(
    'SESSION_TOO_LARGE',
    `the session would take ${sizeBytes} bytes, at most ${MAX_SESSION_STATE_BYTES} are carried; ` +
      'drop views and macros, DEALLOCATE prepared statements or RESET variables that are not needed',
  );
}
