/** Small plan fragments, nodes and splits for tests of everything that schedules or runs them. */
import type { FragmentId, NodeId, NodeInstanceId, SourceId } from '../../services/common/ids.ts';
import type {
  FragmentOutput,
  InputTree,
  Partitioning,
  PartitioningScheme,
  PlanFragment,
  RemoteSource,
  ScanInput,
} from '../../services/common/plan/plan-fragment.ts';
import type { FileSplit } from '../../services/common/plan/split.ts';
import type { SchedulerNode } from '../../services/coordinator/scheduler/scheduler-event.ts';

export function aFragment(id: number, changes: Partial<PlanFragment> = {}): PlanFragment {
  return {
    id: id as FragmentId,
    sql: `SELECT ${id} AS c0`,
    columns: [{ name: 'c0', type: { id: 'INTEGER' } }],
    partitioning: { kind: 'single' },
    outputs: [toClient()],
    scans: [],
    remoteSources: [],
    inputMode: 'complete',
    determinism: 'deterministic',
    threads: 'task',
    estimatedRows: 1,
    estimatedBytes: 8,
    settings: {},
    ...changes,
  };
}

/** A fragment that reads one scan and feeds one consumer. */
export function aScanFragment(
  id: number,
  options: { readonly sourceId: number; readonly output: FragmentOutput },
  changes: Partial<PlanFragment> = {},
): PlanFragment {
  return aFragment(id, {
    partitioning: bySource(options.sourceId),
    scans: [aScan(options.sourceId)],
    outputs: [options.output],
    inputMode: 'incremental',
    ...changes,
  });
}

export function bySource(sourceId: number): Partitioning {
  return { kind: 'source', sourceId: sourceId as SourceId };
}

export function aScan(sourceId: number): ScanInput {
  return {
    sourceId: sourceId as SourceId,
    name: `scan_${sourceId}`,
    format: 'parquet',
    columns: [{ name: 'c0', type: { id: 'INTEGER' } }],
    table: `table_${sourceId}`,
  };
}

/** For a fragment whose task i reads partition i of each scan. */
export function aFixedSource(
  partitionCount: number,
  sourceIds: readonly number[],
): Pick<PlanFragment, 'partitioning' | 'scans' | 'inputMode'> {
  const predicates = Array.from({ length: partitionCount }, (_, i) => `c0 = ${i}`);
  return {
    partitioning: { kind: 'fixed-source', partitionCount, layout: `range(key, ${partitionCount})` },
    scans: sourceIds.map((sourceId) => ({
      ...aScan(sourceId),
      partitioning: { predicates, mismatch: 'skip' },
    })),
    inputMode: 'complete',
  };
}

export function aRemote(
  sourceId: number,
  producers: readonly number[],
  delivery: RemoteSource['delivery'],
): RemoteSource {
  return {
    sourceId: sourceId as SourceId,
    name: `remote_${sourceId}`,
    producers: producers as readonly FragmentId[],
    delivery,
    types: [{ id: 'INTEGER' }],
    estimatedRows: 1,
  };
}

/** Inputs by the ids of their sources: `joined(1, joined(2, 3))` probes with 1. */
export function joined(probe: InputTree | number, build: InputTree | number): InputTree {
  return { kind: 'join', probe: treeOf(probe), build: treeOf(build) };
}

export function aggregated(input: InputTree | number): InputTree {
  return { kind: 'aggregate', input: treeOf(input) };
}

function treeOf(input: InputTree | number): InputTree {
  return typeof input === 'number' ? { kind: 'source', sourceId: input as SourceId } : input;
}

export function toClient(): FragmentOutput {
  return { consumer: { kind: 'client' }, scheme: { kind: 'single' } };
}

export function toFragment(
  fragmentId: number,
  sourceId: number,
  scheme: PartitioningScheme['kind'],
): FragmentOutput {
  return {
    consumer: {
      kind: 'fragment',
      fragmentId: fragmentId as FragmentId,
      sourceId: sourceId as SourceId,
    },
    scheme: scheme === 'hash' ? { kind: 'hash', keys: ['c0'] } : { kind: scheme },
  };
}

/** `count` splits of equal size; the path names the source, `firstRow` the split. */
export function someSplits(sourceId: number, count: number, bytes = 32 * 1024 * 1024): FileSplit[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'file',
    path: `/data/${sourceId}.parquet`,
    sizeBytes: bytes * count,
    modifiedAtMs: 0,
    firstRow: index * 100,
    rowCount: 100,
    bytes,
  }));
}

export function aNode(name: string, changes: Partial<SchedulerNode> = {}): SchedulerNode {
  return {
    nodeId: name as NodeId,
    nodeInstanceId: `${name}-run-1` as NodeInstanceId,
    address: `${name}:7442`,
    taskConcurrency: 1,
    cores: 1,
    ...changes,
  };
}

export function someNodes(count: number, changes: Partial<SchedulerNode> = {}): SchedulerNode[] {
  return Array.from({ length: count }, (_, index) => aNode(`worker-${index + 1}`, changes));
}
