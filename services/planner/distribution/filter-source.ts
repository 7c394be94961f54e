/** Where the keys of a join's side can be collected: in the stages that make the rows which the side reads. */
import { type ColumnType } from '../../common/plan/column-type.ts';
import { type Expression } from '../logical/expression.ts';
import { type LogicalPlan, type Remote } from '../logical/logical-plan.ts';
import { walkPlan } from '../logical/plan-children.ts';
import { joinedColumn, keyColumnOf } from './key-column.ts';
import { type PhysicalPlan, type Stage, type StageIndex } from './physical-plan.ts';

export interface FilterSource {
  readonly producers: readonly StageIndex[];
  /** Of their output. */
  readonly column: number;
  /** What the join compares in. */
  readonly type: ColumnType;
  readonly estimatedRows: number;
  /** Something has left rows out on the way to them. */
  readonly isReduced: boolean;
}

export interface JoinKey {
  readonly side: LogicalPlan;
  readonly key: Expression;
}

/**
 * The input whose column holds every value that the key takes, NULL apart; undefined when there is none. Operators in
 * between may drop rows: what is collected then is more than needed, never less.
 */
export function findFilterSource(
  plan: PhysicalPlan,
  stage: Stage,
  { side, key }: JoinKey,
): FilterSource | undefined {
  const found = inputBehind(side, key);
  const input = stage.inputs.find(({ remoteId }) => remoteId === found?.remote.remoteId);
  if (found === undefined || input === undefined) return undefined;
  const { producers, estimatedRows, rowLimit } = input;
  // A stage that stops at a row limit does so in the middle of a statement, whose bounds are lost then.
  const isCut = producers.some((producer) => plan.stages[producer]?.rowLimit !== undefined);
  if (isCut || rowLimit !== undefined) return undefined;
  const isReduced = producers.some((producer) => reducesRows(plan, producer));
  return { producers, column: found.column, type: key.type, estimatedRows, isReduced };
}

/** A filter, or an operator that keeps only some rows, in the stage or in those that it reads. */
function reducesRows(plan: PhysicalPlan, index: StageIndex): boolean {
  const stage = plan.stages[index];
  if (stage === undefined) return false;
  for (const { kind } of walkPlan(stage.body)) {
    if (kind === 'filter' || kind === 'top-n' || kind === 'limit') return true;
  }
  return stage.inputs.some(({ producers }) => producers.some((each) => reducesRows(plan, each)));
}

interface InputColumn {
  readonly remote: Remote;
  readonly column: number;
}

function inputBehind(plan: LogicalPlan, key: Expression): InputColumn | undefined {
  const column = keyColumnOf(key);
  return column === undefined ? undefined : inputOf(plan, column);
}

function inputOf(plan: LogicalPlan, column: number): InputColumn | undefined {
  switch (plan.kind) {
    case 'remote':
      return { remote: plan, column };
    case 'filter':
    case 'distinct':
    case 'order':
    case 'top-n':
    case 'limit':
      return inputOf(plan.child, column);
    case 'window':
    case 'unnesting':
      return column < plan.child.columns.length ? inputOf(plan.child, column) : undefined;
    case 'project': {
      const expression = plan.expressions[column];
      return expression === undefined ? undefined : inputBehind(plan.child, expression);
    }
    case 'aggregate': {
      const group = plan.groups[column];
      return group === undefined ? undefined : inputBehind(plan.child, group);
    }
    case 'join':
    case 'any-join':
    case 'cross-product': {
      const found = joinedColumn(plan, column);
      return found === undefined ? undefined : inputOf(found.child, found.column);
    }
    default:
      return undefined;
  }
}
