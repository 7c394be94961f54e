import { assertNever } from '../../common/assert.ts';
import { EngineError } from '../../common/error.ts';
import { quoteIdentifier } from '../../common/plan/column-type.ts';
import {
  duckdbSettings,
  parseSessionProperties,
  propertyNamed,
} from '../../common/session-properties.ts';
import {
  checkSessionSize,
  type SessionObject,
  type SessionState,
} from '../../common/session-state.ts';
import { type TableReference } from '../import/parsed-statement.ts';
import { readParameters } from '../parameters/read-parameters.ts';
import { type PlanningRequest } from '../planning/ports.ts';
import {
  type CreateStatement,
  type DropStatement,
  type SessionStatement,
} from '../statement/session-statement.ts';
import { notSupported, statementName } from '../statement/statement-name.ts';
import { type TextRange } from '../statement/token-reader.ts';
import { classifyStatement } from './classify-statement.ts';
import { constantOf, parseArguments } from './constant-expressions.ts';
import { type InstancePool } from './instance-pool.ts';
import { type PlanningInstance } from './planning-instance.ts';
import { checkParsed, type StatementNames } from './sql-door.ts';
import { checkMacro } from './session-macro.ts';
import { useStatement } from './session-setup.ts';
import { valueSql } from './statement-parameters.ts';

/** What changing a session takes of the planner. */
export interface SessionContext {
  readonly request: PlanningRequest;
  readonly instance: PlanningInstance;
  readonly instances: InstancePool;
  /** Lends the instance as the session of `state` sees it, with all that these names reach. */
  readonly useSession: <T>(
    names: StatementNames,
    state: SessionState,
    work: (instance: PlanningInstance) => Promise<T>,
  ) => Promise<T>;
  /** Makes the schemas of all catalogs known to the instance. */
  readonly mirrorSchemas: () => Promise<void>;
  /** A table of the catalog. */
  readonly isTable: (reference: TableReference) => Promise<boolean>;
}

const NO_NAMES: StatementNames = {
  tables: [],
  parameters: [],
  functions: [],
  tableFunctions: [],
  paths: [],
  computedPaths: [],
};

/** What a statement makes of its session, or the query whose answer it needs for that. */
export type SessionChange =
  | { readonly kind: 'changed'; readonly state: SessionState }
  | { readonly kind: 'question'; readonly sql: string };

/** @throws EngineError what is wrong with the statement, SESSION_TOO_LARGE */
export async function changeSession(
  statement: Exclude<SessionStatement, { kind: 'execute' }>,
  context: SessionContext,
): Promise<SessionChange> {
  const change: SessionChange =
    statement.kind === 'set-variable'
      ? await setVariable(statement, context)
      : { kind: 'changed', state: await changedState(statement, context) };
  if (change.kind === 'changed') checkSessionSize(change.state);
  return change;
}

async function changedState(
  statement: Exclude<SessionStatement, { kind: 'execute' | 'set-variable' }>,
  context: SessionContext,
): Promise<SessionState> {
  const state = context.request.sessionState;
  switch (statement.kind) {
    case 'set':
      return await setProperty(statement, context);
    case 'reset': {
      const property = knownProperty(statement.name);
      return { ...state, properties: without(state.properties, property) };
    }
    case 'reset-variable':
      return { ...state, variables: without(state.variables, statement.name) };
    case 'use':
      return await use(statement.path, context);
    case 'prepare':
      return await prepare(statement, context);
    case 'deallocate':
      return {
        ...state,
        preparedStatements: without(state.preparedStatements, statement.name.toLowerCase()),
      };
    case 'create':
      return await create(statement, context);
    case 'drop':
      return await drop(statement, context);
    default:
      return assertNever(statement);
  }
}

async function setProperty(
  { name, value }: { readonly name: string; readonly value: string },
  { request, instances }: SessionContext,
): Promise<SessionState> {
  const state = request.sessionState;
  const properties = { ...state.properties, [knownProperty(name)]: value };
  const settings = duckdbSettings(parseSessionProperties(properties), 'planning');
  // DuckDB knows its time zones, calendars and collations.
  await instances.use({ settings, optimizers: 'usual' }, () => Promise.resolve());
  return { ...state, properties };
}

/** @throws EngineError INVALID_SESSION_PROPERTY */
function knownProperty(name: string): string {
  const property = propertyNamed(name);
  if (Object.hasOwn(parseSessionProperties(), property)) return property;
  throw new EngineError(
    'INVALID_SESSION_PROPERTY',
    `${name} cannot be set in a session; there are: ${Object.keys(parseSessionProperties()).join(', ')}`,
    { details: { property } },
  );
}

/** A value that is no constant is asked for: it may read tables, and change from call to call. */
async function setVariable(
  { name, value }: { readonly name: string; readonly value: TextRange },
  { request, instance, useSession }: SessionContext,
): Promise<SessionChange> {
  const state = request.sessionState;
  const text = request.sql.slice(value.start, value.end);
  const parsed = await parseArguments(`(${text}\n)`, instance);
  const known =
    request.answers.byteLength === 0
      ? await useSession(parsed.names, state, async (session) => await constantOf(parsed, session))
      : [...readParameters(request.answers).values()][0];
  if (known === undefined) return { kind: 'question', sql: await instance.print(parsed.document) };
  const variables = { ...state.variables, [name]: valueSql(name, known) };
  return { kind: 'changed', state: { ...state, variables } };
}

