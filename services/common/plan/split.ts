/** Units of a task's input. The `sequenceId` makes re-delivery harmless: a task takes each id once (T35). */
import type {
  NodeId,
  NodeInstanceId,
  OutputBufferId,
  PartitionId,
  SourceId,
  TaskId,
} from '../ids.ts';
import type { FileReading } from './file-reading.ts';

/** A range of rows of one Parquet file, aligned to row groups; or all rows of a file of another format. */
export interface FileSplit {
  readonly kind: 'file';
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
  readonly firstRow: number;
  readonly rowCount: number;
  /** Compressed bytes of the columns that are read. */
  readonly bytes: number;
  /** Absent: a Parquet file that has all columns. */
  readonly reading?: FileReading;
  /** Of a fixed-source fragment: the task that reads its rows of this partition. */
  readonly partition?: PartitionId;
}

/** Row groups that a split source left out, since dynamic filters say that no row of them has a match. */
export interface PrunedInput {
  readonly rowGroups: number;
  readonly rows: number;
  readonly bytes: number;
}

export const NOTHING_PRUNED: PrunedInput = { rowGroups: 0, rows: 0, bytes: 0 };

export function addPruned(a: PrunedInput, b: PrunedInput): PrunedInput {
  return {
    rowGroups: a.rowGroups + b.rowGroups,
    rows: a.rows + b.rows,
    bytes: a.bytes + b.bytes,
  };
}

/** No rows: gives a source without splits its one task, so that count(*) answers 0 (T23). */
export interface EmptySplit {
  readonly kind: 'empty';
}

/** The buffer of a producer task that this task reads (T14). */
export interface RemoteSplit {
  readonly kind: 'remote';
  readonly location: OutputLocation;
}

export interface OutputLocation {
  readonly taskId: TaskId;
  readonly nodeId: NodeId;
  /** The run of the producer's process; another run has lost the task (T35). */
  readonly nodeInstanceId: NodeInstanceId;
  /** host:port of the ExchangeService that holds the buffer. */
  readonly address: string;
  /** Position in the producer fragment's `outputs`. */
  readonly outputIndex: number;
  readonly bufferId: OutputBufferId;
  /** It is read where it is spooled, whatever has become of its worker. Absent = from the worker. */
  readonly isSpooled?: true;
}

/** Of a split of standard size; what a split weighs is in hundredths of it. */
export const STANDARD_SPLIT_WEIGHT = 100;

export interface Split {
  readonly sequenceId: number;
  /** Load that the split means to a node; the standard split is 100. */
  readonly weight: number;
  readonly input: FileSplit | EmptySplit | RemoteSplit;
}

/** Splits for one source of a task; versioned by their sequence ids, idempotent. */
export interface SplitAssignment {
  readonly sourceId: SourceId;
  readonly splits: readonly Split[];
  readonly noMoreSplits: boolean;
}
