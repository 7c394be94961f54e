/** A piece of SQL and how tightly its outermost operator binds. */
export interface Sql {
  readonly text: string;
  readonly level: number;
}

/** Binding strength in DuckDB's grammar, loosest first; an operand needs parentheses unless it binds tighter. */
export const LEVEL = {
  lambda: 0,
  or: 1,
  and: 2,
  not: 3,
  comparison: 4,
  /** Operators without a level of their own in the grammar: LIKE, ||, bit operators. */
  operator: 5,
  additive: 6,
  multiplicative: 7,
  atom: 9,
} as const;

export function atom(text: string): Sql {
  return { text, level: LEVEL.atom };
}

/** The text as an operand of an operator of the given level. */
export function operand(sql: Sql, level: number): string {
  return sql.level > level ? sql.text : `(${sql.text})`;
}
