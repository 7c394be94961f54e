/** fast-check arbitraries for the values that travel between services. */
import * as fc from 'fast-check';
import { ERROR_POLICIES, type ErrorCode, type ErrorReport } from '../../services/common/error.ts';
import {
  formatQueryId,
  type FragmentId,
  type Instant,
  type NodeId,
  type NodeInstanceId,
  type OutputBufferId,
  type PartitionId,
  type SourceId,
  type TaskId,
} from '../../services/common/ids.ts';
import type { Column, ColumnType, PlainTypeId } from '../../services/common/plan/column-type.ts';
import type {
  FragmentOutput,
  PlanFragment,
  QueryPlan,
  RemoteSource,
  RowGroup,
  ScanDescriptor,
  ScanInput,
} from '../../services/common/plan/plan-fragment.ts';
import type {
  FileSplit,
  OutputLocation,
  SplitAssignment,
} from '../../services/common/plan/split.ts';
import { PLAIN_TYPES } from '../../services/common/plan/type-table.ts';
import type {
  OutputBuffers,
  OutputBufferStatus,
} from '../../services/common/task/output-buffers.ts';
import type { TaskStatus, TaskUpdate } from '../../services/common/task/task-status.ts';
import {
  collectedDomainArbitrary,
  dynamicFilterArbitrary,
  filterIdArbitrary,
  keyBoundsArbitrary,
} from './key-domain-arbitraries.ts';
import { NEW_SESSION } from '../../services/common/session-state.ts';
import { inputTreeArbitrary } from './input-tree-arbitrary.ts';
import {
  blockedReasonArbitrary,
  blockedTimesArbitrary,
  queryShareArbitrary,
} from './task-arbitraries.ts';

const uint32 = fc.nat({ max: 0xffff_ffff });
const uint53 = fc.maxSafeNat();
const measure = fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 });
const word = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' });
/** `__proto__` is a key that generated code cannot hold; nothing of ours is called so. */
const key = word.filter((text) => text !== '__proto__');
const texts = fc.dictionary(key, fc.string(), { maxKeys: 3, noNullPrototype: true });
const id = <T>(): fc.Arbitrary<T> => uint32 as fc.Arbitrary<unknown> as fc.Arbitrary<T>;

/** The record without the keys whose value is undefined, as exactOptionalPropertyTypes wants it. */
function dense<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T;
}

/** A record whose `optional` keys may be absent. */
function partial<T extends object>(model: {
  [K in keyof T]-?: fc.Arbitrary<T[K] | undefined>;
}): fc.Arbitrary<T> {
  return fc
    .record(model as Record<string, fc.Arbitrary<unknown>>)
    .map((record) => dense(record) as T);
}

const plainTypeId = fc.constantFrom(...(Object.keys(PLAIN_TYPES) as PlainTypeId[]));

export const columnTypeArbitrary: fc.Arbitrary<ColumnType> = fc.letrec<{
  type: ColumnType;
  member: Column;
}>((tie) => ({
  member: fc.record({ name: word, type: tie('type') }),
  type: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ id: plainTypeId }),
    fc.record({ id: fc.constant('DECIMAL' as const), width: fc.nat(38), scale: fc.nat(38) }),
    fc.record({
      id: fc.constant('ENUM' as const),
      values: fc.array(fc.string(), { maxLength: 3 }),
    }),
    partial<ColumnType & { id: 'GEOMETRY' }>({
      id: fc.constant('GEOMETRY' as const),
      crs: fc.option(fc.string(), { nil: undefined }),
    }),
    fc.record({ id: fc.constant('LIST' as const), child: tie('type') }),
    fc.record({ id: fc.constant('ARRAY' as const), child: tie('type'), size: fc.nat(100_000) }),
    fc.record({
      id: fc.constant('STRUCT' as const),
      fields: fc.array(tie('member'), { maxLength: 3 }),
    }),
    fc.record({ id: fc.constant('MAP' as const), key: tie('type'), value: tie('type') }),
    fc.record({
      id: fc.constant('UNION' as const),
      members: fc.array(tie('member'), { maxLength: 3 }),
    }),
  ),
})).type;

const columns = fc.array(fc.record({ name: fc.string(), type: columnTypeArbitrary }), {
  maxLength: 4,
});

export const errorReportArbitrary: fc.Arbitrary<ErrorReport> = partial<ErrorReport>({
  code: fc.constantFrom(...(Object.keys(ERROR_POLICIES) as ErrorCode[])),
  message: fc.string({ unit: 'grapheme' }),
  position: fc.option(uint32, { nil: undefined }),
  details: fc.option(
    fc.dictionary(key, fc.string(), { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
    { nil: undefined },
  ),
});

const fragmentOutput: fc.Arbitrary<FragmentOutput> = fc.record({
  consumer: fc.oneof(
    fc.constant({ kind: 'client' as const }),
    fc.record({
      kind: fc.constant('fragment' as const),
      fragmentId: id<FragmentId>(),
      sourceId: id<SourceId>(),
    }),
  ),
  scheme: fc.oneof(
    fc.record({
      kind: fc.constantFrom('single' as const, 'broadcast' as const, 'arbitrary' as const),
    }),
    fc.record({
      kind: fc.constant('hash' as const),
      keys: fc.array(fc.string(), { maxLength: 3 }),
    }),
  ),
});

/** What may be absent. */
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });

