/** What a statement needs of its session, as statements that make it of a connection. */
import { EngineError } from '../../common/error.ts';
import { quoteIdentifier } from '../../common/plan/column-type.ts';
import type {
  SessionMacro,
  SessionObject,
  SessionState,
  SessionView,
} from '../../common/session-state.ts';
import { type Json } from '../import/json-reader.ts';
import { type TableReference } from '../import/parsed-statement.ts';
import { statementsOf } from '../import/show-reference.ts';
import { serializedError, serializedToEngineError } from './serialized-error.ts';
import { checkMacro } from './session-macro.ts';
import { checkParsed, joinNames, type StatementNames } from './sql-door.ts';

export interface SessionSetup {
  /** In the order in which they run. */
  readonly statements: readonly string[];
  /** What the session's objects name that the statement needs. */
  readonly names: StatementNames;
  /** Views of the session that the statement reads, by their names in lower case, as the parser gives them. */
  readonly views: ReadonlyMap<string, ParsedView>;
  /** Where names without a catalog are looked up. */
  readonly home: { readonly catalog: string; readonly schema: string };
  /** Variables of the session that the statement reads, as statements that set them. */
  readonly variables: readonly string[];
  /** Macros of the session that the statement calls, each behind those that it calls itself. */
  readonly macros: readonly ReachedMacro[];
}

export interface ReachedMacro {
  readonly macro: SessionMacro;
  readonly names: StatementNames;
}

export interface ParsedView {
  readonly view: SessionView;
  readonly document: Json;
}

type Parse = (sql: string) => Promise<Json>;

/**
 * Everything of the session that `names` reach, directly or through its other objects; `isWhole`: everything.
 * @throws EngineError FUNCTION_NOT_ALLOWED
 */
export async function setupFor(
  names: StatementNames,
  session: { readonly state: SessionState; readonly isWhole: boolean },
  parse: Parse,
): Promise<SessionSetup> {
  const { state, isWhole } = session;
  const collected = new Collected(state, parse);
  await collected.reach(names);
  if (isWhole) for (const object of state.objects) await collected.add(object);
  const all = joinNames([names, ...collected.names]);
  const needsVariables = isWhole || all.functions.includes('getvariable');
  const variables = needsVariables ? Object.entries(state.variables).map(variableStatement) : [];
  return {
    statements: [
      ...(state.catalog === '' ? [] : [useStatement(state)]),
      ...variables,
      ...collected.statements,
    ],
    names: joinNames(collected.names),
    views: collected.views,
    home: { catalog: state.catalog || 'memory', schema: state.schema || 'main' },
    variables,
    macros: collected.macros,
  };
}

/** Objects in an order in which each comes behind those that it needs. */
class Collected {
  readonly statements: string[] = [];
  readonly names: StatementNames[] = [];
  readonly views = new Map<string, ParsedView>();
  readonly macros: ReachedMacro[] = [];
  readonly #state: SessionState;
  readonly #parse: Parse;
  readonly #seen = new Set<SessionObject>();

  constructor(state: SessionState, parse: Parse) {
    this.#state = state;
    this.#parse = parse;
  }

  async reach(names: StatementNames): Promise<void> {
    for (const object of this.#state.objects) if (isNamed(object, names)) await this.add(object);
  }

  async add(object: SessionObject): Promise<void> {
    if (this.#seen.has(object)) return;
    this.#seen.add(object);
    const { names, sql } = await this.#checked(object);
    this.names.push(names);
    await this.reach(names);
    if (object.kind !== 'view') this.macros.push({ macro: object, names });
    this.statements.push(sql);
  }

  async #checked(object: SessionObject): Promise<{ names: StatementNames; sql: string }> {
    if (object.kind !== 'view') {
      const { names, definition } = await checkMacro(object, this.#parse);
      return { names, sql: createMacro(object.name, definition) };
    }
    const document = await parseView(object.sql, this.#parse);
    this.views.set(object.name.toLowerCase(), { view: object, document });
    return { names: checkParsed(document), sql: createView(object) };
  }
}

/** @throws EngineError SYNTAX_ERROR, STATEMENT_NOT_SUPPORTED for what is not one SELECT */
export async function parseView(sql: string, parse: Parse): Promise<Json> {
  const document = await parse(sql);
  const error = serializedError(document);
  if (error !== undefined) throw serializedToEngineError(error);
  if (statementsOf(document).length === 1) return document;
  throw new EngineError('MULTIPLE_STATEMENTS', 'a view is one SELECT');
}

/** The session's view that a statement means: names are looked up in temp first, whose schema is called main too. */
export function viewNamed<T>(
  views: ReadonlyMap<string, T>,
  { catalog, schema, table }: TableReference,
): T | undefined {
  const qualifier = [catalog, schema].filter((part) => part !== '').join('.');
  return ['', 'main', 'temp', 'temp.main'].includes(qualifier.toLowerCase())
    ? views.get(table.toLowerCase())
    : undefined;
}

function isNamed(object: SessionObject, names: StatementNames): boolean {
  const name = object.name.toLowerCase();
  switch (object.kind) {
    case 'view': {
      const itself = new Map([[name, object]]);
      return names.tables.some((reference) => viewNamed(itself, reference) !== undefined);
    }
    case 'macro':
      return names.functions.includes(name);
    case 'table-macro':
      return names.tableFunctions.includes(name);
  }
}

export function useStatement({
  catalog,
  schema,
}: Pick<SessionState, 'catalog' | 'schema'>): string {
  return `USE ${quoteIdentifier(catalog)}.${quoteIdentifier(schema)}`;
}

function variableStatement([name, sql]: readonly [string, string]): string {
  return `SET VARIABLE ${quoteIdentifier(name)} = ${sql}`;
}

/** `definition`: of parts that were checked. */
export function createMacro(name: string, definition: string): string {
  return `CREATE OR REPLACE TEMP MACRO ${quoteIdentifier(name)}${definition}\n`;
}

/** A comment at the end of a text must not reach what follows. */
function createView({ name, columnNames, sql }: SessionView): string {
  const columns = columnNames.map(quoteIdentifier).join(', ');
  return `CREATE OR REPLACE TEMP VIEW ${quoteIdentifier(name)}${columns === '' ? '' : ` (${columns})`} AS ${sql}\n`;
}
