/** Small queries on two workers, under each fault and policy. */
import type { SourceId } from '../../../services/common/ids.ts';
import type { InputTree, PlanFragment } from '../../../services/common/plan/plan-fragment.ts';
import { DEFAULT_TASK_RETRIES } from '../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import { DEFAULT_SCHEDULER_OPTIONS } from '../../../services/coordinator/scheduler/scheduler-options.ts';
import type { SchedulerOptions } from '../../../services/coordinator/scheduler/scheduler-options.ts';
import {
  aFragment,
  aRemote,
  aScan,
  aScanFragment,
  someNodes,
  toFragment,
} from '../../support/plan-builders.ts';
import { REGIONS, STAGE_BARRIER } from '../discipline.ts';
import { FAULT_TOLERANT } from '../fault-tolerance.ts';
import type { Configuration, FaultKind } from './world.ts';

interface SmallQuery {
  readonly name: string;
  readonly fragments: readonly PlanFragment[];
  readonly splits: Readonly<Record<number, number>>;
}

const gather = (id: number, sourceId: number, producers: readonly number[]): PlanFragment =>
  aFragment(id, { remoteSources: [aRemote(sourceId, producers, 'gather')] });

const scan = (id: number, sourceId: number, to: ReturnType<typeof toFragment>): PlanFragment =>
  aScanFragment(id, { sourceId, output: to });

const ofSource = (sourceId: number): InputTree => ({
  kind: 'source',
  sourceId: sourceId as SourceId,
});

const QUERIES: readonly SmallQuery[] = [
  {
    name: 'scan',
    fragments: [scan(0, 1, toFragment(1, 9, 'single')), gather(1, 9, [0])],
    splits: { 1: 2 },
  },
  {
    name: 'empty scan',
    fragments: [scan(0, 1, toFragment(1, 9, 'single')), gather(1, 9, [0])],
    splits: { 1: 0 },
  },
  {
    name: 'exchange',
    fragments: [
      scan(0, 1, toFragment(1, 8, 'hash')),
      aFragment(1, {
        partitioning: { kind: 'hash' },
        remoteSources: [aRemote(8, [0], 'partitioned')],
        outputs: [toFragment(2, 9, 'single')],
      }),
      gather(2, 9, [1]),
    ],
    splits: { 1: 1 },
  },
  {
    name: 'broadcast join',
    fragments: [
      scan(0, 1, toFragment(1, 8, 'broadcast')),
      aScanFragment(
        1,
        { sourceId: 2, output: toFragment(2, 9, 'single') },
        {
          remoteSources: [aRemote(8, [0], 'broadcast')],
          scans: [aScan(2)],
          inputTree: { kind: 'join', probe: ofSource(2), build: ofSource(8) },
        },
      ),
      gather(2, 9, [1]),
    ],
    splits: { 1: 1, 2: 1 },
  },
  {
    name: 'union',
    fragments: [
      scan(0, 1, toFragment(2, 9, 'single')),
      scan(1, 2, toFragment(2, 9, 'single')),
      gather(2, 9, [0, 1]),
    ],
    splits: { 1: 1, 2: 1 },
  },
  {
    name: 'limit',
    fragments: [
      { ...scan(0, 1, toFragment(1, 9, 'single')), rowLimit: 1 },
      { ...gather(1, 9, [0]), rowLimit: 1 },
    ],
    splits: { 1: 2 },
  },
];

/** With tasks that are tried again: of stages of two partitions, of which the next stage may read the first one early. */
const SPOOLED_QUERIES: readonly (SmallQuery & { readonly faults: readonly FaultKind[] })[] = [
  {
    name: 'spooled exchange',
    fragments: [
      scan(0, 1, toFragment(1, 8, 'hash')),
      aFragment(1, {
        partitioning: { kind: 'hash' },
        remoteSources: [aRemote(8, [0], 'partitioned')],
        outputs: [toFragment(2, 9, 'single')],
      }),
      gather(2, 9, [1]),
    ],
    splits: { 1: 2 },
    faults: [
      'status-lost',
      'status-repeated',
      'node-lost',
      'task-failure',
      'memory-kill',
      'spool-lost',
    ],
  },
  {
    name: 'spooled limit',
    fragments: [scan(0, 1, toFragment(1, 9, 'single')), { ...gather(1, 9, [0]), rowLimit: 1 }],
    splits: { 1: 2 },
    faults: ['node-lost', 'spool-lost'],
  },
];

