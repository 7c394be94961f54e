/** Aggregate calls whose value follows from the rows alone: what depends on their order gets one. */
import { clause, list, node, type SqlNode } from '../sql-tree.ts';
import { type Choice } from './choice.ts';
import { type Column, type Expressions } from './expressions.ts';
import { type FunctionCatalog, type Signature } from './function-catalog.ts';

export interface AggregateNode {
  readonly call: SqlNode;
  readonly type: string;
  readonly isExact: boolean;
}

const ORDER_SENSITIVE = new Set([
  'any_value',
  'arbitrary',
  'first',
  'last',
  'list',
  'array_agg',
  'string_agg',
  'group_concat',
  'listagg',
  'mode',
  ...['arg_max', 'arg_min'].flatMap((name) => [name, `${name}_null`, `${name}_nulls_last`]),
  'argmax',
  'argmin',
  'max_by',
  'min_by',
]);

const EXTREMES = ['arg_min', 'arg_max', 'min_by', 'max_by', 'arg_min_null', 'arg_max_null'];

/** Computed in DOUBLE whatever they are given, in an order that is not DuckDB's. */
const ROUNDED =
  /^(stddev.*|var.*|covar.*|corr|regr_(?!count).*|sem|skewness|kurtosis.*|entropy|product|fsum|favg|kahan_sum|sumkahan)$/;
/**
 * Moments lose what they share with their mean: over columns whose values are near each other only. Sums that carry
 * their error make NaN of an infinity as soon as it is added to another state.
 */
const UNSTABLE =
  /^(regr_.*|corr|skewness|kurtosis.*|covar.*|var.*|stddev.*|sem|product|fsum|favg|kahan_sum|sumkahan)$/;
/** Added up in another order where their argument is a DOUBLE. */
const ROUNDED_OF_DOUBLES = new Set(['sum', 'avg', 'mean', 'mad']);

type Common = readonly [name: string, parameter: string, result: string];
const COMMON: readonly Common[] = [
  ['count', 'INTEGER', 'BIGINT'],
  ['count', 'VARCHAR', 'BIGINT'],
  ['sum', 'INTEGER', 'HUGEINT'],
  ['sum', 'BIGINT', 'HUGEINT'],
  ['sum', 'DECIMAL(10,2)', 'DECIMAL(38,2)'],
  ['sum', 'BOOLEAN', 'HUGEINT'],
  ['avg', 'INTEGER', 'DOUBLE'],
  ['avg', 'DECIMAL(10,2)', 'DOUBLE'],
  ['min', 'VARCHAR', 'VARCHAR'],
  ['max', 'BIGINT', 'BIGINT'],
  ['count_if', 'BOOLEAN', 'HUGEINT'],
];

export class Aggregates {
  readonly #choice: Choice;
  readonly #expressions: Expressions;
  readonly #signatures: readonly Signature[];

  constructor(choice: Choice, expressions: Expressions, catalog: FunctionCatalog) {
    this.#choice = choice;
    this.#expressions = expressions;
    this.#signatures = catalog.aggregates;
  }

