import { toEngineError } from '../../common/duckdb/duckdb-error.ts';
import { type Column } from '../../common/plan/column-type.ts';
import { type PlanFragment } from '../../common/plan/plan-fragment.ts';
import { type FileCatalogs } from '../catalog/file-catalogs.ts';
import { type TableReader } from '../catalog/ports.ts';
import { type Table } from '../catalog/table.ts';
import { type TableReference } from '../import/parsed-statement.ts';
import {
  type AdmittedStatement,
  type BoundQuery,
  type FrontEnd,
  type PlanningRequest,
  type Refutation,
} from '../planning/ports.ts';
import { bindQuery, columnNames, type QueryToBind } from './bind-query.ts';
import { type ClassifiedStatement, classifyStatement } from './classify-statement.ts';
import { type DirectRead, type DirectReads } from './direct-reads.ts';
import { difference, proofStatement, refusal } from './fragment-proof.ts';
import { namingMissingFile } from './missing-file.ts';
import { type InstancePool } from './instance-pool.ts';
import { type PlanningInstance } from './planning-instance.ts';
import { ProofCache } from './proof-cache.ts';
import { type RelatedTable, type TableRelations } from './table-relations.ts';
import { checkParsed, type StatementNames } from './sql-door.ts';
import { type ParameterValue, parameterValues, replaceParameters } from './statement-parameters.ts';

export interface DuckDBFrontEndDeps {
  readonly instances: InstancePool;
  readonly catalogs: FileCatalogs;
  readonly relations: TableRelations;
  readonly directReads: DirectReads;
  /** Value of TimeZone where no session says another one. */
  readonly timeZone: string;
}

const VARCHAR = { id: 'VARCHAR' } as const;
const DESCRIBE_COLUMNS: readonly Column[] = [
  'column_name',
  'column_type',
  'null',
  'key',
  'default',
  'extra',
].map((name) => ({ name, type: VARCHAR }));

/** The dialect is DuckDB's: its parser, binder and optimizer, behind the SQL door. */
export class DuckDBFrontEnd implements FrontEnd, TableReader {
  readonly #deps: DuckDBFrontEndDeps;
  readonly #proofs = new ProofCache();

  constructor(deps: DuckDBFrontEndDeps) {
    this.#deps = deps;
  }

