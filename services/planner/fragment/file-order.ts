/** Which scans of a stage have to give their rows in the order of the files, so that the answer is DuckDB's own. */
import { numbersRowsAsTheyCome } from '../distribution/one-task.ts';
import { type LogicalPlan, type Scan } from '../logical/logical-plan.ts';
import { childrenOf, walkPlan } from '../logical/plan-children.ts';

/** The scans whose order reaches an operator that answers by it. */
export function scansInFileOrder(body: LogicalPlan): ReadonlySet<Scan> {
  const found = new Set<Scan>();
  for (const node of walkPlan(body)) {
    if (!answersByOrder(node)) continue;
    for (const child of childrenOf(node)) addOrdered(child, found);
  }
  return found;
}

/** A reservoir needs no more: DuckDB fills it with its input in order, and with the chunks as they are read. */
function answersByOrder(node: LogicalPlan): boolean {
  switch (node.kind) {
    case 'positional-join':
      return true;
    case 'window':
      return node.calls.some(numbersRowsAsTheyCome);
    case 'sample':
      return node.seed !== undefined && node.method !== 'reservoir';
    default:
      return false;
  }
}

/** Behind an operator that makes an order of its own, that of the files is gone. */
function addOrdered(plan: LogicalPlan, found: Set<Scan>): void {
  switch (plan.kind) {
    case 'scan':
      found.add(plan);
      return;
    case 'aggregate':
    case 'distinct':
    case 'order':
    case 'top-n':
      return;
    default:
      for (const child of childrenOf(plan)) addOrdered(child, found);
  }
}
