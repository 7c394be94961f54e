/** Stages as PlanFragments: SQL over named inputs, with where its tasks and its rows go. */
import { assert } from '../../common/assert.ts';
import type { FragmentId, SourceId } from '../../common/ids.ts';
import { type Column, type ColumnType, formatColumnType } from '../../common/plan/column-type.ts';
import {
  type FragmentOutput,
  type Partitioning,
  type PartitioningScheme,
  type PlanFragment,
  type RemoteSource,
  type ScanInput,
  type ThreadUse,
} from '../../common/plan/plan-fragment.ts';
import { bytesOf, rowsOf, rowWidthOf, UNKNOWN_ROWS } from '../distribution/estimate.ts';
import { layoutText, partitionCountOf } from '../distribution/layout.ts';
import {
  type Exchange,
  type PhysicalPlan,
  type Stage,
  type StageIndex,
  type StageInput,
} from '../distribution/physical-plan.ts';
import { type DynamicFilterPlan, NO_DYNAMIC_FILTERS } from '../distribution/dynamic-filters.ts';
import { type LogicalPlan, type Scan, type SystemScan } from '../logical/logical-plan.ts';
import { walkPlan } from '../logical/plan-children.ts';
import { determinismOf, isSeededStage } from './determinism.ts';
import { scansInFileOrder } from './file-order.ts';
import { inputTreeOf } from './input-tree.ts';
import { partialForms } from './partial-aggregate.ts';
import { scanPartitioning } from './scan-partitioning.ts';
import { atom } from './sql/sql.ts';
import { writeExpression } from './sql/write-expression.ts';
import { type RelationNames, writeSql } from './sql/write-plan.ts';
import { hasTypeText, withFieldNames, withoutFieldNames } from './sql/write-type.ts';

/** What fragments need to know beside their plan. */
export interface FragmentContext {
  /** Names of the result's columns, as the user sees them. */
  readonly resultNames: readonly string[];
  /** DuckDB settings of the session that change answers. */
  readonly settings: Readonly<Record<string, string>>;
  /** Joins are in the order that DuckDB's optimizer chose. */
  readonly isJoinOrdered: boolean;
  /** Rows after which a partial aggregate may stop to aggregate; undefined = it never does. */
  readonly partialAggregationMinRows?: number | undefined;
  /** The table of a file, as the user knows it. */
  tableOf(scan: Scan): string;
}

/** A plan in stages, with what they tell each other of join keys. */
export interface FilteredPlan extends PhysicalPlan {
  readonly filters?: DynamicFilterPlan;
}

/**
 * The fragments, in the order of the stages.
 * @throws UnsupportedError for what SQL cannot say
 */
export function planFragments(plan: FilteredPlan, context: FragmentContext): PlanFragment[] {
  return plan.stages.map((stage, index) => {
    const isRoot = index === plan.stages.length - 1;
    const outputs = isRoot ? [CLIENT_OUTPUT] : outputsOf(plan, index);
    const { filters = NO_DYNAMIC_FILTERS } = plan;
    return fragmentOf(stage, index, { context, outputs, filters, isRoot });
  });
}

const CLIENT_OUTPUT: FragmentOutput = { consumer: { kind: 'client' }, scheme: { kind: 'single' } };

interface Surroundings {
  readonly context: FragmentContext;
  readonly outputs: readonly FragmentOutput[];
  readonly filters: DynamicFilterPlan;
  readonly isRoot: boolean;
}

