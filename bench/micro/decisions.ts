/** How many facts a second the scheduling kernel turns into orders, over whole queries. */
import type {
  FragmentId,
  Instant,
  NodeId,
  NodeInstanceId,
  QueryId,
  SourceId,
} from '../../services/common/ids.ts';
import type { PlanFragment, ScanInput } from '../../services/common/plan/plan-fragment.ts';
import type { FileSplit } from '../../services/common/plan/split.ts';
import { NO_TASK_STATS } from '../../services/common/task/task-status.ts';
import type { TaskStateKind } from '../../services/common/task/task-status.ts';
import {
  createQueryScheduler,
  onEvent,
} from '../../services/coordinator/scheduler/query-scheduler.ts';
import type { SchedulerNode } from '../../services/coordinator/scheduler/scheduler-event.ts';
import { DEFAULT_SCHEDULER_OPTIONS } from '../../services/coordinator/scheduler/scheduler-options.ts';
import type { QuerySchedulerState } from '../../services/coordinator/scheduler/scheduler-state.ts';
import type { TaskState } from '../../services/coordinator/scheduler/task-state.ts';
import { measureRate } from '../micro-benchmark.ts';
import type { Measurement, MicroBenchmark } from '../micro-benchmark.ts';

interface Size {
  readonly nodeCount: number;
  readonly lanes: number;
  readonly splitsPerScan: number;
}

/** Each task reports so often while it runs. */
const PROGRESS_REPORTS = 8;
const BATCH = DEFAULT_SCHEDULER_OPTIONS.splitBatchSize;
const TASK_LIFE: readonly TaskStateKind[] = [
  ...Array.from({ length: PROGRESS_REPORTS }, () => 'running' as const),
  'flushing',
  'finished',
];

export const benchmark: MicroBenchmark = {
  title: 'decisions of the scheduling kernel: two scans, a hash join, a gather',
  async run(): Promise<readonly Measurement[]> {
    const small = { nodeCount: 2, lanes: 4, splitsPerScan: 64 };
    const large = { nodeCount: 64, lanes: 4, splitsPerScan: 8_000 };
    return [
      { name: '2 workers, 8 tasks a stage', value: await eventsPerSecond(small), unit: '1/s' },
      { name: '64 workers, 256 tasks a stage', value: await eventsPerSecond(large), unit: '1/s' },
    ];
  },
};

function eventsPerSecond(size: Size): Promise<number> {
  const fragments = joinPlan();
  const nodes = Array.from({ length: size.nodeCount }, (_, index) => aNode(index, size.lanes));
  const splits = Array.from({ length: size.splitsPerScan }, (_, index) => aSplit(index));
  return measureRate(() => runQuery(fragments, nodes, splits));
}

/** One query to its end; answers how many events that took. */
function runQuery(
  fragments: readonly PlanFragment[],
  nodes: readonly SchedulerNode[],
  splits: readonly FileSplit[],
): number {
  const { state } = createQueryScheduler(
    {
      queryId: '20261121_120000_00001_bench' as QueryId,
      fragments,
      nodes,
      deadline: 1e12 as Instant,
      options: DEFAULT_SCHEDULER_OPTIONS,
    },
    0 as Instant,
  );
  let events = 1;
  const post = (event: Parameters<typeof onEvent>[1]): void => {
    onEvent(state, event, events as Instant);
    events += 1;
  };
  for (let first = 0; first < splits.length; first += BATCH) {
    for (const sourceId of [1, 2] as SourceId[]) {
      const batch = splits.slice(first, first + BATCH);
      const last = first + BATCH >= splits.length;
      post({ kind: 'splits-loaded', sourceId, batch: first / BATCH, splits: batch, last });
    }
  }
  TASK_LIFE.forEach((kind, version) => {
    for (const task of liveTasks(state)) post(statusOf(task, kind, version));
  });
  if (state.query.kind !== 'finished') throw new Error(`the query is ${state.query.kind}`);
  return events;
}

function liveTasks(state: QuerySchedulerState): readonly TaskState[] {
  return state.stages.flatMap((stage) => stage.tasks);
}

function statusOf(
  task: TaskState,
  state: TaskStateKind,
  version: number,
): Parameters<typeof onEvent>[1] {
  const { taskId, nodeId, nodeInstanceId } = task;
  return {
    kind: 'task-status',
    status: {
      taskId,
      nodeId,
      nodeInstanceId,
      version,
      state,
      outputs: [{ state: 'open', bufferedBytes: 1, utilization: 0, overutilized: false }],
      queuedSplitWeight: 0,
      receivedSplits: task.inputs.map((input) => ({
        sourceId: input.sourceId,
        sequenceId: input.nextSequenceId - 1,
      })),
      blockedReason: 'none',
      stats: NO_TASK_STATS,
    },
  };
}

function joinPlan(): readonly PlanFragment[] {
  const hash = (sourceId: number) =>
    ({
      consumer: { kind: 'fragment', fragmentId: 2 as FragmentId, sourceId: sourceId as SourceId },
      scheme: { kind: 'hash', keys: ['c0'] },
    }) as const;
  const partitioned = (sourceId: number, producer: number) =>
    ({
      sourceId: sourceId as SourceId,
      name: `remote_${sourceId}`,
      producers: [producer as FragmentId],
      delivery: 'partitioned',
      types: [],
      estimatedRows: 1,
    }) as const;
  return [
    aFragment(0, { ...scanning(1), outputs: [hash(3)] }),
    aFragment(1, { ...scanning(2), outputs: [hash(4)] }),
    aFragment(2, {
      partitioning: { kind: 'hash' },
      remoteSources: [partitioned(3, 0), partitioned(4, 1)],
      outputs: [
        {
          consumer: { kind: 'fragment', fragmentId: 3 as FragmentId, sourceId: 5 as SourceId },
          scheme: { kind: 'single' },
        },
      ],
    }),
    aFragment(3, { remoteSources: [{ ...partitioned(5, 2), delivery: 'gather' }] }),
  ];
}

function scanning(sourceId: number): Pick<PlanFragment, 'partitioning' | 'scans' | 'inputMode'> {
  const id = sourceId as SourceId;
  const scan: ScanInput = {
    sourceId: id,
    name: `scan_${id}`,
    format: 'parquet',
    columns: [],
    table: 't',
  };
  return {
    partitioning: { kind: 'source', sourceId: id },
    scans: [scan],
    inputMode: 'incremental',
  };
}

function aFragment(id: number, changes: Partial<PlanFragment>): PlanFragment {
  return {
    id: id as FragmentId,
    sql: 'SELECT 1',
    columns: [],
    partitioning: { kind: 'single' },
    outputs: [{ consumer: { kind: 'client' }, scheme: { kind: 'single' } }],
    scans: [],
    remoteSources: [],
    inputMode: 'complete',
    determinism: 'deterministic',
    threads: 'task',
    estimatedRows: 1,
    estimatedBytes: 1,
    settings: {},
    ...changes,
  };
}

function aNode(index: number, lanes: number): SchedulerNode {
  return {
    nodeId: `worker-${index}` as NodeId,
    nodeInstanceId: `worker-${index}-run-1` as NodeInstanceId,
    address: `worker-${index}:7442`,
    taskConcurrency: lanes,
    cores: lanes,
  };
}

function aSplit(index: number): FileSplit {
  return {
    kind: 'file',
    path: '/data/t.parquet',
    sizeBytes: 1 << 30,
    modifiedAtMs: 0,
    firstRow: index * 100_000,
    rowCount: 100_000,
    bytes: 16 << 20,
  };
}
