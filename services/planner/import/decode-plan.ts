import { sameColumnType } from '../../common/plan/column-type.ts';
import { type DelimId, type LogicalPlan, type ScanId } from '../logical/logical-plan.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import {
  decodeAnyJoin,
  decodeAsofJoin,
  decodeComparisonJoin,
  decodeDelimJoin,
  isDelimFlipped,
} from './decode-join.ts';
import {
  decodeAggregation,
  decodeChunkGet,
  decodeDistinct,
  decodeEmptyResult,
  decodeExpressionGet,
  decodeFilter,
  decodeLimit,
  decodeOrder,
  decodeProjection,
  decodeSample,
  decodeTopN,
  decodeUnnest,
  decodeWindows,
} from './decode-operator.ts';
import { decodeLateral, isLateral } from './decode-lateral.ts';
import { decodeGet } from './decode-scan.ts';
import { decodeTypes } from './decode-type.ts';
import { decodeUnnestGet, isUnnestGet } from './decode-unnest.ts';
import { type EstimateTree, hasShapeOf } from './estimates.ts';
import { fieldSet, Fields } from './fields.ts';
import { isJsonArray, isJsonObject, type Json } from './json-reader.ts';

const DOCUMENT = fieldSet('error plans');
const LEAF = fieldSet('type children table_index');
const DELIM_GET = fieldSet('chunk_types', LEAF);
const CTE_REF = fieldSet('cte_index chunk_types bound_columns is_recurring', LEAF);
const MATERIALIZED_CTE = fieldSet('column_count ctename materialize', LEAF);
const RECURSIVE_CTE = fieldSet('union_all ctename column_count key_targets ref_recurring', LEAF);
const SET_OPERATION = fieldSet('column_count setop_all allow_out_of_order', LEAF);
const CROSS_PRODUCT = fieldSet('type children');

export type DecodedPlan =
  | { readonly kind: 'plan'; readonly plan: LogicalPlan }
  /** `construct`: the first operator, expression, function or field that has no decoder. */
  | { readonly kind: 'unsupported'; readonly construct: string };

/**
 * The document of `json_serialize_plan(…, optimize := true)` as a logical plan. Strict: whatever it does not
 * know makes the whole plan unsupported, with its name. `estimates` of another shape are left out.
 */
export function decodePlan(document: Json, estimates?: EstimateTree): DecodedPlan {
  try {
    const [plan, ...others] = new Fields(document, 'a plan', DOCUMENT).list('plans');
    if (plan === undefined || others.length > 0) throw new UnsupportedError('several plans');
    const matching = estimates !== undefined && hasShapeOf(estimates, plan) ? estimates : undefined;
    return { kind: 'plan', plan: new PlanDecoder().decode(plan, matching) };
  } catch (error) {
    if (error instanceof UnsupportedError)
      return { kind: 'unsupported', construct: error.construct };
    // V8 says so when the recursion over a deep plan runs out of stack.
    if (error instanceof RangeError) return { kind: 'unsupported', construct: 'depth of the plan' };
    throw error;
  }
}

class PlanDecoder {
  #scanCount: ScanId = 0;
  #delimCount: DelimId = 0;
  /** Delim joins whose inner side is being decoded, innermost last. */
  readonly #delims: DelimId[] = [];

  decode(value: Json, estimates: EstimateTree | undefined): LogicalPlan {
    const plan = this.#decodeOperator(value, estimates);
    const rows = estimates?.rows;
    return rows === undefined ? plan : { ...plan, estimatedRows: rows };
  }