  /** `isWindow`: a call that stands before OVER, which takes fewer modifiers. */
  any(columns: readonly Column[], isWindow: boolean): AggregateNode {
    return this.#choice.weighted<() => AggregateNode>([
      [1, () => this.#countOfRows(columns)],
      [5, () => this.#common(columns, isWindow)],
      [8, () => this.#fromCatalog(columns, isWindow)],
      [1, () => this.#fraction(columns, isWindow)],
      [1, () => this.#extreme(columns)],
      [isWindow ? 0 : 1, () => this.#withinGroup(columns)],
      [isWindow ? 0 : 1, () => this.#bits(columns)],
    ])();
  }

  #countOfRows(columns: readonly Column[]): AggregateNode {
    const call = node('BIGINT', 'count_star', 'count(*)', this.#filter(columns));
    return { call, type: 'BIGINT', isExact: true };
  }

  #common(columns: readonly Column[], isWindow: boolean): AggregateNode {
    const [name, parameter, result] = this.#choice.one(COMMON);
    return this.#call({ name, parameters: [parameter], result }, columns, isWindow);
  }

  #fromCatalog(columns: readonly Column[], isWindow: boolean): AggregateNode {
    return this.#call(this.#choice.one(this.#signatures), columns, isWindow);
  }

  #call(signature: Signature, columns: readonly Column[], isWindow: boolean): AggregateNode {
    const { name, parameters, result } = signature;
    if (name.startsWith('quantile')) return this.#fraction(columns, isWindow);
    const isList = parameters.length === 2 && (name === 'min' || name === 'max');
    const args = parameters.map((parameter, index) => {
      if (isList && index === 1) return node('BIGINT', 'constant', '2');
      if (index === 2) return node('BIGINT', 'constant', '2');
      if (index === 1 && /string_agg|group_concat|listagg/.test(name))
        return node('VARCHAR', 'constant', "'|'");
      if (UNSTABLE.test(name)) return this.#smallNumber(columns);
      // Doubles of the tables have sums that no order rounds.
      const depth = parameter === 'DOUBLE' ? 0 : this.#choice.below(2);
      return this.#expressions.of(parameter, columns, depth);
    });
    const isOrdered = ORDER_SENSITIVE.has(name);
    const isDistinct = parameters.length === 1 && this.#choice.chance(isWindow ? 5 : 15);
    const order = isOrdered || (!isWindow && this.#choice.chance(5)) ? this.#order(args) : '';
    const isExact =
      !ROUNDED.test(name) &&
      !(ROUNDED_OF_DOUBLES.has(name) && /DOUBLE|FLOAT/.test(parameters[0] ?? ''));
    const call = node(
      result,
      isDistinct ? `${name} DISTINCT` : name,
      `${name}(${isDistinct ? 'DISTINCT ' : ''}`,
      { ...list(args), min: args.length },
      order,
      ')',
      this.#filter(columns),
    );
    return { call, type: result, isExact };
  }

  /** Without an order: the value follows from the key, so that keys which tie have the same one. */
  #extreme(columns: readonly Column[]): AggregateNode {
    const exact = columns.filter(({ isExact }) => isExact);
    if (exact.length === 0) return this.#countOfRows(columns);
    const key = this.#choice.one(exact);
    const name = this.#choice.one(EXTREMES);
    const value = this.#expressions.any([key], this.#choice.below(3));
    const call = node(
      value.sort,
      name,
      `${name}(`,
      value,
      `::${value.sort}, ${key.name})`,
      this.#filter(columns),
    );
    return { call, type: value.sort, isExact: true };
  }

  /** Every argument, so that those that tie are the same. */
  #order(args: readonly SqlNode[]): SqlNode {
    const keys = args
      .filter(({ label }) => label !== 'constant')
      .map((arg) => node('clause', 'key', arg, this.direction()));
    return node('clause', 'ordered aggregate', clause(' ORDER BY ', keys));
  }

  direction(): string {
    return this.#choice.one(['', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST', ' ASC NULLS LAST']);
  }

  #filter(columns: readonly Column[]): SqlNode | string {
    if (!this.#choice.chance(15)) return '';
    const predicate = this.#expressions.predicate(columns, 1);
    return node('clause', 'FILTER', {
      ...clause(' FILTER (WHERE ', [predicate]),
      after: ')',
    });
  }

  #smallNumber(columns: readonly Column[]): SqlNode {
    const numbers = columns.filter(
      ({ type, isExact }) => isExact && /^(INTEGER|BIGINT)$/.test(type),
    );
    if (numbers.length === 0) return node('DOUBLE', 'constant', '2.5::DOUBLE');
    return node('DOUBLE', 'column', `(${this.#choice.one(numbers).name} % 3)::DOUBLE`);
  }

  #fraction(columns: readonly Column[], isWindow: boolean): AggregateNode {
    const type = this.#choice.one(['INTEGER', 'DECIMAL(10,2)', 'DATE', 'DOUBLE', 'BIGINT']);
    const name = this.#choice.one(['quantile_disc', 'quantile_cont', 'quantile', 'median']);
    const argument = this.#expressions.of(type, columns, 1);
    const isList = name !== 'median' && this.#choice.chance(30);
    const fraction = isList
      ? '[0.25, 0.5, 1.0]'
      : this.#choice.one(['0', '0.25', '0.5', '1', '-0.3']);
    const isDiscrete = name === 'quantile_disc' || name === 'quantile';
    const interpolated = type === 'DATE' ? 'TIMESTAMP' : type === 'DECIMAL(10,2)' ? type : 'DOUBLE';
    const result = isDiscrete ? type : interpolated;
    const call = node(
      isList ? `${result}[]` : result,
      name,
      `${name}(`,
      argument,
      name === 'median' ? ')' : `, ${fraction})`,
      isWindow ? '' : this.#filter(columns),
    );
    return { call, type: call.sort, isExact: true };
  }

  #withinGroup(columns: readonly Column[]): AggregateNode {
    const type = this.#choice.one(['INTEGER', 'DATE', 'VARCHAR', 'BIGINT']);
    const name = this.#choice.one(['quantile_disc(0.5)', 'percentile_disc(0.25)', 'mode()']);
    const argument = this.#expressions.of(type, columns, 1);
    const direction = this.#choice.one(['', ' DESC']);
    const call = node(
      type,
      `${name} WITHIN GROUP`,
      `${name} WITHIN GROUP (ORDER BY `,
      argument,
      `${direction})`,
    );
    return { call, type, isExact: true };
  }

  #bits(columns: readonly Column[]): AggregateNode {
    const argument = this.#expressions.of('TINYINT', columns, 1);
    const call = node('BIT', 'bitstring_agg', 'bitstring_agg(', argument, ', -128, 127)');
    return { call, type: 'BIT', isExact: true };
  }
}
