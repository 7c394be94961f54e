import { type Outcome } from './fuzz-oracle.ts';
import { type SqlNode, walkSql } from './sql-tree.ts';

/** What the statements of a run were made of, by the rung that answered them. */
export class Coverage {
  readonly #operators = new Map<string, Map<string, number>>();
  readonly #functions = new Map<string, number>();
  readonly #types = new Map<string, number>();
  readonly #reasons = new Map<string, number>();
  readonly #rungs = new Map<string, number>();

  record(tree: SqlNode, outcome: Outcome): void {
    const rung = columnOf(outcome);
    add(this.#rungs, rung);
    if (outcome.kind === 'same-rows' && outcome.rung === 'whole')
      add(this.#reasons, outcome.reason);
    const operators = new Set<string>();
    for (const { sort, label } of walkSql(tree)) {
      if (sort === 'relation' || sort === 'statement') operators.add(label);
      else if (sort !== 'item' && sort !== 'clause') {
        add(this.#types, sort);
        add(this.#functions, label);
      }
    }
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
