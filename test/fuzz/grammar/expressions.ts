/** Expressions of a wanted type over columns. None of them fails on any row: what might is inside TRY or a guard. */
import { list, node, type SqlNode } from '../sql-tree.ts';
import { type Choice } from './choice.ts';
import { FUZZ_TYPES, fuzzType, STRUCT } from './fuzz-type.ts';
import { type Parameters } from './parameters.ts';
import {
  type FunctionCatalog,
  isOperator,
  type Signature,
  weightedType,
} from './function-catalog.ts';

export interface Column {
  readonly name: string;
  readonly type: string;
  /** The same however the rows are dealt; sums of doubles are not. */
  readonly isExact: boolean;
}

const COMPARISONS = ['=', '<>', '<', '<=', '>', '>=', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM'];
const INTEGERS = ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'UTINYINT', 'UINTEGER'];

type Make = (columns: readonly Column[], depth: number) => SqlNode;

export class Expressions {
  readonly #choice: Choice;
  readonly #parameters: Parameters;
  readonly #byResult = new Map<string, readonly Signature[]>();

  constructor(choice: Choice, parameters: Parameters, catalog: FunctionCatalog) {
    this.#choice = choice;
    this.#parameters = parameters;
    for (const signature of catalog.scalars) {
      const { result } = signature;
      this.#byResult.set(result, [...(this.#byResult.get(result) ?? []), signature]);
    }
  }

