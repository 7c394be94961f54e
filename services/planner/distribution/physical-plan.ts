import { type ColumnType } from '../../common/plan/column-type.ts';
import { type Expression } from '../logical/expression.ts';
import { type LogicalPlan, type RemoteId } from '../logical/logical-plan.ts';
import { type Layout } from './layout.ts';

/** Position of a stage in `PhysicalPlan.stages`. */
export type StageIndex = number;

/** A query cut at its exchanges: producers before consumers, the root last. */
export interface PhysicalPlan {
  readonly stages: readonly Stage[];
}

/** What one kind of task does: operators over scans and remote inputs, without an exchange inside. */
export interface Stage {
  readonly body: LogicalPlan;
  /**
   * single: one task · source: tasks follow the splits of the body's only scan · hash: task i reads partition i of
   * each hashed input · arbitrary: tasks share the pages of one input · layout: task i reads part i of the scans.
   */
  readonly partitioning: StagePartitioning;
  /** Of a stage that is partitioned so: of all scans of its body. */
  readonly layout?: Layout;
  /** One for each `remote` leaf of the body. */
  readonly inputs: readonly StageInput[];
  /** The stage's output may end after this many rows of a task. */
  readonly rowLimit?: number;
}

export type StagePartitioning = 'single' | 'source' | 'hash' | 'arbitrary' | 'layout';

export interface StageInput {
  readonly remoteId: RemoteId;
  /** More than one for a UNION ALL that is concatenated here (T16). */
  readonly producers: readonly StageIndex[];
  readonly exchange: Exchange;
  readonly columns: readonly ColumnType[];
  readonly estimatedRows: number;
  /** The stage needs at most this many rows of it. */
  readonly rowLimit?: number;
}

/** How rows are dealt to the tasks of the consumer; keys over the producer's output columns. */
export type Exchange =
  | { readonly kind: 'single' }
  | { readonly kind: 'hash'; readonly keys: readonly Expression[] }
  | { readonly kind: 'broadcast' }
  | { readonly kind: 'arbitrary' };
