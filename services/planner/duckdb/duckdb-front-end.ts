import { toEngineError } from '../../common/duckdb/duckdb-error.ts';
import { ERROR_POLICIES, EngineError } from '../../common/error.ts';
import { type Column } from '../../common/plan/column-type.ts';
import { type PlanFragment } from '../../common/plan/plan-fragment.ts';
import { duckdbSettings } from '../../common/session-properties.ts';
import { type SessionState } from '../../common/session-state.ts';
import { type FileCatalogs } from '../catalog/file-catalogs.ts';
import { type TableReader } from '../catalog/ports.ts';
import { type Table } from '../catalog/table.ts';
import { type Json } from '../import/json-reader.ts';
import { type TableReference } from '../import/parsed-statement.ts';
import { isRepeatable } from '../import/repeatable-statement.ts';
import { showReference } from '../import/show-reference.ts';
import { type Constant } from '../logical/expression.ts';
import {
  type AdmittedStatement,
  type BoundQuery,
  type FrontEnd,
  type PlanningRequest,
  type Refutation,
} from '../planning/ports.ts';
import { weighedInputBytes } from '../planning/weighed-input.ts';
import { type SessionStatement } from '../statement/session-statement.ts';
import { notSupported, statementName } from '../statement/statement-name.ts';
import { bindQuery, columnNames, type QueryToBind } from './bind-query.ts';
import { classifyStatement, type SelectStatement } from './classify-statement.ts';
import { constantsOf, parseArguments } from './constant-expressions.ts';
import { type DirectRead, type DirectReads } from './direct-reads.ts';
import { difference, proofStatement, refusal } from './fragment-proof.ts';
import { namingFile } from './named-file.ts';
import { hasLimitSubquery, limitQuestion, withLimitValues } from './limit-values.ts';
import { type InstancePool } from './instance-pool.ts';
import { type PlanningInstance } from './planning-instance.ts';
import { withoutInternals } from './plain-message.ts';
import { pivotQuestion, withPivotValues } from './pivot-values.ts';
import { ProofCache } from './proof-cache.ts';
import { type SessionSetup, setupFor } from './session-setup.ts';
import { needsWholeSession, type StatementText, toBind } from './statement-text.ts';
import { SessionCatalog } from './session-catalog.ts';
import { changeSession, type SessionContext } from './session-statements.ts';
import { ShowAnswers } from './show-answers.ts';
import { checkObjectPaths, checkParsed, joinNames, type StatementNames } from './sql-door.ts';
import {
  matchParameters,
  type ParameterValue,
  parameterValues,
  replaceParameters,
} from './statement-parameters.ts';
import { type RelatedTable, type TableRelations } from './table-relations.ts';

export interface DuckDBFrontEndDeps {
  readonly instances: InstancePool;
  readonly catalogs: FileCatalogs;
  readonly relations: TableRelations;
  readonly directReads: DirectReads;
  /** DuckDB's settings where no session says others. */
  readonly usualSettings: Readonly<Record<string, string>>;
  /** Names of files may be those of objects, which DuckDB does not confine as well as those of a disk. */
  readonly hasObjectStore: boolean;
}

/** What DuckDB answers to statements without rows. */
const CREATED: readonly Column[] = [{ name: 'Count', type: { id: 'BIGINT' } }];
const SUCCEEDED: readonly Column[] = [{ name: 'Success', type: { id: 'BOOLEAN' } }];

/** The dialect is DuckDB's: its parser, binder and optimizer, behind the SQL door. */
export class DuckDBFrontEnd implements FrontEnd, TableReader {
  readonly #deps: DuckDBFrontEndDeps;
  readonly #proofs = new ProofCache();

  constructor(deps: DuckDBFrontEndDeps) {
    this.#deps = deps;
  }