  /** Of any type; most often that of a column. */
  any(columns: readonly Column[], depth: number): SqlNode {
    const type =
      this.#choice.chance(50) && columns.length > 0
        ? this.#choice.one(columns).type
        : weightedType((bound) => this.#choice.below(bound));
    return this.of(type, columns, depth);
  }

  of(type: string, columns: readonly Column[], depth: number): SqlNode {
    const leaf = depth <= 0 || this.#choice.chance(25);
    if (leaf) return this.#leaf(type, columns);
    const options: (readonly [number, Make])[] = [
      [4, (over, deeper) => this.#call(type, over, deeper)],
      [1, (over, deeper) => this.#case(type, over, deeper)],
      [1, (over, deeper) => this.#choiceOfValues(type, over, deeper)],
      [1, (over, deeper) => this.#cast(type, over, deeper)],
      ...this.#special(type),
    ];
    return this.#choice.weighted(options)(columns, depth - 1);
  }

  /** A predicate that is not always the same, where there are columns. */
  predicate(columns: readonly Column[], depth: number): SqlNode {
    const make = this.#choice.weighted<Make>([
      [4, (over, deeper) => this.#comparison(over, deeper)],
      [1, (over, deeper) => this.#inList(over, deeper)],
      [1, (over, deeper) => this.#between(over, deeper)],
      [1, (over, deeper) => this.#nullTest(over, deeper)],
      [1, (over, deeper) => this.#conjunction(over, deeper)],
      [1, (over, deeper) => this.of('BOOLEAN', over, deeper)],
    ]);
    return make(columns, depth - 1);
  }

  constant(type: string): SqlNode {
    const { constants } = fuzzType(type);
    if (this.#choice.chance(15)) return node(type, 'NULL', `NULL::${type}`);
    return this.#parameters.insteadOf(type, `(${this.#choice.one(constants)})::${type}`);
  }

  #leaf(type: string, columns: readonly Column[]): SqlNode {
    const fitting = columns.filter((column) => column.type === type && column.isExact);
    if (fitting.length === 0 || this.#choice.chance(20)) return this.constant(type);
    return node(type, 'column', this.#choice.one(fitting).name);
  }

  #special(type: string): readonly (readonly [number, Make])[] {
    const options: (readonly [number, Make])[] = [];
    if (type === 'BOOLEAN') options.push([6, (over, deeper) => this.predicate(over, deeper)]);
    if (INTEGERS.includes(type))
      options.push([2, (over, deeper) => this.#guard(type, over, deeper)]);
    const element = /^(.*)\[\]$/.exec(type)?.[1];
    if (element !== undefined) {
      options.push([3, (over, deeper) => this.#lambda(type, element, { over, deeper })]);
    }
    if (type === 'INTEGER') options.push([1, (over, deeper) => this.#member(over, deeper)]);
    if (type === STRUCT) options.push([2, (over, deeper) => this.#struct(over, deeper)]);
    return options;
  }

  #call(type: string, columns: readonly Column[], depth: number): SqlNode {
    const signatures = this.#byResult.get(type);
    if (signatures === undefined) return this.#leaf(type, columns);
    const { name, parameters } = this.#choice.one(signatures);
    const args = parameters.map((parameter) => this.of(parameter, columns, depth));
    const [first, second] = args;
    if (isOperator(name) && first !== undefined) {
      return second === undefined
        ? node(type, name, `TRY(${name} (`, first, '))')
        : node(type, name, 'TRY((', first, `) ${name} (`, second, '))');
    }
    // The catalog takes JSON for VARCHAR; beside JSON, texts would be read as such.
    const end = type === 'VARCHAR' && name.includes('json') ? '))::VARCHAR' : '))';
    return node(type, name, `TRY("${name}"(`, { ...list(args), min: args.length }, end);
  }

  #case(type: string, columns: readonly Column[], depth: number): SqlNode {
    const [when, then] = [this.predicate(columns, depth), this.of(type, columns, depth)];
    const parts = ['CASE WHEN ', when, ' THEN ', then, ' ELSE ', this.of(type, columns, depth)];
    return node(type, 'CASE', ...parts, ' END');
  }

  #choiceOfValues(type: string, columns: readonly Column[], depth: number): SqlNode {
    const name = this.#choice.one(['coalesce', 'ifnull', 'nullif', 'greatest', 'least']);
    const args = [this.of(type, columns, depth), this.of(type, columns, depth)];
    return node(type, name, `${name}(`, { ...list(args), min: 2 }, ')');
  }

  #cast(type: string, columns: readonly Column[], depth: number): SqlNode {
    return node(type, 'TRY_CAST', 'TRY_CAST(', this.any(columns, depth), ` AS ${type})`);
  }

  /** Casts and divisions that would fail on rows which the guard keeps from them. */
  #guard(type: string, columns: readonly Column[], depth: number): SqlNode {
    const whole = this.of('BIGINT', columns, depth);
    const text = this.of('VARCHAR', columns, depth);
    switch (this.#choice.below(3)) {
      case 0:
        return node(
          type,
          'guarded cast',
          'CASE WHEN regexp_full_match(',
          text,
          `, '[0-9]{1,2}') THEN CAST(`,
          text,
          ` AS ${type}) END`,
        );
      case 1:
        return node(
          type,
          'guarded narrowing',
          'CASE WHEN ',
          whole,
          ' BETWEEN 0 AND 100 THEN CAST(',
          whole,
          ` AS ${type}) END`,
        );
      default:
        return node(
          type,
          'guarded division',
          'CASE WHEN ',
          whole,
          ' > 0 THEN CAST(100 // ',
          whole,
          ` AS ${type}) END`,
        );
    }
  }

  #lambda(
    type: string,
    element: string,
    { over, deeper }: { readonly over: readonly Column[]; readonly deeper: number },
  ): SqlNode {
    const parameter = this.#choice.name();
    const scope = [...over, { name: parameter, type: element, isExact: true }];
    const items = this.of(type, over, deeper);
    if (this.#choice.chance(50)) {
      const body = this.predicate(scope, deeper);
      return node(type, 'list_filter', 'list_filter(', items, `, lambda ${parameter}: `, body, ')');
    }
    const body = this.of(element, scope, deeper);
    return node(
      type,
      'list_transform',
      'list_transform(',
      items,
      `, lambda ${parameter}: `,
      body,
      ')',
    );
  }

  #member(columns: readonly Column[], depth: number): SqlNode {
    const struct = this.of(STRUCT, columns, depth);
    return node('INTEGER', 'struct_extract', 'struct_extract(', struct, ", 'a')");
  }

  #struct(columns: readonly Column[], depth: number): SqlNode {
    const [a, b] = [this.of('INTEGER', columns, depth), this.of('VARCHAR', columns, depth)];
    return node(STRUCT, 'struct_pack', "{'a': ", a, ", 'b': ", b, '}');
  }

  #comparison(columns: readonly Column[], depth: number): SqlNode {
    const operator = this.#choice.one(COMPARISONS);
    const [left, right] = this.#pair(columns, depth);
    return node('BOOLEAN', operator, '((', left, `) ${operator} (`, right, '))');
  }

  #inList(columns: readonly Column[], depth: number): SqlNode {
    const [left] = this.#pair(columns, depth);
    const values = [1, 2, 3].map(() => this.constant(left.sort));
    const operator = this.#choice.one(['IN', 'NOT IN']);
    return node('BOOLEAN', operator, '((', left, `) ${operator} (`, list(values), '))');
  }

  #between(columns: readonly Column[], depth: number): SqlNode {
    const [left, upper] = this.#pair(columns, depth);
    const lower = this.constant(left.sort);
    return node('BOOLEAN', 'BETWEEN', '((', left, ') BETWEEN ', lower, ' AND (', upper, '))');
  }

  #nullTest(columns: readonly Column[], depth: number): SqlNode {
    const test = this.#choice.one(['IS NULL', 'IS NOT NULL']);
    return node('BOOLEAN', test, '((', this.#pair(columns, depth)[0], `) ${test})`);
  }

  #conjunction(columns: readonly Column[], depth: number): SqlNode {
    const operator = this.#choice.one(['AND', 'OR', 'AND NOT', 'OR NOT']);
    const [left, right] = [this.predicate(columns, depth), this.predicate(columns, depth)];
    return node('BOOLEAN', operator, '(', left, ` ${operator} `, right, ')');
  }

  /** Two of the same type, one of them with a column where there is one. */
  #pair(columns: readonly Column[], depth: number): readonly [SqlNode, SqlNode] {
    const exact = columns.filter(({ isExact }) => isExact);
    const type =
      exact.length > 0
        ? this.#choice.one(exact).type
        : this.#choice.one(FUZZ_TYPES.slice(0, 8)).sql;
    const column = exact.filter((candidate) => candidate.type === type);
    const left =
      column.length > 0 && this.#choice.chance(70)
        ? node(type, 'column', this.#choice.one(column).name)
        : this.of(type, columns, depth);
    return [left, this.of(type, columns, depth)];
  }
}
