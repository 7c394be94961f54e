import { assert } from '../../common/assert.ts';
import {
  type CteId,
  type CteRef,
  type DelimId,
  type DelimJoin,
  type Distinct,
  type LogicalPlan,
  type MaterializedCte,
} from '../logical/logical-plan.ts';
import { childrenOf, walkPlan, withChildren } from '../logical/plan-children.ts';
import { project } from './columns.ts';
import { rowsOf } from './estimate.ts';

/**
 * Writes each delim join as what it means: the outer side is a materialized CTE, its distinct keys are another,
 * and the join is plain. Distribution then knows of sharing only as CTEs.
 */
export function rewriteDelimJoins(plan: LogicalPlan): LogicalPlan {
  let nextCteId = 0;
  for (const node of walkPlan(plan)) {
    if ('cteId' in node) nextCteId = Math.max(nextCteId, node.cteId + 1);
  }
  const newCteId = (): CteId => {
    nextCteId += 1;
    return nextCteId - 1;
  };
  return rewrite(plan, { newCteId, keysOf: new Map() });
}

interface Scope {
  readonly newCteId: () => CteId;
  /** The CTE with the distinct keys of each enclosing delim join. */
  readonly keysOf: ReadonlyMap<DelimId, CteId>;
}

function rewrite(plan: LogicalPlan, scope: Scope): LogicalPlan {
  if (plan.kind === 'delim-join') return rewriteJoin(plan, scope);
  if (plan.kind === 'delim-get') {
    const cteId = scope.keysOf.get(plan.delimId);
    assert(cteId !== undefined, `delim-get ${plan.delimId} is inside its join`);
    const { columns, estimatedRows } = plan;
    return {
      kind: 'cte-ref',
      cteId,
      columns,
      ...(estimatedRows === undefined ? {} : { estimatedRows }),
    };
  }
  return withChildren(
    plan,
    childrenOf(plan).map((child) => rewrite(child, scope)),
  );
}

function rewriteJoin(join: DelimJoin, scope: Scope): LogicalPlan {
  const outerId = scope.newCteId();
  const keysId = scope.newCteId();
  const inner: Scope = { ...scope, keysOf: new Map([...scope.keysOf, [join.delimId, keysId]]) };
  const outer = rewrite(join.isFlipped ? join.right : join.left, scope);
  const subquery = rewrite(join.isFlipped ? join.left : join.right, inner);
  const outerRef: CteRef = {
    kind: 'cte-ref',
    cteId: outerId,
    columns: outer.columns,
    estimatedRows: rowsOf(outer),
  };
  const { delimId: _delimId, keys, isFlipped, ...rest } = join;
  const plain: LogicalPlan = {
    ...rest,
    kind: 'join',
    left: isFlipped ? subquery : outerRef,
    right: isFlipped ? outerRef : subquery,
  };
  const distinctKeys = distinctRows(project(outerRef, keys));
  return cte(outerId, outer, cte(keysId, distinctKeys, plain));
}

function distinctRows(child: LogicalPlan): Distinct {
  return { kind: 'distinct', child, on: [], orderBy: [], columns: child.columns };
}

function cte(cteId: CteId, definition: LogicalPlan, child: LogicalPlan): MaterializedCte {
  return {
    kind: 'materialized-cte',
    cteId,
    name: `shared_${cteId}`,
    definition,
    child,
    columns: child.columns,
  };
}