/** What is absent when there is none of it. */
const some = <T>(of: fc.Arbitrary<T>) => maybe(fc.array(of, { minLength: 1, maxLength: 2 }));

const scanInput: fc.Arbitrary<ScanInput> = partial<ScanInput>({
  sourceId: id<SourceId>(),
  name: word,
  format: fc.constant('parquet'),
  columns,
  table: fc.string(),
  partitioning: maybe(
    fc.record({
      predicates: fc.array(fc.string(), { maxLength: 3 }),
      mismatch: fc.constantFrom('skip' as const, 'fail' as const),
    }),
  ),
  filteredColumns: some(
    fc.record({
      filterId: filterIdArbitrary,
      column: uint32,
      type: columnTypeArbitrary,
      keepsNulls: fc.boolean(),
      isAwaited: fc.boolean(),
      testsRows: fc.boolean(),
    }),
  ),
  inFileOrder: fc.constantFrom(true as const, undefined),
});

const remoteSource: fc.Arbitrary<RemoteSource> = partial<RemoteSource>({
  sourceId: id<SourceId>(),
  name: word,
  producers: fc.array(id<FragmentId>(), { maxLength: 3 }),
  delivery: fc.constantFrom('partitioned', 'broadcast', 'gather', 'arbitrary'),
  types: fc.array(columnTypeArbitrary, { maxLength: 3 }),
  estimatedRows: measure,
  rowLimit: maybe(uint53),
  systemTable: fc.constantFrom('queries', 'nodes', undefined),
});

export const planFragmentArbitrary: fc.Arbitrary<PlanFragment> = partial<PlanFragment>({
  id: id<FragmentId>(),
  sql: word,
  columns,
  partitioning: fc.oneof(
    fc.record({
      kind: fc.constantFrom(...(['single', 'hash', 'arbitrary', 'scaled-writer'] as const)),
    }),
    fc.record({ kind: fc.constant('source' as const), sourceId: id<SourceId>() }),
    fc.record({
      kind: fc.constant('fixed-source' as const),
      partitionCount: uint32,
      layout: fc.string(),
    }),
  ),
  outputs: fc.array(fragmentOutput, { maxLength: 3 }),
  scans: fc.array(scanInput, { maxLength: 2 }),
  remoteSources: fc.array(remoteSource, { maxLength: 2 }),
  inputTree: fc.option(inputTreeArbitrary, { nil: undefined }),
  inputMode: fc.constantFrom('incremental', 'complete'),
  determinism: fc.constantFrom('deterministic', 'order-sensitive', 'indeterminate'),
  rowLimit: maybe(uint53),
  threads: fc.constantFrom('task', 'worker', 'one'),
  mayReorderJoins: fc.constantFrom(true as const, undefined),
  estimatedRows: measure,
  estimatedBytes: measure,
  settings: texts,
  partialAggregation: maybe(fc.record({ countingSql: word, rowwiseSql: word, minRows: uint53 })),
  collectedKeys: some(
    fc.record({
      filterId: filterIdArbitrary,
      column: uint32,
      type: columnTypeArbitrary,
      bloomBits: fc.constantFrom(0, 32, 8192),
      collectsValues: fc.boolean(),
    }),
  ),
  preparation: some(word),
});

const scanDescriptor: fc.Arbitrary<Omit<ScanDescriptor, 'sourceId'>> = fc.record({
  files: fc.array(
    fc.record({
      path: word,
      sizeBytes: uint53,
      modifiedAtMs: measure,
      rowGroups: fc.array(
        partial<RowGroup>({
          firstRow: uint53,
          rowCount: uint53,
          bytes: uint53,
          partitions: some(uint32),
          bounds: some(keyBoundsArbitrary),
        }),
        { maxLength: 3 },
      ),
    }),
    { maxLength: 4 },
  ),
  totalRows: uint53,
  totalBytes: uint53,
});

export const queryPlanArbitrary: fc.Arbitrary<QueryPlan> = partial<QueryPlan>({
  fragments: fc.array(planFragmentArbitrary, { minLength: 1, maxLength: 3 }),
  scans: fc
    .array(scanDescriptor, { maxLength: 3 })
    .map((scans) => scans.map((scan, i) => ({ sourceId: i as SourceId, ...scan }))),
  rung: fc.constantFrom('distributed', 'small', 'single-over-scans', 'whole'),
  rungReason: fc.string(),
  analysis: fc.constantFrom('text', 'json', undefined),
  question: maybe(word),
  session: fc.constantFrom(NEW_SESSION, undefined),
  holdsWhile: maybe(fc.array(fc.record({ path: word, changedAtMs: uint53 }), { maxLength: 3 })),
});

