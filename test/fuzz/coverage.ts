import { type Outcome } from './fuzz-oracle.ts';
import { type SqlNode, walkSql } from './sql-tree.ts';

/** What one statement was made of, and what became of it. */
export interface Covered {
  /** Or the kind of the outcome, where no rung answered. */
  readonly rung: string;
  /** Why the last rung answered. */
  readonly reason?: string;
  readonly operators: readonly string[];
  /** Of each expression. */
  readonly types: readonly string[];
  readonly functions: readonly string[];
}

export function coveredBy(tree: SqlNode, outcome: Outcome): Covered {
  const nodes = [...walkSql(tree)];
  const operators = nodes.filter(({ sort }) => sort === 'relation' || sort === 'statement');
  const expressions = nodes.filter(({ sort }) => !NO_EXPRESSIONS.has(sort));
  const isWhole = outcome.kind === 'same-rows' && outcome.rung === 'whole';
  return {
    rung: columnOf(outcome),
    ...(isWhole ? { reason: outcome.reason } : {}),
    operators: [...new Set(operators.map(({ label }) => label))],
    types: expressions.map(({ sort }) => sort),
    functions: expressions.map(({ label }) => label),
  };
}

const NO_EXPRESSIONS = new Set(['relation', 'statement', 'item', 'clause']);

/** What the statements of a run were made of, by the rung that answered them. */
export class Coverage {
  readonly #operators = new Map<string, Map<string, number>>();
  readonly #functions = new Map<string, number>();
  readonly #types = new Map<string, number>();
  readonly #reasons = new Map<string, number>();
  readonly #rungs = new Map<string, number>();

  record({ rung, reason, operators, types, functions }: Covered): void {
    add(this.#rungs, rung);
    if (reason !== undefined) add(this.#reasons, reason);
    for (const type of types) add(this.#types, type);
    for (const name of functions) add(this.#functions, name);
    for (const operator of operators) {
      const row = this.#operators.get(operator) ?? new Map<string, number>();
      this.#operators.set(operator, row);
      add(row, rung);
    }
  }

  /** Operators × rungs, and how often each type and how many functions were seen. */
  report(): readonly string[] {
    const rungs = [...this.#rungs.keys()].toSorted();
    const rows = [...this.#operators].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return [
      ['operator'.padEnd(26), ...rungs.map((rung) => rung.padStart(18))].join(''),
      ...rows.map(([operator, counts]) =>
        [
          operator.padEnd(26),
          ...rungs.map((rung) => String(counts.get(rung) ?? 0).padStart(18)),
        ].join(''),
      ),
      [
        'statements'.padEnd(26),
        ...rungs.map((rung) => String(this.#rungs.get(rung)).padStart(18)),
      ].join(''),
      `types: ${sortedCounts(this.#types).join(', ')}`,
      `functions and operators of expressions: ${this.#functions.size}`,
      ...sortedCounts(this.#reasons).map((reason) => `whole: ${reason}`),
    ];
  }
}

function columnOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'same-rows':
      return outcome.rung;
    case 'same-error':
      return 'error';
    default:
      return outcome.kind;
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sortedCounts(counts: ReadonlyMap<string, number>): readonly string[] {
  return [...counts].toSorted(([, a], [, b]) => b - a).map(([key, count]) => `${key} ${count}`);
}
