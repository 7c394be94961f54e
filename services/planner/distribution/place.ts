/**
 * Exchanges are placed bottom-up: each operator gets its inputs where it requires their rows (in one task, by
 * hash, copied to every task, or just anywhere), and an input that is there already is not moved.
 */
import { assertNever } from '../../common/assert.ts';
import { type LogicalPlan } from '../logical/logical-plan.ts';
import { toOneStage } from './exchange.ts';
import { isVolatileOperator } from './operator-expressions.ts';
import { type PhysicalPlan } from './physical-plan.ts';
import { placeAggregate } from './place-aggregate.ts';
import { placeCteRef, placeMaterializedCte } from './place-cte.ts';
import { placeJoin } from './place-join.ts';
import { placeDistinct, placeLimit, placeOrder, placeTopN, placeWindow } from './place-rows.ts';
import { placeFilter, placeProject, placeUnnesting } from './place-rowwise.ts';
import { placeSetOperation } from './place-set-operation.ts';
import { ANYWHERE, placedAt, SINGLE, SOURCE, type Placed } from './placed.ts';
import { type DistributionOptions, type Placer } from './placer.ts';
import { withShares } from './share-stages.ts';
import { StageGraph } from './stage-graph.ts';

/**
 * Cuts a plan into stages. The root stage may have several tasks when the rows need no order. No delim joins;
 * `nextSourceId` and above are ids that no scan of the plan has.
 */
export function distribute(
  plan: LogicalPlan,
  options: DistributionOptions,
  nextSourceId: number,
): PhysicalPlan {
  const graph = new StageGraph(nextSourceId);
  const placer: Placer = {
    graph,
    options,
    shared: new Map(),
    place: (operator) => placeOperator(placer, operator),
  };
  const placed = graph.finish(graph.close(toOneStage(graph, placer.place(plan))));
  return withShares(placed, options);
}

function placeOperator(placer: Placer, plan: LogicalPlan): Placed {
  switch (plan.kind) {
    case 'scan':
      return placedAt(plan, SOURCE);
    case 'values':
    case 'dummy-scan':
    case 'empty':
      return placedAt(plan, isVolatileOperator(plan) ? SINGLE : ANYWHERE);
    case 'table-function':
    case 'system-scan':
      return placedAt(plan, SINGLE);
    case 'filter':
      return placeFilter(placer, plan);
    case 'project':
      return placeProject(placer, plan);
    case 'unnesting':
      return placeUnnesting(placer, plan);
    case 'aggregate':
      return placeAggregate(placer, plan);
    case 'distinct':
      return placeDistinct(placer, plan);
    case 'window':
      return placeWindow(placer, plan);
    case 'order':
      return placeOrder(placer, plan);
    case 'top-n':
      return placeTopN(placer, plan);
    case 'limit':
      return placeLimit(placer, plan);
    case 'join':
    case 'any-join':
    case 'cross-product':
      return placeJoin(placer, plan);
    case 'set-operation':
      return placeSetOperation(placer, plan);
    case 'materialized-cte':
      return placeMaterializedCte(placer, plan);
    case 'cte-ref':
      return placeCteRef(placer, plan);
    case 'sample':
    case 'positional-join':
    case 'recursive-cte':
      throw new Error(`${plan.kind} is not distributed`);
    case 'delim-join':
    case 'delim-get':
    case 'remote':
      throw new Error(`${plan.kind} is rewritten before placement`);
    default:
      return assertNever(plan);
  }
}