  #decodeOperator(value: Json, estimates: EstimateTree | undefined): LogicalPlan {
    const operator = isJsonObject(value) ? value['type'] : undefined;
    switch (operator) {
      case 'LOGICAL_GET':
        if (isLateral(value))
          return decodeLateral(value, (input) => this.#decodeLateralInput(input));
        return isUnnestGet(value)
          ? decodeUnnestGet(value)
          : decodeGet(value, () => this.#scanCount++);
      case 'LOGICAL_CHUNK_GET':
        return decodeChunkGet(value);
      case 'LOGICAL_EMPTY_RESULT':
        return decodeEmptyResult(value);
      case 'LOGICAL_DUMMY_SCAN':
        void new Fields(value, operator, LEAF);
        return { kind: 'dummy-scan', columns: [{ id: 'INTEGER' }] };
      case 'LOGICAL_DELIM_GET':
        return this.#decodeDelimGet(new Fields(value, operator, DELIM_GET));
      case 'LOGICAL_CTE_REF':
        return decodeCteRef(new Fields(value, operator, CTE_REF));
      case 'LOGICAL_DELIM_JOIN':
        return this.#decodeDelimJoin(value, estimates);
      default:
        return decodeWithChildren(value, operator, this.#children(value, estimates));
    }
  }

  #children(value: Json, estimates: EstimateTree | undefined): readonly LogicalPlan[] {
    const children = isJsonObject(value) ? value['children'] : undefined;
    if (!isJsonArray(children)) throw new UnsupportedError('operator without children');
    return children.map((child, i) => this.decode(child, estimates?.children[i]));
  }

  /** The outer side first: the inner side's delim-gets read it. */
  #decodeDelimJoin(value: Json, estimates: EstimateTree | undefined): LogicalPlan {
    const children = isJsonObject(value) ? value['children'] : undefined;
    const [leftJson, rightJson] = isJsonArray(children) ? children : [];
    if (leftJson === undefined || rightJson === undefined)
      throw new UnsupportedError('LOGICAL_DELIM_JOIN');
    const id = this.#delimCount++;
    const [leftEstimates, rightEstimates] = estimates?.children ?? [];
    if (isDelimFlipped(value)) {
      const right = this.decode(rightJson, rightEstimates);
      const left = this.#decodeInner(leftJson, leftEstimates, id);
      return decodeDelimJoin(value, { left, right }, id);
    }
    const left = this.decode(leftJson, leftEstimates);
    const right = this.#decodeInner(rightJson, rightEstimates, id);
    return decodeDelimJoin(value, { left, right }, id);
  }

  #decodeInner(value: Json, estimates: EstimateTree | undefined, id: DelimId): LogicalPlan {
    this.#delims.push(id);
    const plan = this.decode(value, estimates);
    this.#delims.pop();
    return plan;
  }

  #decodeLateralInput(value: Json): LogicalPlan {
    return this.#decodeDelimGet(new Fields(value, 'LOGICAL_DELIM_GET', DELIM_GET));
  }

  #decodeDelimGet(fields: Fields): LogicalPlan {
    const delimId = this.#delims.at(-1);
    if (delimId === undefined) throw new UnsupportedError('LOGICAL_DELIM_GET outside a delim join');
    return {
      kind: 'delim-get',
      delimId,
      columns: decodeTypes(fields.list('chunk_types')),
    };
  }
}

function decodeWithChildren(
  value: Json,
  operator: Json | undefined,
  children: readonly LogicalPlan[],
): LogicalPlan {
  const [first, second, ...others] = children;
  if (operator === 'LOGICAL_UNION') return decodeUnion(value, children);
  if (first !== undefined && second === undefined) return decodeOverOne(value, operator, first);
  if (first !== undefined && second !== undefined && others.length === 0) {
    return decodeOverTwo(value, operator, { left: first, right: second });
  }
  throw new UnsupportedError(`operator ${String(operator)}`);
}

function decodeOverOne(value: Json, operator: Json | undefined, child: LogicalPlan): LogicalPlan {
  switch (operator) {
    case 'LOGICAL_PROJECTION':
      return decodeProjection(value, child);
    case 'LOGICAL_FILTER':
      return decodeFilter(value, child);
    case 'LOGICAL_AGGREGATE_AND_GROUP_BY':
      return decodeAggregation(value, child);
    case 'LOGICAL_WINDOW':
      return decodeWindows(value, child);
    case 'LOGICAL_UNNEST':
      return decodeUnnest(value, child);
    case 'LOGICAL_ORDER_BY':
      return decodeOrder(value, child);
    case 'LOGICAL_TOP_N':
      return decodeTopN(value, child);
    case 'LOGICAL_LIMIT':
      return decodeLimit(value, child);
    case 'LOGICAL_SAMPLE':
      return decodeSample(value, child);
    case 'LOGICAL_DISTINCT':
      return decodeDistinct(value, child);
    case 'LOGICAL_EXPRESSION_GET':
      return decodeExpressionGet(value, child);
    default:
      throw new UnsupportedError(`operator ${String(operator)}`);
  }
}