  async admit(request: PlanningRequest): Promise<AdmittedStatement> {
    const timeZone = request.session.time_zone;
    return await this.#use(timeZone, async (instance) => {
      const statement = await classifyStatement(request.sql, instance);
      const names = checkParsed(statement.document);
      const values = parameterValues(names.parameters, request.parameters);
      try {
        return await this.#admitParsed(request, { statement, names, values }, instance);
      } catch (thrown) {
        const error = toEngineError(thrown);
        if (error.code !== 'SOURCE_READ_FAILED') throw error;
        throw await namingMissingFile(error, await this.#pathsOf(names), instance);
      }
    });
  }

  async #admitParsed(
    request: PlanningRequest,
    parsed: StatementToBind,
    instance: PlanningInstance,
  ): Promise<AdmittedStatement> {
    const { statement, names, values } = parsed;
    switch (statement.select.kind) {
      case 'show-tables':
        return await this.#showTables(statement.select.catalog);
      case 'describe': {
        await this.#mirror(instance, names.tables);
        const rows = await instance.answer(statement.sql, values);
        return { kind: 'known', statement: 'DESCRIBE', rows: { columns: DESCRIBE_COLUMNS, rows } };
      }
      case 'query':
        return await this.#bind(request, parsed, instance);
    }
  }

  /** Files and patterns that a statement names: to functions, or as a table that no catalog has. */
  async #pathsOf({ tables, paths }: StatementNames): Promise<readonly string[]> {
    const { catalogs } = this.#deps;
    const files: string[] = [...paths];
    for (const reference of tables) {
      const name = catalogs.nameOf(reference);
      const isBare = reference.catalog === '' && reference.schema === '';
      if (!isBare || name === undefined || (await catalogs.findTable(name)) !== undefined) continue;
      files.push(reference.table);
    }
    return files;
  }

  async refute(fragment: PlanFragment): Promise<Refutation | undefined> {
    const timeZone = fragment.settings['TimeZone'] ?? this.#deps.timeZone;
    const proof = proofStatement(fragment);
    const known = this.#proofs.get(timeZone, proof);
    if (known !== undefined) return difference(known, fragment.columns);
    return await this.#use(timeZone, async (instance) => {
      try {
        const columns = await instance.columnsOf(proof);
        this.#proofs.set(timeZone, proof, columns);
        return difference(columns, fragment.columns);
      } catch (error) {
        return refusal(error);
      }
    });
  }

  async columnsOf(table: Table): Promise<readonly Column[]> {
    return await this.#use(this.#deps.timeZone, async (instance) => {
      const related = await this.#deps.relations.of(table, instance.fileLane);
      return await instance.tableColumns(await instance.mirror(related));
    });
  }

  async #bind(
    request: PlanningRequest,
    { statement, names, values }: StatementToBind,
    instance: PlanningInstance,
  ): Promise<AdmittedStatement> {
    const tables = await this.#mirror(instance, names.tables);
    const plain = await withValues(statement, values, instance);
    const bind = async (text: StatementText, reads: readonly DirectRead[]): Promise<BoundQuery> => {
      const known = new Map([...tables, ...reads.map(keyedTable)]);
      const references = [...names.tables, ...reads.map(({ reference }) => reference)];
      const query: QueryToBind = {
        ...text,
        names: { ...names, tables: references },
        timeZone: request.session.time_zone,
        needsEstimates: mayBeDistributed(request, names, known),
        tableOf: (reference) => known.get(referenceKey(reference)),
      };
      return await bindQuery(query, instance, this.#deps.instances);
    };
    const pinned = await this.#pinReads(plain, tables, instance);
    const query =
      (pinned && (await bound(bind(pinned.text, pinned.reads)))) ?? (await bind(plain, []));
    const { explain } = statement;
    return explain === undefined ? { kind: 'query', query } : { kind: 'explain', query, explain };
  }

  /**
   * The statement over the files that it reads by name, with what they are like pinned. DuckDB binds the statement
   * itself, for its names and errors; one that cannot be pinned runs as it is, in one task.
   */
  async #pinReads(
    plain: StatementText,
    tables: ReadonlyMap<string, RelatedTable>,
    instance: PlanningInstance,
  ): Promise<{ readonly text: StatementText; readonly reads: readonly DirectRead[] } | undefined> {
    const isTable = (reference: TableReference): boolean => tables.has(referenceKey(reference));
    try {
      const pinned = await this.#deps.directReads.pin(plain.document, instance, isTable);
      if (pinned === undefined) return undefined;
      for (const { table } of pinned.reads) await instance.mirror(table);
      const resultNames = plain.resultNames ?? (await columnNames(plain.sql, instance));
      const { document, reads } = pinned;
      return { text: { sql: await instance.print(document), document, resultNames }, reads };
    } catch {
      return undefined;
    }
  }

  /** Makes the tables that a statement names known to the instance; by reference. */
  async #mirror(
    instance: PlanningInstance,
    references: readonly TableReference[],
  ): Promise<ReadonlyMap<string, RelatedTable>> {
    const { catalogs, relations } = this.#deps;
    const tables = new Map<string, RelatedTable>();
    for (const reference of references) {
      const key = referenceKey(reference);
      const name = tables.has(key) ? undefined : catalogs.nameOf(reference);
      if (name === undefined) continue;
      const table = await catalogs.findTable(name);
      if (table === undefined) {
        await instance.forget(name);
        continue;
      }
      const related = await relations.of(table, instance.fileLane);
      tables.set(key, await instance.mirror(related));
    }
    return tables;
  }

  async #showTables(catalog: string): Promise<AdmittedStatement> {
    const names = await this.#deps.catalogs.tablesOf(catalog);
    const columns = [{ name: 'name', type: VARCHAR }];
    const rows = names.map(({ table }) => [table]);
    return { kind: 'known', statement: 'SHOW TABLES', rows: { columns, rows } };
  }

  async #use<T>(timeZone: string, work: (instance: PlanningInstance) => Promise<T>): Promise<T> {
    try {
      return await this.#deps.instances.use({ timeZone, optimizers: 'usual' }, work);
    } catch (error) {
      throw toEngineError(error);
    }
  }
}

type StatementText = Pick<QueryToBind, 'sql' | 'document' | 'resultNames'>;

function keyedTable({ reference, table }: DirectRead): readonly [string, RelatedTable] {
  return [referenceKey(reference), table];
}

/** The query, or `undefined` when binding it fails: then the statement itself says why, or runs as it is. */
async function bound(pending: Promise<BoundQuery>): Promise<BoundQuery | undefined> {
  try {
    return await pending;
  } catch {
    return undefined;
  }
}

interface StatementToBind {
  readonly statement: ClassifiedStatement;
  readonly names: StatementNames;
  readonly values: readonly ParameterValue[];
}

/** DuckDB binds the statement as it is, for its errors and names; what is planned has constants for parameters. */
async function withValues(
  { sql, document }: ClassifiedStatement,
  values: readonly ParameterValue[],
  instance: PlanningInstance,
): Promise<StatementText> {
  if (values.length === 0) return { sql, document, resultNames: undefined };
  const resultNames = await columnNames(sql, instance, values);
  const replaced = await replaceParameters(document, values, instance);
  return { sql: await instance.print(replaced), document: replaced, resultNames };
}

function referenceKey({ catalog, schema, table }: TableReference): string {
  return JSON.stringify([catalog, schema, table].map((part) => part.toLowerCase()));
}

/** Whether estimates decide anything: a query that stays small by its tables' size is one fragment anyway. */
function mayBeDistributed(
  { session, cluster }: PlanningRequest,
  names: StatementNames,
  tables: ReadonlyMap<string, Table>,
): boolean {
  if (session.distribution !== 'auto') return session.distribution === 'always';
  if (cluster.workerCount <= 1) return false;
  const readsOtherFiles =
    names.tableFunctions.length > 0 ||
    names.tables.some((reference) => !tables.has(referenceKey(reference)));
  const bytes = [...tables.values()]
    .flatMap(({ files }) => files)
    .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return readsOtherFiles || bytes >= session.distribution_threshold;
}