  async admit(request: PlanningRequest): Promise<AdmittedStatement> {
    const settings = duckdbSettings(request.session, 'planning');
    return await this.#use(settings, async (instance) => {
      const classified = await classifyStatement(request.sql, instance);
      if (classified.kind === 'session') {
        return await this.#admitSession(request, classified.statement, instance);
      }
      const names = checkParsed(classified.document);
      const values = parameterValues(names.parameters, request.parameters);
      return await this.#admitSelect(request, { statement: classified, names, values }, instance);
    });
  }

  async refute(fragment: PlanFragment): Promise<Refutation | undefined> {
    const { settings, columns: declared, preparation = [] } = fragment;
    const proof = proofStatement(fragment);
    const key = JSON.stringify([settings, preparation]);
    const known = this.#proofs.get(key, proof);
    if (known !== undefined) return difference(known, declared);
    return await this.#use(settings, async (instance) => {
      try {
        const columns = await instance.useSetup(preparation, async (session) => {
          return await session.columnsOf(proof);
        });
        this.#proofs.set(key, proof, columns);
        return difference(columns, declared);
      } catch (error) {
        return refusal(error);
      }
    });
  }

  async columnsOf(table: Table): Promise<readonly Column[]> {
    return await this.#use(this.#deps.usualSettings, async (instance) => {
      const related = await this.#deps.relations.of(table, instance.fileLane);
      return await instance.tableColumns(await instance.mirror(related));
    });
  }

  async #admitSession(
    request: PlanningRequest,
    statement: SessionStatement,
    instance: PlanningInstance,
  ): Promise<AdmittedStatement> {
    // No statement of these has parameters.
    parameterValues([], request.parameters);
    if (statement.kind === 'execute') return await this.#execute(request, statement, instance);
    const context: SessionContext = {
      request,
      instance,
      instances: this.#deps.instances,
      useSession: async (names, state, work) => {
        return await this.#useSession({ names, state, isWhole: false }, instance, async (bound) => {
          return await work(bound.session);
        });
      },
      mirrorSchemas: async () =>
        await this.#catalogOf(request.sessionState).mirrorSchemas(instance),
      isTable: async (reference) => {
        const catalog = this.#catalogOf(request.sessionState);
        return (await catalog.findTable(reference)) !== undefined;
      },
    };
    const change = await changeSession(statement, context);
    if (change.kind === 'question') return change;
    return {
      kind: 'session',
      columns: statement.kind === 'create' ? CREATED : SUCCEEDED,
      statement: statementName(request.sql),
      session: change.state,
    };
  }

  /** The prepared statement with the values as its parameters; places of errors are not those of this text. */
  async #execute(
    request: PlanningRequest,
    { name, values }: Extract<SessionStatement, { kind: 'execute' }>,
    instance: PlanningInstance,
  ): Promise<AdmittedStatement> {
    const sql = request.sessionState.preparedStatements[name.toLowerCase()];
    if (sql === undefined) {
      throw new EngineError('BIND_ERROR', `Prepared statement "${name}" does not exist`);
    }
    try {
      const given = await this.#valuesOf(values, request.sessionState, instance);
      const statement = await classifyStatement(sql, instance);
      if (statement.kind === 'session') throw notSupported(`EXECUTE of ${statementName(sql)}`);
      const names = checkParsed(statement.document);
      const parameters = matchParameters(names.parameters, given);
      const parsed = { statement, names, values: parameters };
      return await this.#admitSelect(request, parsed, instance);
    } catch (thrown) {
      const { code, message, details, cause } = toEngineError(thrown);
      throw new EngineError(code, message, { details, cause });
    }
  }

  async #valuesOf(
    values: string,
    state: SessionState,
    instance: PlanningInstance,
  ): Promise<ReadonlyMap<string, Constant>> {
    const parsed = await parseArguments(values, instance);
    const named = { names: parsed.names, state, isWhole: false };
    return await this.#useSession(named, instance, async ({ session }) => {
      return await constantsOf(parsed, session);
    });
  }

  async #admitSelect(
    request: PlanningRequest,
    parsed: StatementToBind,
    instance: PlanningInstance,
  ): Promise<AdmittedStatement> {
    const { pivotCount, document } = parsed.statement;
    const question =
      pivotCount > 0 ? PIVOT_VALUES : hasLimitSubquery(document) ? LIMIT_VALUES : undefined;
    return question === undefined
      ? await this.#admitKnown(request, parsed, instance)
      : await this.#admitAsking(request, { ...parsed, question }, instance);
  }

  async #admitKnown(
    request: PlanningRequest,
    parsed: StatementToBind,
    instance: PlanningInstance,
  ): Promise<AdmittedStatement> {
    const { statement, names } = parsed;
    const state = request.sessionState;
    const isWhole = needsWholeSession(statement.document);
    try {
      const all = isWhole ? await this.#catalogOf(state).mirrorAll(instance) : [];
      return await this.#useSession({ names, state, isWhole }, instance, async (bound) => {
        return await this.#admitBound(request, { ...parsed, all }, bound);
      });
    } catch (thrown) {
      const error = toEngineError(thrown);
      const isOfFile = ERROR_POLICIES[error.code].type === 'external';
      if (!isOfFile || error.details['file'] !== undefined) throw error;
      throw await namingFile(error, await this.#catalogOf(state).pathsOf(names), instance);
    }
  }

  /** First asks for the values that the plan follows from, then goes on with them. */
  async #admitAsking(
    request: PlanningRequest,
    { statement, values, question }: StatementToBind & { readonly question: Question },
    instance: PlanningInstance,
  ): Promise<AdmittedStatement> {
    const document =
      values.length === 0
        ? statement.document
        : await replaceParameters(statement.document, values, instance);
    if (request.answers.byteLength === 0) {
      return { kind: 'question', sql: await question.ask(document, instance) };
    }
    const found = await question.withAnswer(document, request.answers, instance);
    const sql = await instance.print(found);
    const whole = { ...statement, sql, document: found, pivotCount: 0 };
    const parsed = { statement: whole, names: checkParsed(found), values: [] };
    return await this.#admitKnown(request, parsed, instance);
  }

  async #admitBound(
    request: PlanningRequest,
    { statement, names, values, all }: StatementToBind & { readonly all: readonly RelatedTable[] },
    { session, setup, tables }: BoundSession,
  ): Promise<AdmittedStatement> {
    const state = request.sessionState;
    const shows = new ShowAnswers(session, this.#deps.catalogs, state);
    const shown = statement.shown && showReference(statement.shown);
    if (shown !== undefined && shown.kind !== 'summarize') {
      const described = async (): Promise<readonly (readonly (string | null)[])[]> =>
        await session.answer(statement.sql, values);
      const rows = await shows.rows(shown, described);
      return { kind: 'known', statement: statementName(statement.sql), rows };
    }
    const catalog = this.#catalogOf(state);
    const isTable = (reference: TableReference): boolean => tables.has(catalog.keyOf(reference));
    const { instances } = this.#deps;
    const metadata = { instances, session, setup: setup.statements, tables: all, isTable };
    const integerDivision = request.session.integer_division;
    const context = { session, metadata, shows, integerDivision };
    const plain = await toBind(statement, values, context);
    const bind = async (text: StatementText, reads: readonly DirectRead[]): Promise<BoundQuery> => {
      const keyed = reads.map((read) => [catalog.keyOf(read.reference), read.table] as const);
      const known = new Map([...tables, ...keyed]);
      const references = [...names.tables, ...reads.map(({ reference }) => reference)];
      const tableOf = (reference: TableReference): RelatedTable | undefined =>
        known.get(catalog.keyOf(reference));
      const query: QueryToBind = {
        ...text,
        names: joinNames([{ ...names, tables: references }, setup.names]),
        session: request.session,
        setup,
        needsEstimates: mayBeDistributed(request, names, tableOf),
        tableOf,
      };
      return await bindQuery(query, session, instances);
    };
    const pinned = await this.#pinReads(plain, session, isTable);
    const query =
      (pinned && (await bound(bind(pinned.text, pinned.reads)))) ?? (await bind(plain, []));
    const { explain } = statement;
    if (explain !== undefined) return { kind: 'explain', query, explain };
    const isOfTables = state.objects.length === 0 && names.tables.every(isTable);
    const isDecided = isOfTables && isRepeatable(statement.document);
    return { kind: 'query', query, decidedBy: isDecided ? [...tables.values()] : undefined };
  }

  /**
   * The statement over the files that it reads by name, with what they are like pinned. DuckDB binds the statement
   * itself, for its names and errors; one that cannot be pinned runs as it is, in one task.
   */
  async #pinReads(
    plain: StatementText,
    session: PlanningInstance,
    isTable: (reference: TableReference) => boolean,
  ): Promise<{ readonly text: StatementText; readonly reads: readonly DirectRead[] } | undefined> {
    try {
      const pinned = await this.#deps.directReads.pin(plain.document, session, isTable);
      if (pinned === undefined) return undefined;
      for (const { table } of pinned.reads) await session.mirror(table);
      const resultNames = plain.resultNames ?? (await columnNames(plain.sql, session));
      const { document, reads } = pinned;
      return { text: { sql: await session.print(document), document, resultNames }, reads };
    } catch {
      return undefined;
    }
  }

  /** Lends the instance as the session sees it, once it knows the tables that are named. */
  async #useSession<T>(
    named: {
      readonly names: StatementNames;
      readonly state: SessionState;
      readonly isWhole: boolean;
    },
    instance: PlanningInstance,
    work: (bound: BoundSession) => Promise<T>,
  ): Promise<T> {
    const { names, state } = named;
    const setup = await setupFor(names, named, async (sql) => await instance.parse(sql));
    const reached = joinNames([names, setup.names]);
    if (this.#deps.hasObjectStore) checkObjectPaths(reached);
    const catalog = this.#catalogOf(state);
    await catalog.mirrorOwnSchema(instance);
    const tables = await catalog.mirror(instance, reached.tables);
    return await instance.useSetup(setup.statements, async (session) => {
      return await work({ session, setup, tables });
    });
  }

  #catalogOf(state: SessionState): SessionCatalog {
    return new SessionCatalog(this.#deps, state);
  }

  async #use<T>(
    settings: Readonly<Record<string, string>>,
    work: (instance: PlanningInstance) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#deps.instances.use({ settings, optimizers: 'usual' }, work);
    } catch (error) {
      throw withoutInternals(toEngineError(error));
    }
  }
}