function decodeOverTwo(
  value: Json,
  operator: Json | undefined,
  sides: { readonly left: LogicalPlan; readonly right: LogicalPlan },
): LogicalPlan {
  switch (operator) {
    case 'LOGICAL_COMPARISON_JOIN':
      return decodeComparisonJoin(value, sides);
    case 'LOGICAL_ASOF_JOIN':
      return decodeAsofJoin(value, sides);
    case 'LOGICAL_ANY_JOIN':
      return decodeAnyJoin(value, sides);
    case 'LOGICAL_CROSS_PRODUCT':
    case 'LOGICAL_POSITIONAL_JOIN':
      void new Fields(value, operator, CROSS_PRODUCT);
      return {
        kind: operator === 'LOGICAL_CROSS_PRODUCT' ? 'cross-product' : 'positional-join',
        ...sides,
        columns: [...sides.left.columns, ...sides.right.columns],
      };
    case 'LOGICAL_RECURSIVE_CTE':
      return decodeRecursiveCte(new Fields(value, operator, RECURSIVE_CTE), sides);
    case 'LOGICAL_INTERSECT':
    case 'LOGICAL_EXCEPT': {
      const fields = new Fields(value, operator, SET_OPERATION);
      return {
        kind: 'set-operation',
        operator: operator === 'LOGICAL_EXCEPT' ? 'except' : 'intersect',
        ...setOperation(fields, [sides.left, sides.right]),
        all: fields.flag('setop_all'),
      };
    }
    case 'LOGICAL_MATERIALIZED_CTE': {
      const fields = new Fields(value, operator, MATERIALIZED_CTE);
      return {
        kind: 'materialized-cte',
        cteId: fields.index('table_index'),
        name: fields.text('ctename'),
        definition: sides.left,
        child: sides.right,
        columns: sides.right.columns,
      };
    }
    default:
      throw new UnsupportedError(`operator ${String(operator)}`);
  }
}

/** A UNION without ALL becomes a DISTINCT over one with. One child is left when the others have no rows. */
function decodeUnion(value: Json, children: readonly LogicalPlan[]): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_UNION', SET_OPERATION);
  const operation = setOperation(fields, children);
  const [first, second] = children;
  if (first === undefined) throw new UnsupportedError('LOGICAL_UNION of nothing');
  const union: LogicalPlan =
    second === undefined
      ? first
      : { kind: 'set-operation', operator: 'union', all: true, ...operation };
  if (fields.flag('setop_all')) return union;
  return { kind: 'distinct', child: union, on: [], orderBy: [], columns: union.columns };
}

function setOperation(fields: Fields, children: readonly LogicalPlan[]) {
  const columns = children[0]?.columns ?? [];
  for (const child of children) {
    const isSame =
      child.columns.length === columns.length &&
      child.columns.every((column, i) => sameColumnType(column, columns[i] ?? { id: 'NULL' }));
    if (!isSame) throw new UnsupportedError(`types of ${fields.where}`);
  }
  return { children, columns, allowOutOfOrder: fields.flag('allow_out_of_order') };
}

function decodeRecursiveCte(
  fields: Fields,
  { left, right }: { readonly left: LogicalPlan; readonly right: LogicalPlan },
): LogicalPlan {
  fields.expectEmpty('key_targets');
  if (fields.flag('ref_recurring')) throw new UnsupportedError('recurring CTE');
  return {
    kind: 'recursive-cte',
    cteId: fields.index('table_index'),
    anchor: left,
    recursion: right,
    all: fields.flag('union_all'),
    columns: left.columns,
  };
}

function decodeCteRef(fields: Fields): LogicalPlan {
  if (fields.flag('is_recurring')) throw new UnsupportedError('recurring CTE');
  return {
    kind: 'cte-ref',
    cteId: fields.index('cte_index'),
    columns: decodeTypes(fields.list('chunk_types')),
  };
}
