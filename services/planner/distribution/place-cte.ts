import { assert } from '../../common/assert.ts';
import {
  originalOf,
  type CteId,
  type CteRef,
  type LogicalPlan,
  type MaterializedCte,
} from '../logical/logical-plan.ts';
import { childrenOf, walkPlan, withChildren } from '../logical/plan-children.ts';
import { produce } from './exchange.ts';
import { isVolatilePlan } from './operator-expressions.ts';
import { type Placed } from './placed.ts';
import { type Placer } from './placer.ts';
import { type Produced, type StageGraph } from './stage-graph.ts';

/** How references to a CTE get its rows. */
export type SharedRows =
  /** From stages that run once. */
  | { readonly kind: 'produced'; readonly produced: Produced }
  /** By running the definition in the reference's place. */
  | { readonly kind: 'inlined'; readonly definition: LogicalPlan };

/** One shared stage for all references, unless there is only one or reading again costs less than sending. */
export function placeMaterializedCte(placer: Placer, plan: MaterializedCte): Placed {
  const isInlined = countReferences(plan.child, plan.cteId) <= 1 || isCheap(plan.definition);
  placer.shared.set(
    plan.cteId,
    isInlined
      ? { kind: 'inlined', definition: plan.definition }
      : { kind: 'produced', produced: produce(placer.graph, placer.place(plan.definition)) },
  );
  return placer.place(plan.child);
}

export function placeCteRef(placer: Placer, plan: CteRef): Placed {
  const rows = placer.shared.get(plan.cteId);
  assert(rows !== undefined, `CTE ${plan.cteId} is placed before its references`);
  if (rows.kind === 'inlined') return placer.place(withNewScans(placer.graph, rows.definition));
  const body = placer.graph.read(rows.produced);
  return { branches: [{ body, location: { kind: 'pending', remoteId: body.remoteId } }] };
}

function countReferences(plan: LogicalPlan, cteId: CteId): number {
  let count = 0;
  for (const node of walkPlan(plan))
    if (node.kind === 'cte-ref' && node.cteId === cteId) count += 1;
  return count;
}

/** Filters and projections over a scan or constants: the files are read again faster than rows are sent. */
function isCheap(definition: LogicalPlan): boolean {
  const cheapKinds = new Set<LogicalPlan['kind']>([
    'scan',
    'filter',
    'project',
    'values',
    'empty',
    'dummy-scan',
  ]);
  for (const node of walkPlan(definition)) if (!cheapKinds.has(node.kind)) return false;
  return !isVolatilePlan(definition);
}

/** A copy whose scans are inputs of their own. */
function withNewScans(graph: StageGraph, plan: LogicalPlan): LogicalPlan {
  if (plan.kind === 'scan') {
    return { ...plan, scanId: graph.newSourceId(), copyOf: originalOf(plan) };
  }
  return withChildren(
    plan,
    childrenOf(plan).map((child) => withNewScans(graph, child)),
  );
}
