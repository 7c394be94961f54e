import type { Outcome } from './fuzz-oracle.ts';

/** How many of the statements that fail, in DuckDB or in the engine, have the same class of error in both. */
export class ErrorCounts {
  readonly #same = new Map<string, number>();
  readonly #others: string[] = [];

  count(seed: number, outcome: Outcome): void {
    if (outcome.kind === 'same-error') {
      this.#same.set(outcome.code, (this.#same.get(outcome.code) ?? 0) + 1);
    } else if ('codes' in outcome) {
      const { ours, duckdb } = outcome.codes;
      if (ours === undefined && duckdb === undefined) return;
      const codes = `${ours ?? 'rows'}, not ${duckdb ?? 'rows'}`;
      this.#others.push(`  seed ${seed}, ${outcome.kind}: ${codes}`);
    }
  }

  lines(): readonly string[] {
    const byCount = [...this.#same].toSorted(([, a], [, b]) => b - a);
    const same = byCount.reduce((sum, [, count]) => sum + count, 0);
    const codes = byCount.map(([code, count]) => `${code} ${count}`).join(', ');
    const failing = same + this.#others.length;
    return [
      `failing statements: ${failing}, ${same} of them of DuckDB's class: ${codes}`,
      ...this.#others,
    ];
  }
}