function fragmentOf(stage: Stage, index: StageIndex, around: Surroundings): PlanFragment {
  const { body, rowLimit } = stage;
  const { context, filters } = around;
  const collectedKeys = filters.collectedKeys.get(index);
  const scans = scansOf(body);
  const ordered = scansInFileOrder(body);
  const inputTree = inputTreeOf(stage);
  const nameOf = (column: number): string =>
    around.isRoot ? (context.resultNames[column] ?? `c${column}`) : `c${column}`;
  const sql = writeSql(body, RELATION_NAMES);
  return {
    id: index as FragmentId,
    sql: around.isRoot ? sql : sentSql(sql, body.columns),
    columns: (around.isRoot ? body.columns : body.columns.map(withFieldNames)).map(
      (type, column): Column => ({ name: nameOf(column), type }),
    ),
    partitioning: partitioningOf(stage, scans),
    outputs: around.outputs,
    scans: scans.map((scan) => ({
      ...scanInput(scan, context, filters),
      ...partitioningOfScan(stage, scan),
      ...(ordered.has(scan) ? { inFileOrder: true as const } : {}),
    })),
    remoteSources: [...stage.inputs.map(remoteSource), ...systemScansOf(body).map(systemSource)],
    ...(inputTree === undefined ? {} : { inputTree }),
    inputMode: stage.partitioning === 'source' ? 'incremental' : 'complete',
    determinism: determinismOf(stage),
    ...(rowLimit === undefined ? {} : { rowLimit }),
    threads: threadsOf(stage),
    ...(context.isJoinOrdered ? {} : { mayReorderJoins: true }),
    estimatedRows: rowsOf(body),
    estimatedBytes: bytesOf(body),
    settings: context.settings,
    ...partialAggregationOf(stage, context),
    ...(collectedKeys === undefined ? {} : { collectedKeys }),
  };
}

function threadsOf(stage: Stage): ThreadUse {
  if (isSeededStage(stage)) return 'one';
  return stage.partitioning === 'single' ? 'worker' : 'task';
}

/** A batch of splits is aggregated by itself, so groups at the end of such a stage are merged by its consumer. */
function partialAggregationOf(
  stage: Stage,
  { partialAggregationMinRows: minRows }: FragmentContext,
): Pick<PlanFragment, 'partialAggregation'> {
  const { body, partitioning, rowLimit } = stage;
  const isMerged = partitioning === 'source' && rowLimit === undefined && !isSeededStage(stage);
  const forms = isMerged ? partialForms(body) : undefined;
  if (forms === undefined || minRows === undefined) return {};
  const [countingSql, rowwiseSql] = [forms.counting, forms.rowwise].map((form) =>
    sentSql(writeSql(form, RELATION_NAMES), form.columns),
  );
  assert(countingSql !== undefined && rowwiseSql !== undefined, 'both forms are written');
  return { partialAggregation: { countingSql, rowwiseSql, minRows } };
}

const RELATION_NAMES: RelationNames = {
  scan: ({ scanId }) => `scan_${scanId}`,
  systemScan: ({ scanId }) => `remote_${scanId}`,
  remote: ({ remoteId, columns }) => receivedRelation(`remote_${remoteId}`, columns),
};

/** Rows as they are sent to another stage. */
function sentSql(sql: string, columns: readonly ColumnType[]): string {
  if (columns.every(hasTypeText)) return sql;
  const sent = columns.map((type, column) =>
    hasTypeText(type)
      ? `c${column}`
      : `CAST(c${column} AS ${formatColumnType(withFieldNames(type))}) AS c${column}`,
  );
  return `SELECT ${sent.join(', ')} FROM (\n${sql}\n)`;
}

function receivedRelation(name: string, columns: readonly ColumnType[]): string {
  if (columns.every(hasTypeText)) return name;
  const received = columns.map(
    (type, column) => `${withoutFieldNames(`c${column}`, type)} AS c${column}`,
  );
  return `(SELECT ${received.join(', ')} FROM ${name})`;
}

/** A query as one fragment whose SQL was not written from a plan. */
export function wholeFragment(
  whole: {
    readonly sql: string;
    readonly scans: readonly Scan[];
    readonly systemScans: readonly SystemScan[];
    readonly preparation: readonly string[];
    readonly isSeeded: boolean;
  },
  columns: readonly Column[],
  context: FragmentContext,
): PlanFragment {
  return {
    id: 0 as FragmentId,
    sql: whole.sql,
    columns,
    partitioning: { kind: 'single' },
    outputs: [CLIENT_OUTPUT],
    scans: whole.scans.map((scan) => scanInput(scan, context)),
    remoteSources: whole.systemScans.map(systemSource),
    inputMode: 'complete',
    determinism: 'indeterminate',
    threads: whole.isSeeded ? 'one' : 'worker',
    mayReorderJoins: true,
    estimatedRows: UNKNOWN_ROWS,
    estimatedBytes: UNKNOWN_ROWS * rowWidthOf(columns.map(({ type }) => type)),
    settings: context.settings,
    ...(whole.preparation.length === 0 ? {} : { preparation: whole.preparation }),
  };
}

