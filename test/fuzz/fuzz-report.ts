/** What a search of many seeds has come to. */
import { Coverage } from './coverage.ts';
import { ErrorCounts } from './error-counts.ts';
import type { Outcome } from './fuzz-oracle.ts';
import type { Finding, Trial } from './fuzz-run.ts';
import type { SearchListener } from './fuzz-search.ts';
import { keep } from './kept-statements.ts';

const PROGRESS_STEP = 500;

export class FuzzReport implements SearchListener {
  readonly #coverage = new Coverage();
  readonly #counts = new Map<Outcome['kind'], number>();
  readonly #errors = new ErrorCounts();
  readonly #print: (line: string) => void;
  readonly #keptIn: string | undefined;
  #tried = 0;

  /** `keptIn`: the file that gets the statements that differ. */
  constructor(print: (line: string) => void, keptIn?: string) {
    this.#print = print;
    this.#keptIn = keptIn;
  }

  onTrial(seed: number, { outcome, covered, finding }: Trial): void {
    this.#coverage.record(covered);
    this.#count(seed, outcome.kind);
    this.#errors.count(seed, outcome);
    if (finding === undefined || outcome.kind === 'known') return;
    this.#printFinding(finding);
    if (outcome.kind === 'different' && this.#keptIn !== undefined) keep(this.#keptIn, finding);
  }

  onCrash(seed: number, isPlain: boolean): void {
    this.#count(seed, isPlain ? 'duckdb-differs' : 'different');
    this.#print(
      `-- seed ${seed}: the process died${isPlain ? ', of plain DuckDB alone too' : ''}\n`,
    );
  }

  get tried(): number {
    return this.#tried;
  }

  get failed(): number {
    return this.#of('different');
  }

  /** The last line says how many passed. `took`: how long. */
  lines(took: string): readonly string[] {
    const passed = this.#of('same-rows') + this.#of('same-error');
    const counts = [...this.#counts].map(([kind, count]) => `${kind} ${count}`);
    return [
      ...this.#coverage.report(),
      ...this.#errors.lines(),
      `statements: ${this.#tried}, ${counts.join(', ')}`,
      took,
      `${passed} passed, ${this.failed} failed`,
    ];
  }

  #count(seed: number, kind: Outcome['kind']): void {
    this.#tried += 1;
    this.#counts.set(kind, this.#of(kind) + 1);
    if (this.#tried % PROGRESS_STEP === 0) {
      process.stderr.write(`${this.#tried} statements, seed ${seed}, ${this.failed} failed\n`);
    }
  }

  #of(kind: Outcome['kind']): number {
    return this.#counts.get(kind) ?? 0;
  }

  #printFinding({ seed, outcome, options, sql }: Finding): void {
    this.#print(`-- seed ${seed}: ${JSON.stringify(outcome)} ${JSON.stringify(options)}`);
    this.#print(`${sql};\n`);
  }
}