interface StatementToBind {
  readonly statement: SelectStatement;
  readonly names: StatementNames;
  readonly values: readonly ParameterValue[];
}

/** What has to be known of a statement before it can be planned. */
interface Question {
  ask(document: Json, instance: PlanningInstance): Promise<string>;
  withAnswer(document: Json, answer: Uint8Array, instance: PlanningInstance): Json | Promise<Json>;
}

const PIVOT_VALUES: Question = { ask: pivotQuestion, withAnswer: withPivotValues };
const LIMIT_VALUES: Question = { ask: limitQuestion, withAnswer: withLimitValues };

/** The instance as a session sees it. */
interface BoundSession {
  readonly session: PlanningInstance;
  readonly setup: SessionSetup;
  /** Tables of the catalog that are named, by their keys. */
  readonly tables: ReadonlyMap<string, RelatedTable>;
}

/** The query, or `undefined` when binding it fails: then the statement itself says why, or runs as it is. */
async function bound(pending: Promise<BoundQuery>): Promise<BoundQuery | undefined> {
  try {
    return await pending;
  } catch {
    return undefined;
  }
}

/** Whether estimates decide anything: a query over little more than nothing is one fragment anyway. */
function mayBeDistributed(
  { session, cluster }: PlanningRequest,
  names: StatementNames,
  tableOf: (reference: TableReference) => Table | undefined,
): boolean {
  if (session.distribution !== 'auto') return session.distribution === 'always';
  if (cluster.workerCount <= 1) return false;
  const tables = names.tables.map(tableOf);
  if (names.tableFunctions.length > 0 || tables.includes(undefined)) return true;
  const files = [...new Set(tables)].flatMap((table) => table?.files ?? []);
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return bytes >= weighedInputBytes(session);
}