export function scansOf(body: LogicalPlan): readonly Scan[] {
  return [...walkPlan(body)].filter((node) => node.kind === 'scan');
}

function systemScansOf(body: LogicalPlan): readonly SystemScan[] {
  return [...walkPlan(body)].filter((node) => node.kind === 'system-scan');
}

function systemSource(scan: SystemScan): RemoteSource {
  return {
    sourceId: scan.scanId as SourceId,
    name: RELATION_NAMES.systemScan(scan),
    producers: [],
    systemTable: scan.table,
    delivery: 'gather',
    types: scan.columns,
    estimatedRows: UNKNOWN_ROWS,
  };
}

function partitioningOf(stage: Stage, scans: readonly Scan[]): Partitioning {
  if (stage.partitioning === 'layout') {
    const { layout } = stage;
    assert(layout !== undefined, 'a stage that is partitioned so has a layout');
    const partitionCount = partitionCountOf(layout);
    return { kind: 'fixed-source', partitionCount, layout: layoutText(layout) };
  }
  if (stage.partitioning !== 'source') return { kind: stage.partitioning };
  const [scan, ...others] = scans;
  assert(scan !== undefined && others.length === 0, 'a source stage reads one scan');
  return { kind: 'source', sourceId: scan.scanId as SourceId };
}

function partitioningOfScan({ layout }: Stage, scan: Scan): Pick<ScanInput, 'partitioning'> {
  const partitioning = layout && scanPartitioning(layout, scan);
  return partitioning === undefined ? {} : { partitioning };
}

function scanInput(scan: Scan, context: FragmentContext, filters = NO_DYNAMIC_FILTERS): ScanInput {
  const filteredColumns = filters.filteredColumns.get(scan.scanId);
  return {
    sourceId: scan.scanId as SourceId,
    name: RELATION_NAMES.scan(scan),
    format: scan.format,
    columns: scan.fileColumns.map(({ name, type }) => ({ name, type })),
    table: context.tableOf(scan),
    ...(filteredColumns === undefined ? {} : { filteredColumns }),
  };
}

function remoteSource(input: StageInput): RemoteSource {
  const { remoteId, producers, exchange, columns, estimatedRows, rowLimit } = input;
  return {
    sourceId: remoteId as SourceId,
    name: `remote_${remoteId}`,
    producers: producers.map((producer) => producer as FragmentId),
    delivery: DELIVERY[exchange.kind],
    types: columns.map(withFieldNames),
    estimatedRows,
    ...(rowLimit === undefined ? {} : { rowLimit }),
  };
}

const DELIVERY = {
  single: 'gather',
  hash: 'partitioned',
  broadcast: 'broadcast',
  arbitrary: 'arbitrary',
} as const satisfies Record<Exchange['kind'], RemoteSource['delivery']>;

/** One output for each input that reads the stage. */
function outputsOf(plan: PhysicalPlan, producer: StageIndex): readonly FragmentOutput[] {
  return plan.stages.flatMap((stage, consumer) =>
    stage.inputs
      .filter((input) => input.producers.includes(producer))
      .map((input): FragmentOutput => ({
        consumer: {
          kind: 'fragment',
          fragmentId: consumer as FragmentId,
          sourceId: input.remoteId as SourceId,
        },
        scheme: schemeOf(input.exchange, input.columns),
      })),
  );
}

function schemeOf(exchange: Exchange, columns: readonly ColumnType[]): PartitioningScheme {
  if (exchange.kind !== 'hash') return exchange;
  const names = columns.map((_, column) => atom(`c${column}`));
  return { kind: 'hash', keys: exchange.keys.map((key) => writeExpression(key, names)) };
}
