import { type CteId, type LogicalPlan } from '../logical/logical-plan.ts';
import { type Placed } from './placed.ts';
import { type SharedRows } from './place-cte.ts';
import { type StatisticsOfScans } from './scan-statistics.ts';
import { type StageGraph } from './stage-graph.ts';

/** What decides between plans of the same meaning. */
export interface DistributionOptions {
  /** Tasks of a stage that is hash-partitioned or reads many splits. */
  readonly taskCount: number;
  /** A build side above this estimated size is not broadcast when it can be partitioned. */
  readonly broadcastThresholdBytes: number;
  /** Rows are never aggregated before they are sent by their groups. */
  readonly sendsRawRows: boolean;
  /** Tasks share out whatever can be, however little work it is. */
  readonly sharesSmallWork: boolean;
  /** What may tell that files lie apart by a key; empty = scans are read in any splits. */
  readonly statistics: StatisticsOfScans;
  /** The scans that several tasks may read whole in place of receiving their rows, with what they hold. */
  readonly replicated: StatisticsOfScans;
}

/** What the rules of the single operators share. */
export interface Placer {
  readonly graph: StageGraph;
  readonly options: DistributionOptions;
  /** The CTEs in scope. */
  readonly shared: Map<CteId, SharedRows>;
  place(plan: LogicalPlan): Placed;
}
