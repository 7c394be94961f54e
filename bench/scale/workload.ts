/** What a simulated cluster is given to do: queries as trees of stages, with the time that each task will take. */
import type { FragmentId, SourceId } from '../../services/common/ids.ts';
import type {
  FragmentOutput,
  PlanFragment,
  RemoteSource,
} from '../../services/common/plan/plan-fragment.ts';

export interface StageShape {
  /** Stages that it reads, by position; none = it reads files. */
  readonly inputs: readonly number[];
  /** Of each task, on a node of usual speed. */
  readonly durationsMs: readonly number[];
}

export interface QueryShape {
  readonly name: string;
  readonly arrivesAtMs: number;
  /** Producers first. Each but the last is read by one other. */
  readonly stages: readonly StageShape[];
  /** A small query whose time beside a big one is measured. */
  readonly isSmall?: true;
}

/** Tasks of every stage that reads others: one number for a query (T12). */
export function hashPartitionCountOf({ stages }: QueryShape): number {
  return stages.find(({ inputs }) => inputs.length > 0)?.durationsMs.length ?? 1;
}

export function taskCountOf({ stages }: QueryShape): number {
  return stages.reduce((sum, { durationsMs }) => sum + durationsMs.length, 0);
}

export function workOf({ stages }: QueryShape): number {
  return stages.reduce((sum, { durationsMs }) => sum + durationsMs.reduce((a, b) => a + b, 0), 0);
}

/** No schedule is shorter: a stage begins when its inputs are whole, and lasts as long as its longest task. */
export function criticalPathOf({ stages }: QueryShape): number {
  const ends: number[] = [];
  for (const { inputs, durationsMs } of stages) {
    const start = inputs.reduce((latest, input) => Math.max(latest, ends[input] ?? 0), 0);
    ends.push(start + durationsMs.reduce((longest, each) => Math.max(longest, each), 0));
  }
  return Math.max(0, ...ends);
}

/** The query that the kernel is given: its stages, and a root that gathers their rows. */
export function fragmentsOf({ stages }: QueryShape): readonly PlanFragment[] {
  const root = stages.length;
  const consumers = new Map<number, number>();
  stages.forEach(({ inputs }, index) => inputs.forEach((input) => consumers.set(input, index)));
  const inner = stages.map(({ inputs }, index) => {
    const consumer = consumers.get(index) ?? root;
    const output: FragmentOutput = {
      consumer: { kind: 'fragment', fragmentId: idOf(consumer), sourceId: sourceOf(index) },
      scheme: consumer === root ? { kind: 'single' } : { kind: 'hash', keys: ['c0'] },
    };
    const isLeaf = inputs.length === 0;
    return fragment(index, {
      ...(isLeaf ? scanning(root + 1 + index) : { partitioning: { kind: 'hash' } as const }),
      remoteSources: inputs.map((input) => remote(input, 'partitioned')),
      outputs: [output],
    });
  });
  const unread = stages.map((_, index) => index).filter((index) => !consumers.has(index));
  return [...inner, fragment(root, { remoteSources: unread.map((id) => remote(id, 'gather')) })];
}

function scanning(sourceId: number): Pick<PlanFragment, 'partitioning' | 'scans' | 'inputMode'> {
  const id = sourceId as SourceId;
  const scan = { sourceId: id, name: `scan_${id}`, format: 'parquet', columns: [], table: 't' };
  return {
    partitioning: { kind: 'source', sourceId: id },
    scans: [{ ...scan, format: 'parquet' }],
    inputMode: 'incremental',
  };
}

function remote(producer: number, delivery: RemoteSource['delivery']): RemoteSource {
  return {
    sourceId: sourceOf(producer),
    name: `remote_${producer}`,
    producers: [idOf(producer)],
    delivery,
    types: [],
    estimatedRows: 1,
  };
}

function fragment(index: number, changes: Partial<PlanFragment>): PlanFragment {
  return {
    id: idOf(index),
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

const idOf = (index: number): FragmentId => index as FragmentId;
const sourceOf = (index: number): SourceId => index as SourceId;
