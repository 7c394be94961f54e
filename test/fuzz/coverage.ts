import { type Outcome } from './fuzz-oracle.ts';
import { NO_EXPRESSIONS, type SqlNode, walkSql } from './sql-tree.ts';

/** What one statement was made of, and what became of it. */
export interface Covered {
  /** Or the kind of the outcome, where no rung answered. */
  readonly rung: string;
  /** Why the last rung answered. */
  readonly reason?: string;
  readonly operators: readonly CoveredOperator[];
  /** Functions and operators of expressions. */
  readonly functions: readonly string[];
}

interface CoveredOperator {
  readonly label: string;
  /** Of its columns and of the expressions in it. */
  readonly types: readonly string[];
}

export function coveredBy(tree: SqlNode, outcome: Outcome): Covered {
  const nodes = [...walkSql(tree)];
  const operators = new Map<string, Set<string>>();
  for (const relation of nodes.filter(isOperator)) {
    const types = operators.get(relation.label) ?? new Set();
    operators.set(relation.label, types);
    for (const type of relation.columnTypes ?? []) types.add(type);
    for (const { sort } of expressionsOf(relation)) types.add(sort);
  }
  const isWhole = outcome.kind === 'same-rows' && outcome.rung === 'whole';
  return {
    rung: columnOf(outcome),
    ...(isWhole ? { reason: outcome.reason } : {}),
    operators: [...operators].map(([label, types]) => ({ label, types: [...types] })),
    functions: nodes.filter(isExpression).map(({ label }) => label),
  };
}

function isOperator({ sort }: SqlNode): boolean {
  return sort === 'relation' || sort === 'statement';
}

function isExpression({ sort }: SqlNode): boolean {
  return !NO_EXPRESSIONS.has(sort);
}

/** Not those of the relations below. */
function* expressionsOf({ parts }: SqlNode): Generator<SqlNode> {
  for (const part of parts) {
    if (typeof part === 'string') continue;
    for (const child of 'parts' in part ? [part] : part.items) {
      if (isOperator(child)) continue;
      if (isExpression(child)) yield child;
      yield* expressionsOf(child);
    }
  }
}

const RUNGS = ['distributed', 'small', 'single-over-scans', 'whole', 'error', 'cluster'] as const;
/** In the matrix. */
const RUNG_LETTERS = ['d', 's', 'o', 'w', 'e', 'c'] as const;

/** What the statements of a run were made of, by the rung that answered them. */
export class Coverage {
  readonly #operators = new Map<string, Map<string, number>>();
  /** By operator and type. */
  readonly #cells = new Map<string, Map<string, Set<string>>>();
  readonly #functions = new Map<string, number>();
  readonly #types = new Map<string, number>();
  readonly #reasons = new Map<string, number>();
  readonly #rungs = new Map<string, number>();

  record({ rung, reason, operators, functions }: Covered): void {
    add(this.#rungs, rung);
    if (reason !== undefined) add(this.#reasons, reason);
    for (const name of functions) add(this.#functions, name);
    for (const { label, types } of operators) {
      add(
        entry(this.#operators, label, () => new Map<string, number>()),
        rung,
      );
      const cells = entry(this.#cells, label, () => new Map<string, Set<string>>());
      for (const type of types) {
        add(this.#types, type);
        entry(cells, type, () => new Set<string>()).add(rung);
      }
    }
  }

  /** Operators × rungs; operators × types × rungs; and how many functions were seen. */
  report(): readonly string[] {
    const rungs = [...this.#rungs.keys()].toSorted();
    return [
      ['operator'.padEnd(26), ...rungs.map((rung) => rung.padStart(18))].join(''),
      ...sortedRows(this.#operators).map(([operator, counts]) =>
        [
          operator.padEnd(26),
          ...rungs.map((rung) => String(counts.get(rung) ?? 0).padStart(18)),
        ].join(''),
      ),
      [
        'statements'.padEnd(26),
        ...rungs.map((rung) => String(this.#rungs.get(rung)).padStart(18)),
      ].join(''),
      ...this.#matrix(),
      `functions and operators of expressions: ${this.#functions.size}`,
      ...sortedCounts(this.#reasons).map((reason) => `whole: ${reason}`),
    ];
  }

  /** A row for each operator, a column for each type, in it a letter for each rung that answered both together. */
  #matrix(): readonly string[] {
    const types = [...this.#types].toSorted(([, a], [, b]) => b - a).map(([type]) => type);
    const cellOf = (operator: string, type: string): string => {
      const seen = this.#cells.get(operator)?.get(type);
      return RUNGS.map((rung, i) => (seen?.has(rung) === true ? RUNG_LETTERS[i] : '')).join('');
    };
    const operators = sortedRows(this.#cells).map(([operator]) => operator);
    const rows = operators.map((operator) => [
      operator,
      ...types.map((type) => cellOf(operator, type)),
    ]);
    const seen = rows.reduce((sum, [, ...cells]) => sum + cells.join('').length, 0);
    const legend = types.map((type, i) => `${i + 1} ${type}`).join(', ');
    const letters = RUNGS.map((rung, i) => `${RUNG_LETTERS[i] ?? ''} ${rung}`).join(', ');
    return [
      `operators × types × rungs (${letters}): ${seen} seen; types: ${legend}`,
      [''.padEnd(26), ...types.map((_, i) => String(i + 1).padEnd(6))].join(''),
      ...rows.map(([operator = '', ...cells]) =>
        [operator.padEnd(26), ...cells.map((cell) => (cell || '.').padEnd(6))].join('').trimEnd(),
      ),
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

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

function sortedRows<V>(map: ReadonlyMap<string, V>): readonly (readonly [string, V])[] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sortedCounts(counts: ReadonlyMap<string, number>): readonly string[] {
  return [...counts].toSorted(([, a], [, b]) => b - a).map(([key, count]) => `${key} ${count}`);
}
