import { toEngineError } from '../../common/duckdb/duckdb-error.ts';
import { type Column } from '../../common/plan/column-type.ts';
import { duckdbSettings, type SessionProperties } from '../../common/session-properties.ts';
import { decodePlan } from '../import/decode-plan.ts';
import { readEstimates } from '../import/estimates.ts';
import { VOLATILE_FUNCTIONS } from '../import/function-names.ts';
import { type Json } from '../import/json-reader.ts';
import { type TableReference } from '../import/parsed-statement.ts';
import { type BoundQuery, type DecodedPlan, type WholeQuery } from '../planning/ports.ts';
import { isSeededFunction } from '../logical/expression-tree.ts';
import { refusal } from './fragment-proof.ts';
import { type InstancePool, type Optimizers, ordersJoins } from './instance-pool.ts';
import { type PlanningInstance } from './planning-instance.ts';
import {
  serializedError,
  type SerializedError,
  serializedToEngineError,
} from './serialized-error.ts';
import { type ParameterValue } from './statement-parameters.ts';
import { checkBound, checkUnbound, type StatementNames } from './sql-door.ts';
import { printMacro } from './session-macro.ts';
import { createMacro, type ReachedMacro, type SessionSetup } from './session-setup.ts';
import { type RelatedTable } from './table-relations.ts';
import { inlineViews, renameTables, wholeScan, wholeSql, wholeSystemScan } from './whole-query.ts';

/** A SELECT that passed the first door, over tables that its instance knows. */
export interface QueryToBind {
  readonly sql: string;
  /** What the parser made of it. */
  readonly document: Json;
  /** All that the statement and what it takes of its session name. */
  readonly names: StatementNames;
  readonly session: SessionProperties;
  readonly setup: SessionSetup;
  /** Names of its columns where the text gives others: one whose parameters were replaced. */
  readonly resultNames: readonly string[] | undefined;
  /** DuckDB's estimates are wanted, which takes planning it twice. */
  readonly needsEstimates: boolean;
  tableOf(reference: TableReference): RelatedTable | undefined;
}

/** Errors that are the statement's own; any other may be one of optimizing or serializing it. */
const STATEMENT_ERRORS: ReadonlySet<string> = new Set([
  'parser',
  'syntax',
  'binder',
  'catalog',
  'permission',
  'io',
  'http',
  'missing extension',
  'out of memory',
  'interrupt',
]);

/**
 * Binds and optimizes the query on an instance that knows its tables.
 * @throws EngineError what the binder says of it, FUNCTION_NOT_ALLOWED
 */
export async function bindQuery(
  query: QueryToBind,
  instance: PlanningInstance,
  instances: InstancePool,
): Promise<BoundQuery> {
  const [serialized, described] = await serializedAndNamed(query, instance);
  if (serialized.status === 'rejected') throw toEngineError(serialized.reason);
  const error = serialized.value.kind === 'error' ? serialized.value.error : undefined;
  if (error !== undefined && STATEMENT_ERRORS.has(error.type)) throw serializedToEngineError(error);
  if (described.status === 'rejected') throw toEngineError(described.reason);
  const names = described.value;
  const plan = withWidth(await decode(query, serialized.value, instances), names.length);
  if (plan.kind === 'unsupported') {
    const macros = query.setup.macros.map(({ macro }) => macro.name.toLowerCase());
    checkUnbound(query.names, macros);
  }
  return {
    columns:
      plan.kind === 'plan'
        ? plan.plan.columns.map((type, i) => ({ name: names[i] ?? '', type }))
        : (await instance.columnsOf(query.sql)).map(({ name, type }, i) => {
            return { name: names[i] ?? name, type };
          }),
    settings: duckdbSettings(query.session, 'running'),
    plan,
    whole: async () => await wholeQuery(query, instances),
  };
}

/** Side by side, unless the statement is so large that DuckDB needs much memory for each. */
async function serializedAndNamed(
  query: QueryToBind,
  instance: PlanningInstance,
): Promise<[PromiseSettledResult<Serialized>, PromiseSettledResult<readonly string[]>]> {
  const serializing = Promise.allSettled([serialize(query, instance)]);
  if (isLarge(query)) await serializing;
  const naming = Promise.allSettled([query.resultNames ?? columnNames(query.sql, instance)]);
  return [(await serializing)[0], (await naming)[0]];
}

const LARGE_STATEMENT_LENGTH = 256 * 1024;

function isLarge({ sql }: QueryToBind): boolean {
  return sql.length > LARGE_STATEMENT_LENGTH;
}

/** What DuckDB calls the columns of a statement's result; it is bound for that with the values given. */
export async function columnNames(
  sql: string,
  instance: PlanningInstance,
  values: readonly ParameterValue[] = [],
): Promise<readonly string[]> {
  // Preparing is cheaper than describing, but a parameter without its value has no type.
  if (values.length === 0) return (await instance.columnsOf(sql)).map(({ name }) => name);
  return (await instance.describe(sql, values)).map((row) => row[0] ?? '');
}

type Serialized =
  | { readonly kind: 'documents'; readonly plan: Json; readonly explained: Json | undefined }
  | { readonly kind: 'error'; readonly error: SerializedError };