export const taskIdArbitrary: fc.Arbitrary<TaskId> = fc.record({
  queryId: fc
    .nat(99_999)
    .map((counter) => formatQueryId(1_789_000_000_000 as Instant, counter, 'k7f3a')),
  stageId: fc.nat(999).map((n) => n as FragmentId),
  partitionId: fc.nat(999).map((n) => n as TaskId['partitionId']),
  attempt: fc.nat(9),
});

const nodeId = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/).map((text) => text as NodeId);
const nodeInstanceId = word.map((text) => text as NodeInstanceId);

export const outputLocationArbitrary: fc.Arbitrary<OutputLocation> = fc.record({
  taskId: taskIdArbitrary,
  nodeId,
  nodeInstanceId,
  address: word,
  outputIndex: fc.nat(9),
  bufferId: id<OutputBufferId>(),
});

const splitAssignment: fc.Arbitrary<SplitAssignment> = fc.record({
  sourceId: id<SourceId>(),
  splits: fc.array(
    fc.record({
      sequenceId: uint53,
      weight: uint32,
      input: fc.oneof(
        fc.constant({ kind: 'empty' as const }),
        fc.record({ kind: fc.constant('remote' as const), location: outputLocationArbitrary }),
        partial<FileSplit>({
          kind: fc.constant('file' as const),
          path: word,
          sizeBytes: uint53,
          modifiedAtMs: measure,
          firstRow: uint53,
          rowCount: uint53,
          bytes: uint53,
          reading: maybe(
            fc.record({ options: fc.string(), missing: fc.array(word, { maxLength: 2 }) }),
          ),
          partition: fc.option(id<PartitionId>(), { nil: undefined }),
        }),
      ),
    }),
    { maxLength: 3 },
  ),
  noMoreSplits: fc.boolean(),
});

const outputBuffers: fc.Arbitrary<OutputBuffers> = fc
  .record({
    kind: fc.constantFrom<OutputBuffers['kind']>('partitioned', 'broadcast', 'arbitrary'),
    version: uint53,
    bufferIds: fc.uniqueArray(id<OutputBufferId>(), { maxLength: 3 }),
    noMoreBufferIds: fc.boolean(),
    abandonedCount: fc.nat(3),
    retention: fc.constantFrom(undefined, 'retained' as const, 'spooled' as const),
  })
  .map(({ abandonedCount, ...record }) => {
    const buffers = dense(record) as OutputBuffers;
    const abandonedBufferIds = buffers.bufferIds.slice(0, abandonedCount);
    return abandonedBufferIds.length === 0 ? buffers : { ...buffers, abandonedBufferIds };
  });

export const taskUpdateArbitrary: fc.Arbitrary<TaskUpdate> = partial<TaskUpdate>({
  taskId: taskIdArbitrary,
  principal: fc.record({ name: word }),
  capability: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  fragment: maybe(planFragmentArbitrary),
  splitAssignments: fc.array(splitAssignment, { maxLength: 3 }),
  outputBuffers: fc.array(outputBuffers, { maxLength: 3 }),
  deadline: measure.map((ms) => ms as Instant),
  memoryLimitBytes: uint53,
  isProfiled: fc.constantFrom(true, undefined),
  share: maybe(queryShareArbitrary),
  dynamicFilters: some(dynamicFilterArbitrary),
});

export const taskStatusArbitrary: fc.Arbitrary<TaskStatus> = partial<TaskStatus>({
  taskId: taskIdArbitrary,
  nodeId,
  nodeInstanceId,
  version: uint53,
  state: fc.constantFrom(
    'running',
    'flushing',
    'finished',
    'canceling',
    'canceled',
    'aborting',
    'aborted',
    'failing',
    'failed',
  ),
  error: maybe(errorReportArbitrary),
  outputs: fc.array(
    partial<OutputBufferStatus>({
      state: fc.constantFrom(
        'open',
        'no-more-buffers',
        'no-more-pages',
        'flushing',
        'finished',
        'aborted',
        'failed',
      ),
      bufferedBytes: uint53,
      utilization: measure,
      overutilized: fc.boolean(),
      storedBytes: some(uint53),
    }),
    { maxLength: 2 },
  ),
  queuedSplitWeight: uint32,
  receivedSplits: fc.array(
    fc.record({ sourceId: uint32, sequenceId: fc.oneof(fc.constant(-1), uint53) }),
    { maxLength: 2 },
  ),
  blockedReason: blockedReasonArbitrary,
  stats: fc.record({
    splitsCompleted: uint53,
    inputRows: uint53,
    inputBytes: uint53,
    outputRows: uint53,
    outputBytes: uint53,
    scannedRows: uint53,
    scannedBytes: uint53,
    cpuMs: measure,
    busyMs: measure,
    wallMs: measure,
    blockedMs: blockedTimesArbitrary,
    memoryBytes: uint53,
    peakMemoryBytes: uint53,
    spilledBytes: uint53,
    filteredRows: uint53,
    storedBytes: uint53,
    unaggregatedRows: uint53,
  }),
  inlinePages: fc.option(fc.array(fc.uint8Array(), { maxLength: 2 }), { nil: undefined }),
  collectedDomains: some(collectedDomainArbitrary),
});