async function use(
  path: readonly string[],
  { request, instance, mirrorSchemas }: SessionContext,
): Promise<SessionState> {
  const state = request.sessionState;
  await mirrorSchemas();
  const before = state.catalog === '' ? [] : [useStatement(state)];
  const setup = [...before, `USE ${path.map(quoteIdentifier).join('.')}`];
  const [row = []] = await instance.useSetup(setup, async (session) => {
    return await session.answer('SELECT current_database(), current_schema()');
  });
  const [catalog, schema] = row;
  const isDefault = catalog === 'memory' && schema === 'main';
  return {
    ...state,
    catalog: isDefault ? '' : (catalog ?? ''),
    schema: isDefault ? '' : (schema ?? ''),
  };
}

async function prepare(
  { name, statement }: { readonly name: string; readonly statement: TextRange },
  { request, instance, useSession }: SessionContext,
): Promise<SessionState> {
  const state = request.sessionState;
  const sql = inPlace(request.sql, statement);
  const classified = await classifyStatement(sql, instance);
  if (classified.kind !== 'select' || classified.explain !== undefined) {
    throw notSupported(`PREPARE of ${statementName(sql)}`);
  }
  await useSession(checkParsed(classified.document), state, async (session) => {
    await session.check(classified.sql);
  });
  const text = request.sql.slice(statement.start, statement.end);
  const preparedStatements = { ...state.preparedStatements, [name.toLowerCase()]: text };
  return { ...state, preparedStatements };
}

/** A part of a statement with blanks for all before it, so that errors have the place that they have in the whole. */
function inPlace(sql: string, { start, end }: TextRange): string {
  return ' '.repeat(Buffer.byteLength(sql.slice(0, start))) + sql.slice(start, end);
}

async function create(
  { object, onConflict, textStart }: CreateStatement,
  context: SessionContext,
): Promise<SessionState> {
  const { request, useSession } = context;
  const state = request.sessionState;
  const found = state.objects.findIndex((other) => isSame(other, object));
  if (found >= 0 && onConflict === 'ignore') return state;
  if (found >= 0 && onConflict === 'error') throw alreadyExists(object);
  const checked = await checkObject(object, textStart, context);
  const objects =
    found < 0
      ? [...state.objects, checked]
      : state.objects.map((other, i) => (i === found ? checked : other));
  const changed = { ...state, objects };
  // Creates it, for it may be wrong in other ways than its query.
  await useSession(namesOf(object), changed, () => Promise.resolve());
  return changed;
}

/** The object as it is to be kept. */
async function checkObject(
  object: SessionObject,
  textStart: number,
  context: SessionContext,
): Promise<SessionObject> {
  if (object.kind === 'view') {
    return { ...object, sql: await checkView(object.sql, textStart, context) };
  }
  const { definition } = await checkMacro(object, async (sql) => await context.instance.parse(sql));
  return { ...object, definition };
}

/** The view's query, with tables of the catalog `system` under the name by which an instance knows them. */
async function checkView(sql: string, textStart: number, context: SessionContext): Promise<string> {
  const { request, instance, useSession } = context;
  const text = inPlace(request.sql, { start: textStart, end: textStart + sql.length });
  const classified = await classifyStatement(text, instance);
  if (
    classified.kind !== 'select' ||
    classified.explain !== undefined ||
    classified.shown !== undefined
  ) {
    throw notSupported(`a view of ${statementName(text)}`);
  }
  const names = checkParsed(classified.document);
  if (names.parameters.length > 0) {
    throw new EngineError('BIND_ERROR', 'a view has no parameters; a table macro has');
  }
  await useSession(names, request.sessionState, async (session) => {
    await session.check(classified.sql);
  });
  return classified.sql.slice(text.length - sql.length);
}

/** Names that mean the object, so that it is set up. */
function namesOf({ kind, name }: SessionObject): StatementNames {
  const reference = { catalog: '', schema: '', table: name };
  const call = [name.toLowerCase()];
  switch (kind) {
    case 'view':
      return { ...NO_NAMES, tables: [reference] };
    case 'macro':
      return { ...NO_NAMES, functions: call };
    case 'table-macro':
      return { ...NO_NAMES, tableFunctions: call };
    default:
      return assertNever(kind);
  }
}

async function drop(
  { object: kind, name, ifExists }: DropStatement,
  { request, isTable }: SessionContext,
): Promise<SessionState> {
  const state = request.sessionState;
  const isMeant = (other: SessionObject): boolean => isSame(other, { kind, name });
  if (state.objects.some(isMeant)) {
    return { ...state, objects: state.objects.filter((other) => !isMeant(other)) };
  }
  if (kind === 'view' && (await isTable({ catalog: '', schema: '', table: name }))) {
    throw notSupported('DROP VIEW of a table', 'only views of the session can be dropped');
  }
  if (ifExists) return state;
  const code = kind === 'view' ? 'TABLE_NOT_FOUND' : 'FUNCTION_NOT_FOUND';
  throw new EngineError(code, `the session has no ${kind} ${name}`);
}

function isSame(a: Pick<SessionObject, 'kind' | 'name'>, b: Pick<SessionObject, 'kind' | 'name'>) {
  return a.kind === b.kind && a.name.toLowerCase() === b.name.toLowerCase();
}

function alreadyExists({ kind, name }: SessionObject): EngineError {
  const message = `the session has a ${kind} ${name} already; write CREATE OR REPLACE to replace it`;
  return new EngineError('BIND_ERROR', message);
}

function without(
  entries: Readonly<Record<string, string>>,
  key: string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(entries).filter(([name]) => name !== key));
}
