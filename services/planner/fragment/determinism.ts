/** What a re-run of a stage may change of its rows (Spark's deterministic levels; planning facts, section 5). */
import { type Determinism } from '../../common/plan/plan-fragment.ts';
import { isSeededOperator, isVolatileOperator } from '../distribution/operator-expressions.ts';
import { type Stage } from '../distribution/physical-plan.ts';
import { type AggregateCall } from '../logical/expression.ts';
import { type LogicalPlan } from '../logical/logical-plan.ts';
import { walkPlan } from '../logical/plan-children.ts';

/** Aggregates whose value does not depend on the order of their input, over exact types. */
const ORDER_FREE = new Set([
  'count',
  'count_star',
  'sum',
  'avg',
  'mean',
  'min',
  'max',
  'bool_and',
  'bool_or',
  'bit_and',
  'bit_or',
  'bit_xor',
]);

/**
 * Random numbers come again where the task is seeded, but only to the same rows in the same order: those of files that
 * one statement reads, not those of other tasks, nor of batches that are cut as splits arrive.
 */
export function determinismOf(stage: Stage): Determinism {
  const seeded =
    isSeededStage(stage) && stage.inputs.length === 0 && stage.partitioning !== 'source';
  let level: Determinism = stage.partitioning === 'arbitrary' ? 'indeterminate' : 'deterministic';
  for (const node of walkPlan(stage.body)) {
    if (isIndeterminate(node) || (isVolatileOperator(node) && !seeded)) return 'indeterminate';
    if (isOrderSensitive(node) || isVolatileOperator(node))
      level = level === 'deterministic' ? 'order-sensitive' : level;
  }
  return level;
}

/** Whether the stage is volatile, and a seed makes it give the same values again. */
export function isSeededStage({ body }: Stage): boolean {
  const volatile = [...walkPlan(body)].filter(isVolatileOperator);
  return volatile.length > 0 && volatile.every(isSeededOperator);
}

function isIndeterminate(node: LogicalPlan): boolean {
  if (node.kind === 'limit' || node.kind === 'sample' || node.kind === 'system-scan') return true;
  return node.kind === 'aggregate' && node.aggregates.some(addsFloats);
}

/** Sums of floating-point numbers are rounded in the order of the rows. */
function addsFloats(call: AggregateCall): boolean {
  const isExtreme = call.name === 'min' || call.name === 'max' || call.name.startsWith('count');
  return !isExtreme && call.args.some(({ type }) => type.id === 'DOUBLE' || type.id === 'FLOAT');
}

function isOrderSensitive(node: LogicalPlan): boolean {
  switch (node.kind) {
    case 'top-n':
    case 'window':
    case 'positional-join':
      return true;
    case 'join':
      return node.isAsof === true;
    case 'distinct':
      return node.on.length > 0;
    case 'aggregate':
      return node.aggregates.some((call) => !ORDER_FREE.has(call.name));
    default:
      return false;
  }
}
