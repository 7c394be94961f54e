import { type LogicalPlan, type SetOperation } from '../logical/logical-plan.ts';
import { referencesTo } from './columns.ts';
import { toHash, toSingle } from './exchange.ts';
import { placeDistinctRows } from './place-rows.ts';
import { isLocal, type Branch, type Placed } from './placed.ts';
import { type Placer } from './placer.ts';

/**
 * UNION ALL only puts branches side by side. The others compare whole rows, NULLs being equal: equal rows of all
 * inputs meet by the hash of all columns.
 */
export function placeSetOperation(placer: Placer, plan: SetOperation): Placed {
  const inputs = plan.children.map((child) => placer.place(child));
  if (plan.operator === 'union') {
    const all: Placed = { branches: inputs.flatMap(({ branches }) => branches) };
    return plan.all ? all : placeDistinctRows(placer, all, plan.columns);
  }
  const met = inputs.every(isLocal)
    ? inputs.map((input) => toSingle(placer.graph, input))
    : inputs.map((input) => toHash(placer.graph, input, referencesTo(plan.columns)));
  const [first] = met;
  if (first === undefined) throw new Error(`${plan.operator} has inputs`);
  const body: LogicalPlan = { ...plan, children: met.map((branch) => branch.body) };
  return { branches: [{ body, location: first.location } satisfies Branch] };
}
