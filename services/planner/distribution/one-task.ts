/** Plans that do not distribute operators: the rungs below `distributed`. */
import { type WindowCall } from '../logical/expression.ts';
import { type LogicalPlan } from '../logical/logical-plan.ts';
import { childrenOf, walkPlan, withChildren } from '../logical/plan-children.ts';
import { rowsOf } from './estimate.ts';
import { isVolatileOperator } from './operator-expressions.ts';
import { type PhysicalPlan } from './physical-plan.ts';
import { SINGLE, SOURCE } from './placed.ts';
import { StageGraph } from './stage-graph.ts';

/** Why a plan is not distributed, and whether what stands in the way needs its rows in the order of the files. */
export interface OneTaskReason {
  readonly text: string;
  readonly inFileOrder: boolean;
}

/** The first operator that runs in one task for all rows of the query; undefined when there is none. */
export function oneTaskReason(plan: LogicalPlan): OneTaskReason | undefined {
  for (const node of walkPlan(plan)) {
    switch (node.kind) {
      case 'recursive-cte':
        return { text: 'a recursive CTE runs in one task', inFileOrder: false };
      case 'sample':
        return node.seed === undefined
          ? { text: 'a sample is taken in one task', inFileOrder: false }
          : { text: 'a repeatable sample needs the order of the files', inFileOrder: true };
      case 'positional-join':
        return { text: 'a positional join needs the order of the files', inFileOrder: true };
      default:
        continue;
    }
  }
  return undefined;
}

/** A window's call whose value is by the order in which the rows come. */
export function numbersRowsAsTheyCome(call: WindowCall): boolean {
  return !call.isAggregate && call.partitionBy.length === 0 && call.orderBy.length === 0;
}

/** The whole query in one task, which reads the files itself. */
export function inOneTask(plan: LogicalPlan): PhysicalPlan {
  return { stages: [{ body: plan, partitioning: 'single', inputs: [] }] };
}

/** Scans, with the filters and projections above them, in tasks of their own; everything else in one task. */
export function inOneTaskOverScans(plan: LogicalPlan, nextSourceId: number): PhysicalPlan {
  const graph = new StageGraph(nextSourceId);
  const gather = (operator: LogicalPlan): LogicalPlan => {
    if (!isScanChain(operator)) return withChildren(operator, childrenOf(operator).map(gather));
    const producers = [graph.close({ body: operator, location: SOURCE })];
    const { columns } = operator;
    return graph.read({ producers, columns, estimatedRows: rowsOf(operator) }, { kind: 'single' });
  };
  return graph.finish(graph.close({ body: gather(plan), location: SINGLE }));
}

function isScanChain(plan: LogicalPlan): boolean {
  if (plan.kind === 'scan') return true;
  if (plan.kind !== 'filter' && plan.kind !== 'project') return false;
  return !isVolatileOperator(plan) && isScanChain(plan.child);
}