async function serialize(query: QueryToBind, instance: PlanningInstance): Promise<Serialized> {
  const [plan, explained] = await Promise.all([
    instance.serializePlan(query.sql),
    query.needsEstimates && !isLarge(query) ? explainedPlan(query, instance) : undefined,
  ]);
  if (plan === undefined) return { kind: 'error', error: { type: 'encoding', fields: {} } };
  const error = serializedError(plan);
  return error === undefined ? { kind: 'documents', plan, explained } : { kind: 'error', error };
}

/** Estimates are worth having, not worth failing for; what is wrong with the statement, the plan tells. */
async function explainedPlan(
  query: QueryToBind,
  instance: PlanningInstance,
): Promise<Json | undefined> {
  try {
    return await instance.explainPlan(query.sql);
  } catch {
    return undefined;
  }
}

/** With more optimizers off, a plan may serialize that did not before (the ladder, planning §6). */
async function decode(
  query: QueryToBind,
  serialized: Serialized,
  instances: InstancePool,
): Promise<DecodedPlan> {
  let tried = serialized;
  let used: Optimizers = 'usual';
  for (const optimizers of ['careful', 'cautious'] as const) {
    if (tried.kind !== 'error') break;
    tried = await serializeWith(optimizers, query, instances);
    used = optimizers;
  }
  if (tried.kind === 'error') {
    return { kind: 'unsupported', construct: `serialization (${tried.error.type} error)` };
  }
  checkBound(tried.plan);
  const estimates = tried.explained === undefined ? undefined : readEstimates(tried.explained);
  const decoded = decodePlan(tried.plan, estimates);
  return decoded.kind === 'plan' ? { ...decoded, isJoinOrdered: ordersJoins(used) } : decoded;
}

async function serializeWith(
  optimizers: Optimizers,
  query: QueryToBind,
  instances: InstancePool,
): Promise<Serialized> {
  return await useInstance(query, { instances, optimizers }, async (instance) => {
    return await serialize(query, instance);
  });
}

/** Lends an instance that knows the query's tables, as its session sees it. */
async function useInstance<T>(
  query: QueryToBind,
  from: { readonly instances: InstancePool; readonly optimizers: Optimizers },
  work: (instance: PlanningInstance) => Promise<T>,
): Promise<T> {
  const settings = duckdbSettings(query.session, 'planning');
  const { instances, optimizers } = from;
  return await instances.use({ settings, optimizers }, async (instance) => {
    await mirrorAll(query, instance);
    return await instance.useSetup(query.setup.statements, work);
  });
}

async function mirrorAll(query: QueryToBind, instance: PlanningInstance): Promise<void> {
  for (const reference of query.names.tables) {
    const table = query.tableOf(reference);
    if (table !== undefined) await instance.mirror(table);
  }
}

/** Result names come from the binder, types from the plan; they are columns only together. */
function withWidth(plan: DecodedPlan, width: number): DecodedPlan {
  if (plan.kind === 'unsupported' || plan.plan.columns.length === width) return plan;
  return { kind: 'unsupported', construct: 'a plan wider than its result' };
}

/** The statement as the parser prints it, over the whole of its tables. */
async function wholeQuery(query: QueryToBind, instances: InstancePool): Promise<WholeQuery> {
  const { views, home, variables, macros } = query.setup;
  const reading = macros.find(({ names }) => names.tables.length > 0);
  if (reading !== undefined) {
    return {
      kind: 'refused',
      reason: `the macro ${reading.macro.name} of the session reads a table`,
    };
  }
  const settings = duckdbSettings(query.session, 'planning');
  try {
    return await useInstance(query, { instances, optimizers: 'usual' }, async (instance) => {
      const document = inlineViews(query.document, {
        views,
        home,
        isTable: (reference) => query.tableOf(reference) !== undefined,
      });
      const renamed = renameTables(document, (reference) => query.tableOf(reference));
      const printed = await instance.print(renamed.document);
      const scans = await Promise.all(
        renamed.tables.map(async (table, i) =>
          typeof table === 'string'
            ? wholeSystemScan(table, i)
            : wholeScan(table, i, await instance.tableColumns(await instance.mirror(table))),
        ),
      );
      const result: readonly Column[] = await instance.columnsOf(query.sql);
      return {
        kind: 'sql',
        sql: wholeSql(printed, scans, result),
        scans: scans.filter((scan) => scan.kind === 'scan'),
        systemScans: scans.filter((scan) => scan.kind === 'system-scan'),
        settings,
        preparation: [...variables, ...(await printedMacros(macros, instance))],
        isSeeded: isSeededCall(query.names.functions),
      };
    });
  } catch (error) {
    return { kind: 'refused', ...refusal(error) };
  }
}

async function printedMacros(
  macros: readonly ReachedMacro[],
  instance: PlanningInstance,
): Promise<readonly string[]> {
  const print = async (sql: string): Promise<string> =>
    await instance.print(await instance.parse(sql));
  const statements = macros.map(async ({ macro }) =>
    createMacro(macro.name, await printMacro(macro, print)),
  );
  return await Promise.all(statements);
}

function isSeededCall(functions: readonly string[]): boolean {
  const volatile = functions.filter((name) => VOLATILE_FUNCTIONS.has(name));
  return volatile.length > 0 && volatile.every(isSeededFunction);
}
