import { type ColumnType, sameColumnType } from '../../common/plan/column-type.ts';
import { type Expression } from '../logical/expression.ts';
import {
  type DelimId,
  type JoinCondition,
  type JoinOutput,
  type JoinType,
  type LogicalPlan,
} from '../logical/logical-plan.ts';
import { walkPlan } from '../logical/plan-children.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import {
  BOOLEAN,
  decodeComparisonOperator,
  decodeExpression,
  decodeExpressions,
  oneOf,
} from './decode-expression.ts';
import { fieldSet, Fields } from './fields.ts';
import { type Json } from './json-reader.ts';
import { columnScope, type Scope } from './scope.ts';

const JOIN = fieldSet(
  'type children join_type mark_index left_projection_map right_projection_map',
);
const COMPARISON_JOIN = fieldSet(
  'conditions mark_types duplicate_eliminated_columns delim_flipped predicate',
  JOIN,
);
const ANY_JOIN = fieldSet('condition', JOIN);
const CONDITION = fieldSet('left right comparison');

const JOIN_TYPES: Readonly<Record<string, JoinType>> = {
  INNER: 'inner',
  LEFT: 'left',
  RIGHT: 'right',
  FULL: 'full',
  SEMI: 'semi',
  ANTI: 'anti',
  RIGHT_SEMI: 'right-semi',
  RIGHT_ANTI: 'right-anti',
  MARK: 'mark',
  SINGLE: 'single',
};

interface Sides {
  readonly left: LogicalPlan;
  readonly right: LogicalPlan;
}

/** A LOGICAL_COMPARISON_JOIN over its decoded children. */
export function decodeComparisonJoin(value: Json, sides: Sides): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_COMPARISON_JOIN', COMPARISON_JOIN);
  fields.expectEmpty('duplicate_eliminated_columns');
  return {
    kind: 'join',
    ...decodeShape(fields, sides),
    conditions: decodeConditions(fields, sides),
  };
}

/** A LOGICAL_ASOF_JOIN: equalities and one inequality. */
export function decodeAsofJoin(value: Json, sides: Sides): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_ASOF_JOIN', COMPARISON_JOIN);
  fields.expectEmpty('duplicate_eliminated_columns');
  const shape = decodeShape(fields, sides);
  const conditions = decodeConditions(fields, sides);
  const inequalities = conditions.filter(({ operator }) => /^[<>]=?$/.test(operator));
  const isKnown = shape.joinType === 'inner' || shape.joinType === 'left';
  if (!isKnown || inequalities.length !== 1)
    throw new UnsupportedError('shape of LOGICAL_ASOF_JOIN');
  return { kind: 'join', isAsof: true, ...shape, conditions };
}

/** A LOGICAL_DELIM_JOIN; its delim-gets stand in the side that is not the outer one. */
export function decodeDelimJoin(value: Json, sides: Sides, delimId: DelimId): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_DELIM_JOIN', COMPARISON_JOIN);
  const isFlipped = fields.flag('delim_flipped');
  const [outer, inner] = isFlipped ? [sides.right, sides.left] : [sides.left, sides.right];
  const keys = decodeExpressions(
    fields.list('duplicate_eliminated_columns'),
    columnScope(outer.columns),
  );
  expectKeys(inner, delimId, keys);
  return {
    kind: 'delim-join',
    delimId,
    ...decodeShape(fields, sides),
    conditions: decodeConditions(fields, sides),
    keys: decodeExpressions(
      fields.list('duplicate_eliminated_columns'),
      columnScope(outer.columns),
    ),
    isFlipped,
  };
}

/** A delim-get has exactly the types of the keys it reads. */
function expectKeys(inner: LogicalPlan, delimId: DelimId, keys: readonly Expression[]): void {
  for (const node of walkPlan(inner)) {
    if (node.kind !== 'delim-get' || node.delimId !== delimId) continue;
    const isSame =
      node.columns.length === keys.length &&
      keys.every((key, i) => sameColumnType(key.type, node.columns[i] ?? { id: 'NULL' }));
    if (!isSame) throw new UnsupportedError('types of LOGICAL_DELIM_GET');
  }
}

/** True when the delim-gets of a LOGICAL_DELIM_JOIN stand in its left side. */
export function isDelimFlipped(value: Json): boolean {
  return new Fields(value, 'LOGICAL_DELIM_JOIN', COMPARISON_JOIN).flag('delim_flipped');
}

/** A LOGICAL_ANY_JOIN: its condition stands over the columns of both children. */
export function decodeAnyJoin(value: Json, sides: Sides): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_ANY_JOIN', ANY_JOIN);
  const shape = decodeShape(fields, sides);
  // DuckDB resolves the condition against the join's output, which for these types lacks the right side's columns.
  if (shape.joinType === 'mark') throw new UnsupportedError('MARK join by any condition');
  const isWhole =
    fields.list('left_projection_map').length === 0 &&
    fields.list('right_projection_map').length === 0;
  if (!isWhole) throw new UnsupportedError('projection map of LOGICAL_ANY_JOIN');
  const scope = columnScope([...sides.left.columns, ...sides.right.columns]);
  return {
    kind: 'any-join',
    ...shape,
    predicate: decodeExpression(fields.json('condition'), scope),
  };
}

function decodeConditions(fields: Fields, sides: Sides): readonly JoinCondition[] {
  if (!fields.isNull('predicate')) throw new UnsupportedError(`predicate of ${fields.where}`);
  const left = columnScope(sides.left.columns);
  const right = columnScope(sides.right.columns);
  return fields.list('conditions').map((value) => decodeCondition(value, left, right));
}

function decodeCondition(value: Json, left: Scope, right: Scope): JoinCondition {
  const condition = new Fields(value, 'a join condition', CONDITION);
  return {
    operator: decodeComparisonOperator(condition.text('comparison')),
    left: decodeExpression(condition.json('left'), left),
    right: decodeExpression(condition.json('right'), right),
  };
}

function decodeShape(
  fields: Fields,
  sides: Sides,
): Sides & {
  readonly joinType: JoinType;
  readonly output: JoinOutput;
  readonly columns: readonly ColumnType[];
} {
  const joinType = oneOf(fields, 'join_type', JOIN_TYPES);
  const keepsLeft = joinType !== 'right-semi' && joinType !== 'right-anti';
  const keepsRight = joinType !== 'semi' && joinType !== 'anti' && joinType !== 'mark';
  const output = {
    left: keepsLeft ? projectionMap(fields, 'left_projection_map', sides.left) : [],
    right: keepsRight ? projectionMap(fields, 'right_projection_map', sides.right) : [],
  };
  const columns = [
    ...output.left.map((position) => columnAt(sides.left, position)),
    ...output.right.map((position) => columnAt(sides.right, position)),
    ...(joinType === 'mark' ? [BOOLEAN] : []),
  ];
  return { ...sides, joinType, output, columns };
}

/** An empty map projects everything. */
function projectionMap(fields: Fields, name: string, side: LogicalPlan): readonly number[] {
  const map = fields.indexes(name);
  return map.length === 0 ? side.columns.map((_, position) => position) : map;
}

function columnAt(plan: LogicalPlan, position: number): ColumnType {
  const column = plan.columns[position];
  if (column === undefined) throw new UnsupportedError('projection map of a join');
  return column;
}