const FAULTS: readonly (FaultKind | undefined)[] = [
  undefined,
  'status-lost',
  'status-repeated',
  'node-lost',
  'task-failure',
  'read-failure',
  'cancel',
];

type Policies = Pick<SchedulerOptions, 'scheduling' | 'executionPolicy' | 'retryPolicy'>;

const ALL_AT_ONCE = {
  scheduling: 'pipelined',
  executionPolicy: 'all-at-once',
  retryPolicy: 'none',
} as const;
const QUERY_RETRY = { ...ALL_AT_ONCE, retryPolicy: 'query' } as const;

/** Policies that make a difference to the query. */
const POLICIES: Readonly<Record<string, readonly Policies[]>> = {
  scan: [ALL_AT_ONCE, STAGE_BARRIER, REGIONS, QUERY_RETRY],
  'empty scan': [ALL_AT_ONCE, QUERY_RETRY],
  exchange: [ALL_AT_ONCE, STAGE_BARRIER],
  union: [ALL_AT_ONCE, STAGE_BARRIER, QUERY_RETRY],
  limit: [ALL_AT_ONCE, STAGE_BARRIER, REGIONS],
  'broadcast join': [
    ALL_AT_ONCE,
    { ...ALL_AT_ONCE, executionPolicy: 'phased' },
    { ...ALL_AT_ONCE, executionPolicy: 'legacy-phased' },
    STAGE_BARRIER,
    REGIONS,
    QUERY_RETRY,
  ],
};

/** Where nothing is tried again, one failure is as good as another. */
function isWorthwhile(fault: FaultKind | undefined): (policies: Policies) => boolean {
  return ({ retryPolicy }) => fault !== 'read-failure' || retryPolicy !== 'none';
}

function nameOf({ executionPolicy, retryPolicy }: Policies): string {
  return retryPolicy === 'query' ? `${executionPolicy}, query retry` : executionPolicy;
}

/** Each split is a task; the first failure is tried again at once; nothing is compared, since time stands still. */
function retryingTasks(startsSpeculatively: boolean): SchedulerOptions {
  const { sizing, speculation } = DEFAULT_TASK_RETRIES;
  return {
    ...DEFAULT_SCHEDULER_OPTIONS,
    ...FAULT_TOLERANT,
    stallTimeoutMs: 0,
    retryDelays: { initialDelayMs: 0, maxDelayMs: 0, scaleFactor: 1 },
    taskRetries: {
      ...DEFAULT_TASK_RETRIES,
      startsSpeculatively,
      speculation: { ...speculation, isEnabled: false },
      sizing: { ...sizing, maxTaskSplits: 1, minTasksPerNode: 1, hashTargetBytes: 1 },
    },
  };
}

const SPOOLED: readonly Configuration[] = SPOOLED_QUERIES.flatMap(({ name, faults, ...query }) =>
  [undefined, ...faults].flatMap((fault) =>
    [true, false].map((startsEarly) => ({
      ...query,
      name: `${name}, ${fault ?? 'no fault'}, event-driven${startsEarly ? ', speculative' : ''}`,
      nodes: someNodes(2),
      options: retryingTasks(startsEarly),
      faults: fault === undefined ? [] : [fault],
    })),
  ),
);

/** Each query with each fault, under each of its policies. */
const OTHERS: readonly Configuration[] = QUERIES.flatMap((query) =>
  FAULTS.flatMap((fault) =>
    (POLICIES[query.name] ?? [ALL_AT_ONCE]).filter(isWorthwhile(fault)).map((policies) => ({
      name: `${query.name}, ${fault ?? 'no fault'}, ${nameOf(policies)}`,
      fragments: query.fragments,
      splits: query.splits,
      nodes: someNodes(2),
      options: {
        ...DEFAULT_SCHEDULER_OPTIONS,
        ...policies,
        dynamicFilterWaitMs: 0,
        stallTimeoutMs: 0,
      },
      faults: fault === undefined ? [] : [fault],
    })),
  ),
);

export const CONFIGURATIONS: readonly Configuration[] = [...OTHERS, ...SPOOLED];
