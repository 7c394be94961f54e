import { type ColumnType } from '../../common/plan/column-type.ts';
import { type Datum } from './datum.ts';

/**
 * A bound expression: every name is resolved, every type known. Column references are positions in the
 * relation the expression is evaluated over, which the operator that holds it declares.
 */
export type Expression =
  | ColumnRef
  | Constant
  | FunctionCall
  | Cast
  | Comparison
  | Conjunction
  | Not
  | NullTest
  | InList
  | Between
  | Case
  | Coalesce
  | Try
  | Unnest
  | FinalizedState
  | Lambda
  | LambdaParameter;

export interface ColumnRef {
  readonly kind: 'column';
  readonly type: ColumnType;
  readonly index: number;
}

export interface Constant {
  readonly kind: 'constant';
  readonly type: ColumnType;
  readonly value: Datum;
}

/** A scalar function under its public name; each argument already has the type that the bound overload takes. */
export interface FunctionCall {
  readonly kind: 'function';
  readonly type: ColumnType;
  readonly name: string;
  readonly args: readonly Expression[];
  /** May differ from call to call (random, uuid …): runs in exactly one place. */
  readonly isVolatile: boolean;
}

export interface Cast {
  readonly kind: 'cast';
  readonly type: ColumnType;
  readonly child: Expression;
  /** TRY_CAST: NULL where CAST fails. */
  readonly isTry: boolean;
}

export type ComparisonOperator =
  '=' | '<>' | '<' | '<=' | '>' | '>=' | 'IS DISTINCT FROM' | 'IS NOT DISTINCT FROM';

export interface Comparison {
  readonly kind: 'comparison';
  readonly type: ColumnType;
  readonly operator: ComparisonOperator;
  readonly left: Expression;
  readonly right: Expression;
}

export interface Conjunction {
  readonly kind: 'conjunction';
  readonly type: ColumnType;
  readonly operator: 'AND' | 'OR';
  readonly children: readonly Expression[];
}

export interface Not {
  readonly kind: 'not';
  readonly type: ColumnType;
  readonly child: Expression;
}

export interface NullTest {
  readonly kind: 'null-test';
  readonly type: ColumnType;
  readonly child: Expression;
  /** IS NOT NULL rather than IS NULL. */
  readonly isNegated: boolean;
}

export interface InList {
  readonly kind: 'in-list';
  readonly type: ColumnType;
  readonly child: Expression;
  readonly values: readonly Expression[];
  readonly isNegated: boolean;
}

export interface Between {
  readonly kind: 'between';
  readonly type: ColumnType;
  readonly child: Expression;
  readonly lower: Expression;
  readonly upper: Expression;
  readonly lowerInclusive: boolean;
  readonly upperInclusive: boolean;
}

export interface Case {
  readonly kind: 'case';
  readonly type: ColumnType;
  readonly branches: readonly { readonly when: Expression; readonly then: Expression }[];
  readonly otherwise: Expression;
}

export interface Coalesce {
  readonly kind: 'coalesce';
  readonly type: ColumnType;
  readonly children: readonly Expression[];
}

/** TRY(expression): NULL where the evaluation fails. */
export interface Try {
  readonly kind: 'try';
  readonly type: ColumnType;
  readonly child: Expression;
}

/** One row per element; only inside an `unnest` operator. */
export interface Unnest {
  readonly kind: 'unnest';
  readonly type: ColumnType;
  readonly child: Expression;
}

/** The value of an aggregate from its state. */
export interface FinalizedState {
  readonly kind: 'finalized-state';
  readonly type: ColumnType;
  readonly aggregate: StatefulAggregate;
  /** A state, as an aggregate call with `state` gives it. */
  readonly child: Expression;
}

/** `lambda x, i: body`; inside `body`, captured columns are plain column references. */
export interface Lambda {
  readonly kind: 'lambda';
  readonly type: ColumnType;
  readonly parameters: readonly string[];
  readonly body: Expression;
}

export interface LambdaParameter {
  readonly kind: 'lambda-parameter';
  readonly type: ColumnType;
  readonly name: string;
}

export interface SortKey {
  readonly expression: Expression;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** One aggregate; `args` as SQL writes them, constants such as separators and fractions included. */
export interface AggregateCall {
  readonly kind: 'aggregate';
  readonly type: ColumnType;
  /** Public name, e.g. `sum` for the optimizer's `sum_no_overflow`; count(*) is `count_star` without args. */
  readonly name: string;
  readonly args: readonly Expression[];
  readonly distinct: boolean;
  readonly filter?: Expression;
  readonly orderBy: readonly SortKey[];
  /** The call gives a state, as a BLOB, and not its value. */
  readonly state?: StateUse;
}

/**
 * DuckDB's own state of an aggregate, which only the same version reads (EXPORT_STATE): `export`: of the rows
 * aggregated · `merge`: of the states that are the call's one argument.
 */
export type StateUse =
  { readonly kind: 'export' } | { readonly kind: 'merge'; readonly aggregate: StatefulAggregate };

/** Which function of which arguments a state is of. */
export interface StatefulAggregate {
  readonly name: string;
  readonly argTypes: readonly ColumnType[];
}

export type FrameBound =
  | { readonly kind: 'unbounded-preceding' }
  | { readonly kind: 'unbounded-following' }
  | { readonly kind: 'current-row' }
  | { readonly kind: 'preceding'; readonly offset: Expression }
  | { readonly kind: 'following'; readonly offset: Expression };

export interface WindowFrame {
  readonly unit: 'ROWS' | 'RANGE' | 'GROUPS';
  readonly start: FrameBound;
  readonly end: FrameBound;
  readonly exclude: 'NO OTHERS' | 'CURRENT ROW' | 'GROUP' | 'TIES';
}

export interface WindowCall {
  readonly kind: 'window';
  readonly type: ColumnType;
  /** `row_number`, `lag`, … or the name of an aggregate. */
  readonly name: string;
  readonly isAggregate: boolean;
  /** As SQL writes them: offset and default of lag and lead included. */
  readonly args: readonly Expression[];
  readonly partitionBy: readonly Expression[];
  readonly orderBy: readonly SortKey[];
  readonly frame: WindowFrame;
  readonly ignoreNulls: boolean;
  readonly distinct: boolean;
  readonly filter?: Expression;
  /** ORDER BY inside the call's parentheses. */
  readonly argOrderBy: readonly SortKey[];
}
