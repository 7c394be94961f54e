/**
 * What the simulated engine computes: rows are integers, a fragment passes its rows on, mixed with a digest of all
 * that was broadcast to it. So a row that is lost, doubled, or joined with half a build side changes the result.
 */
import type { PlanFragment } from '../../services/common/plan/plan-fragment.ts';
import type { FileSplit } from '../../services/common/plan/split.ts';

export type Row = number;

/** Rows of a split: as many as it says, unlike those of any other split. */
export function rowsOfSplit(sourceId: number, split: FileSplit): Row[] {
  return Array.from(
    { length: split.rowCount },
    (_, index) => sourceId * 1_000_000 + split.firstRow + index,
  );
}

/** The one row of an empty source: proves that its task exists (T23). */
export function rowOfEmptySplit(sourceId: number): Row {
  return sourceId * 1_000_000 + 999_999;
}

/** Order does not matter, every row does. */
export function digestOf(rows: readonly Row[]): number {
  return rows.reduce((digest, row) => (digest + Math.imul(row + 1, 0x9e3779b1)) >>> 0, 0);
}

/** A row as it leaves a fragment; `digest` of its broadcast inputs, 0 = it has none. */
export function passRow(row: Row, digest: number): Row {
  return digest === 0 ? row : Math.imul(row ^ digest, 0x85ebca6b) >>> 0;
}

export function partitionOf(row: Row, partitionCount: number): number {
  return (Math.imul(row ^ (row >>> 16), 0x45d9f3b) >>> 0) % partitionCount;
}

/** The rows of a limit inside a plan: which rows it lets through is open, so they are made alike. */
export function rowOfLimit(fragmentId: number, index: number): Row {
  return 900_000_000 + fragmentId * 1_000 + index;
}

export function isInnerLimit(fragment: PlanFragment): boolean {
  const isRoot = fragment.outputs.some((output) => output.consumer.kind === 'client');
  return fragment.rowLimit !== undefined && fragment.partitioning.kind === 'single' && !isRoot;
}
