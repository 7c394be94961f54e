import { node, type SqlNode } from '../sql-tree.ts';
import { type Aggregates } from './aggregates.ts';
import { type Choice } from './choice.ts';
import { type Column, type Expressions } from './expressions.ts';
import { FUZZ_TYPES } from './fuzz-type.ts';
import { type Parameters } from './parameters.ts';

export interface Relation {
  /** An item of FROM. */
  readonly sql: SqlNode;
  readonly columns: readonly Column[];
  /** About so many rows. */
  readonly rows: number;
}

/** What the rules of the grammar share. */
export interface Grammar {
  readonly choice: Choice;
  readonly expressions: Expressions;
  readonly aggregates: Aggregates;
  readonly parameters: Parameters;
  relation(depth: number): Relation;
}

/** With inequalities of nested values in MARK joins DuckDB 1.5.5 answers wrongly, or crashes. */
export function isNested(type: string): boolean {
  return /STRUCT|MAP|UNION|JSON|\[/.test(type);
}

export function exactColumns({ columns }: Pick<Relation, 'columns'>): readonly Column[] {
  return columns.filter(({ isExact }) => isExact);
}

/** Columns as keys of ORDER BY, each with a direction of its own. */
export function sortKeys({ aggregates }: Grammar, columns: readonly Column[]): readonly SqlNode[] {
  return columns.map(({ name }) => node('clause', 'key', name + aggregates.direction()));
}

/** Types that relations are made of, for those that need the same ones twice. */
export function someTypes(choice: Choice, count: number): readonly string[] {
  return Array.from({ length: count }, () => choice.one(FUZZ_TYPES.slice(0, 10)).sql);
}
