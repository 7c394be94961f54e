/** What a plan in stages costs as a whole, in the measure of `cost.ts`: by this a plan in one task and one in several compare. */
import { type LogicalPlan, originalOf, type Scan } from '../logical/logical-plan.ts';
import { childrenOf } from '../logical/plan-children.ts';
import { GROUP_COST, READ_COST, RECEIVE_COST, SEND_COST, stageCost } from './cost.ts';
import { bytesOf, rowsOf, rowWidthOf } from './estimate.ts';
import { loadOf } from './layout.ts';
import { type Exchange, type PhysicalPlan, type Stage } from './physical-plan.ts';
import { type DistributionOptions } from './placer.ts';
import { type StatisticsOfScans } from './scan-statistics.ts';

/** The work of the busiest task of each stage, one after the other: tasks of all stages share the same cores. */
export function planCost(plan: PhysicalPlan, terms: DistributionOptions): number {
  return plan.stages.reduce((sum, stage, index) => {
    const readers = plan.stages.flatMap(({ inputs }) =>
      inputs.filter(({ producers }) => producers.includes(index)),
    );
    return sum + costOfStage(stage, readers.length, terms);
  }, 0);
}

function costOfStage(stage: Stage, readerCount: number, terms: DistributionOptions): number {
  const share = shareOf(stage, terms);
  const sent = readerCount * SEND_COST * bytesOf(stage.body) * share;
  return stageCost(terms) + workOf(stage.body, { stage, share, ...terms }).cost + sent;
}

/** Of the rows that are dealt to a stage's tasks: what the busiest one has. */
function shareOf({ partitioning, layout }: Stage, { taskCount }: DistributionOptions): number {
  if (partitioning === 'single') return 1;
  return layout === undefined ? 1 / taskCount : loadOf(layout).busiestShare;
}

interface Place extends DistributionOptions {
  readonly stage: Stage;
  readonly share: number;
}

interface Work {
  readonly cost: number;
  /** Each task has all of the rows. */
  readonly isCopied: boolean;
}

function workOf(plan: LogicalPlan, place: Place): Work {
  const { share } = place;
  switch (plan.kind) {
    case 'scan': {
      const isCopied = isCopiedScan(plan, place.stage);
      const bytes = fileRowsOf(plan, place.replicated) * rowWidthOf(plan.columns);
      return { cost: READ_COST * bytes * (isCopied ? 1 : share), isCopied };
    }
    case 'remote': {
      const isCopied = exchangeOf(plan.remoteId, place.stage)?.kind === 'broadcast';
      return { cost: RECEIVE_COST * bytesOf(plan) * (isCopied ? 1 : share), isCopied };
    }
    default: {
      const children = childrenOf(plan);
      const inputs = children.map((child) => workOf(child, place));
      const reads = costOfInput(plan);
      const cost = inputs.reduce(
        (sum, input, index) =>
          sum + input.cost + reads * bytesAt(children[index]) * (input.isCopied ? 1 : share),
        0,
      );
      return { cost, isCopied: inputs.length > 0 && inputs.every(({ isCopied }) => isCopied) };
    }
  }
}

/** Of taking a byte in: some keep nothing of their rows, some only what becomes of them. */
function costOfInput({ kind }: LogicalPlan): number {
  switch (kind) {
    case 'filter':
    case 'project':
    case 'unnesting':
    case 'limit':
    case 'set-operation':
    case 'materialized-cte':
      return 0;
    case 'aggregate':
    case 'distinct':
    case 'top-n':
      return GROUP_COST;
    default:
      return 1;
  }
}

function bytesAt(plan: LogicalPlan | undefined): number {
  return plan === undefined ? 0 : bytesOf(plan);
}

function isCopiedScan({ scanId }: Scan, { layout }: Stage): boolean {
  return layout?.copies?.some((copy) => copy.scanId === scanId) === true;
}

function exchangeOf(remoteId: number, { inputs }: Stage): Exchange | undefined {
  return inputs.find((input) => input.remoteId === remoteId)?.exchange;
}

/** Before the scan's filters, where that is known. */
function fileRowsOf(scan: Scan, statistics: StatisticsOfScans): number {
  const known = statistics.get(originalOf(scan));
  if (known === undefined) return rowsOf(scan);
  return known.rowGroups.reduce((sum, { rowCount }) => sum + rowCount, 0);
}
