/**
 * Subtrees that every task may run for itself, over all rows of their scans: no stage of their own, no exchange. Files
 * are read faster than rows are sent, as long as there are few of them.
 */
import { originalOf, type LogicalPlan, type Scan, type ScanId } from '../logical/logical-plan.ts';
import { childrenOf, walkPlan } from '../logical/plan-children.ts';
import { bytesOf, rowWidthOf } from './estimate.ts';
import { isVolatilePlan } from './operator-expressions.ts';
import { onlyBranch, type Placed } from './placed.ts';
import { type StatisticsOfScans } from './scan-statistics.ts';
import { READ_COST } from './cost.ts';

/** A scan that each task of a stage reads whole. */
export interface CopiedScan {
  readonly scanId: ScanId;
  readonly original: ScanId;
}

export interface CopiedBody {
  readonly body: LogicalPlan;
  readonly scans: readonly CopiedScan[];
  /** Of running it once, in the measure of `cost.ts`. */
  readonly work: number;
}

/** Operators that give the same rows wherever they run, whatever the order in which the files are read. */
const COPIED_OPERATORS: ReadonlySet<LogicalPlan['kind']> = new Set([
  'scan',
  'values',
  'dummy-scan',
  'empty',
  'filter',
  'project',
  'join',
  'any-join',
  'cross-product',
]);

/** The subtree as one that any task can run; undefined when its rows come from other stages, or it has no known size. */
export function copiedBody(placed: Placed, statistics: StatisticsOfScans): CopiedBody | undefined {
  const branch = onlyBranch(placed);
  if (branch === undefined || branch.rowLimit !== undefined) return undefined;
  const { body } = branch;
  const nodes = [...walkPlan(body)];
  if (!nodes.every(({ kind }) => COPIED_OPERATORS.has(kind)) || isVolatilePlan(body)) {
    return undefined;
  }
  const scans = nodes.filter((node) => node.kind === 'scan');
  const work = workOf(body, statistics);
  if (scans.length === 0 || work === Infinity) return undefined;
  return {
    body,
    scans: scans.map((scan) => ({ scanId: scan.scanId, original: originalOf(scan) })),
    work,
  };
}

function workOf(plan: LogicalPlan, statistics: StatisticsOfScans): number {
  if (plan.kind === 'scan') return READ_COST * fileBytesOf(plan, statistics);
  const isJoin = plan.kind === 'join' || plan.kind === 'any-join' || plan.kind === 'cross-product';
  return childrenOf(plan).reduce(
    (sum, child) => sum + workOf(child, statistics) + (isJoin ? bytesOf(child) : 0),
    0,
  );
}

/** Of the rows in the row groups that the scan reads, before its filters. */
function fileBytesOf(scan: Scan, statistics: StatisticsOfScans): number {
  const known = statistics.get(originalOf(scan));
  if (known === undefined) return Infinity;
  const rows = known.rowGroups.reduce((sum, { rowCount }) => sum + rowCount, 0);
  return rows * rowWidthOf(scan.columns);
}
