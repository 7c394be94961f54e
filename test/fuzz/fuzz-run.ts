/** Seeds as statements, compared, reduced where they differ, and counted. */
import { DuckDBInstance } from '@duckdb/node-api';
import { type Covered, coveredBy } from './coverage.ts';
import { type FuzzOptions, FuzzOracle, type FuzzQuery, type Outcome } from './fuzz-oracle.ts';
import { Choice } from './grammar/choice.ts';
import { type FunctionCatalog, readFunctionCatalog } from './grammar/function-catalog.ts';
import { randomStatement } from './grammar/statements.ts';
import { reduce } from './reduce.ts';
import { printSql, type SqlNode, treesWithout } from './sql-tree.ts';

export interface Finding {
  readonly seed: number;
  readonly outcome: Outcome;
  readonly options: FuzzQuery['options'];
  /** The smallest statement found that still differs. */
  readonly sql: string;
}

export interface Trial {
  readonly outcome: Outcome;
  readonly covered: Covered;
  readonly finding?: Finding;
}

export class FuzzRun implements AsyncDisposable {
  readonly #oracle: FuzzOracle;
  readonly #catalog: FunctionCatalog;

  private constructor(oracle: FuzzOracle, catalog: FunctionCatalog) {
    this.#oracle = oracle;
    this.#catalog = catalog;
  }

  /** Over the fuzz tables in `directory`. */
  static async open(directory: string, options: FuzzOptions = {}): Promise<FuzzRun> {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const catalog = await readFunctionCatalog(connection);
    connection.disconnectSync();
    instance.closeSync();
    return new FuzzRun(await FuzzOracle.open(directory, options), catalog);
  }

  /** The statement of a seed. */
  sqlOf(seed: number): string {
    return printSql(randomStatement(seed, this.#catalog).sql);
  }

  /**
   * No finding when both answer the same; `hunted`: one too when that text is in the outcome (a rung's reason, the
   * code of an error that both have).
   */
  async try(seed: number, hunted = ''): Promise<Trial> {
    const { sql: tree, isOrdered, parameters } = randomStatement(seed, this.#catalog);
    const options = { ...randomOptions(seed), ...givenOf(seed, parameters) };
    const compare = async (candidate: SqlNode): Promise<Outcome> =>
      await this.#oracle.compare({
        sql: printSql(candidate),
        isOrdered,
        options,
        without: withoutOne(candidate),
      });
    const outcome = await compare(tree);
    const covered = coveredBy(tree, outcome);
    const isHunted = hunted !== '' && JSON.stringify(outcome).includes(hunted);
    const isSame = outcome.kind === 'same-rows' || outcome.kind === 'same-error';
    if (isSame && !isHunted) return { outcome, covered };
    if (outcome.kind === 'too-slow' || outcome.kind === 'known') {
      return { outcome, covered, finding: { seed, outcome, options, sql: printSql(tree) } };
    }
    const reduced = await reduce(tree, async (candidate) => {
      const found = await compare(candidate);
      return found.kind === outcome.kind && (!isHunted || JSON.stringify(found).includes(hunted));
    });
    const last = await compare(reduced);
    // One that does not come again is told as it was.
    const told = last.kind === outcome.kind ? last : outcome;
    return { outcome, covered, finding: { seed, outcome: told, options, sql: printSql(reduced) } };
  }

  /** The statement of a seed on plain DuckDB alone, whatever it answers. */
  async tryPlain(seed: number): Promise<void> {
    const { sql, parameters } = randomStatement(seed, this.#catalog);
    const options = { ...randomOptions(seed), parameters };
    await this.#oracle.runPlain({ sql: printSql(sql), options });
  }

  /** A statement as it is written. */
  async compare(sql: string, options: FuzzQuery['options']): Promise<Outcome> {
    return await this.#oracle.compare({ sql, isOrdered: false, options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#oracle[Symbol.asyncDispose]();
  }
}

function* withoutOne(tree: SqlNode): Generator<readonly [string, string]> {
  for (const [one, other] of treesWithout(tree)) yield [printSql(one), printSql(other)];
}

function randomOptions(seed: number): FuzzQuery['options'] {
  const choice = new Choice(seed ^ 0x5eed);
  return {
    taskCount: 1 + choice.below(4),
    properties: {
      broadcast_threshold: choice.one(['0', '32MiB']),
      partial_aggregation: choice.one(['automatic', 'automatic', 'always', 'never']),
      partial_aggregation_min_rows: '1',
      distribution: choice.one(['always', 'always', 'always', 'always', 'never']),
      colocated_execution: choice.one(['on', 'on', 'off']),
      replicated_scans: choice.one(['on', 'off']),
      ...new Choice(Math.floor(seed / SEEDS_OF_A_SETTING)).weighted(SETTINGS),
    },
  };
}

/** Neighbours have the same settings: a planner opens an instance for each set of them. */
const SEEDS_OF_A_SETTING = 40;

/** Settings that change answers. */
const SETTINGS: readonly (readonly [weight: number, Readonly<Record<string, string>>])[] = [
  [18, { time_zone: 'UTC' }],
  [9, { time_zone: 'America/New_York' }],
  [9, { time_zone: 'Asia/Kolkata' }],
  [2, { default_null_order: 'nulls_first' }],
  [2, { default_null_order: 'nulls_last_on_asc_first_on_desc', default_order: 'desc' }],
  [2, { default_order: 'desc' }],
  [2, { integer_division: 'true' }],
  [2, { ieee_floating_point_ops: 'false' }],
];

function givenOf(
  seed: number,
  parameters: Readonly<Record<string, string>>,
): Pick<FuzzQuery['options'], 'parameters' | 'isExecuted'> {
  if (Object.keys(parameters).length === 0) return {};
  return { parameters, isExecuted: seed % 2 === 0 };
}
