/** A statement in fragments against the same statement on plain DuckDB. */
import { parseDuckDBError, toEngineError } from '../../services/common/duckdb/duckdb-error.ts';
import { type ErrorCode } from '../../services/common/error.ts';
import { FuzzCluster } from './fuzz-cluster.ts';
import {
  duckdbSettings,
  parseSessionProperties,
} from '../../services/common/session-properties.ts';
import { PageFixture } from '../support/page-fixture.ts';
import { parameterValues, type ParameterValues } from '../support/parameter-values.ts';
import { PlannerOracle } from '../support/planner-oracle.ts';
import { differenceOf, type Equality, type TableAnswer } from '../support/table-answers.ts';

export type Outcome =
  | { readonly kind: 'same-rows'; readonly rung: string; readonly reason: string }
  | { readonly kind: 'same-error'; readonly code: ErrorCode; readonly message: string }
  | (Difference & { readonly kind: 'different'; readonly rung: string })
  /** DuckDB answers otherwise when it plans otherwise: no difference of ours. */
  | (Difference & { readonly kind: 'duckdb-differs' })
  /** A limit that EQUALITY.md states. */
  | (Difference & { readonly kind: 'known' })
  | { readonly kind: 'too-slow' };

export interface Difference {
  readonly what: string;
  /** Of each of the two that fails. */
  readonly codes: { readonly ours?: ErrorCode; readonly duckdb?: ErrorCode };
}

/** What one of the two answers. */
type Answer =
  | {
      readonly kind: 'rows';
      readonly answer: TableAnswer;
      readonly rung: string;
      readonly reason: string;
    }
  | { readonly kind: 'error'; readonly code: ErrorCode; readonly message: string };

/** In tests: what becomes of the engine's answers, so that there is something to find. */
export type Tampering = (answer: TableAnswer, sql: string) => TableAnswer;

export interface FuzzOptions {
  /** Fragments run in the processes of a cluster; else in this one. */
  readonly inCluster?: boolean;
  readonly tampering?: Tampering;
}

export interface FuzzQuery {
  readonly sql: string;
  readonly isOrdered: boolean;
  readonly options: QueryOptions;
  /** The statement with NULL, and with another value, in place of one of its expressions, for each of them. */
  readonly without?: Iterable<readonly [withNull: string, withValue: string]>;
}

/** Under what a statement is compared; JSON. */
export interface QueryOptions {
  readonly taskCount: number;
  readonly properties?: Readonly<Record<string, string>>;
  /** SQL of the values of its parameters, by name; of those that it has not, nothing is said. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** The parameters are arguments of EXECUTE; else values beside the statement. */
  readonly isExecuted?: boolean;
}

/** Undefined where a statement has none. */
type Parameters =
  { readonly sql: Readonly<Record<string, string>>; readonly values: ParameterValues } | undefined;

type PlainQuery = Pick<FuzzQuery, 'sql' | 'options'>;

/**
 * On the last rung tables are common table expressions, and over those DuckDB 1.5.5 flattens fewer correlated subqueries.
 */
const KNOWN = /Unsupported join type for flattening|Positional join in correlated subqueries/;
const TIME_LIMIT_MS = 60_000;

interface Engine {
  readonly cluster: FuzzCluster | undefined;
  readonly tampering: Tampering;
}

/** What evaluating a value may say; never what binding says. */
const VALUE_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'CONVERSION_ERROR',
  'INVALID_INPUT',
  'OUT_OF_RANGE',
  'STATEMENT_NOT_SUPPORTED',
]);

const UNCAUGHT = /^Invalid escape string/;

export class FuzzOracle implements AsyncDisposable {
  readonly #directory: string;
  readonly #cluster: FuzzCluster | undefined;
  readonly #tampering: Tampering;
  #oracle: PlannerOracle;
  #fixture: PageFixture | undefined;

  private constructor(directory: string, oracle: PlannerOracle, engine: Engine) {
    this.#directory = directory;
    this.#oracle = oracle;
    this.#cluster = engine.cluster;
    this.#tampering = engine.tampering;
  }

  /** Over the tables of a directory. */
  static async open(directory: string, options: FuzzOptions = {}): Promise<FuzzOracle> {
    const { inCluster = false, tampering = (answer) => answer } = options;
    const cluster = inCluster ? await FuzzCluster.start(directory) : undefined;
    return new FuzzOracle(directory, await openOracle(directory), { cluster, tampering });
  }

  async compare(query: FuzzQuery): Promise<Outcome> {
    let isSlow = false;
    const timer = setTimeout(() => {
      isSlow = true;
      this.#oracle.interrupt();
    }, TIME_LIMIT_MS);
    try {
      const outcome = await this.#compare(query);
      return isSlow ? { kind: 'too-slow' } : outcome;
    } finally {
      clearTimeout(timer);
    }
  }

  /** What plain DuckDB answers, which is of no interest. */
  async runPlain(query: PlainQuery): Promise<void> {
    await this.#plain(query, await this.#parametersOf(query));
  }

  async #compare(query: FuzzQuery): Promise<Outcome> {
    const { sql } = query;
    const parameters = await this.#parametersOf(query);
    const expected = await this.#plain(query, parameters);
    const actual = await this.#engine(query, parameters, expected);
    const isOrdered = query.isOrdered && this.#cluster === undefined;
    const equality = { isOrdered, isOfNames: true };
    const what = difference(actual, expected, equality);
    if (what === undefined) return same(actual);
    const codes = {
      ...(actual.kind === 'error' ? { ours: actual.code } : {}),
      ...(expected.kind === 'error' ? { duckdb: expected.code } : {}),
    };
    if (isKnown(actual, expected)) return { kind: 'known', what, codes };
    await this.#oracle.run('PRAGMA disable_optimizer');
    const unoptimized = await this.#duckdb(sql, parameters);
    await this.#oracle.run('PRAGMA enable_optimizer');
    if (isBroken(expected) || isBroken(actual)) await this.#reopen();
    const doubt = isBroken(expected)
      ? 'an internal error'
      : difference(unoptimized, expected, equality);
    if (doubt !== undefined)
      return { kind: 'duckdb-differs', what: `${what}; by itself: ${doubt}`, codes };
    if (await this.#isUnread(query, parameters, { actual, expected })) {
      return { kind: 'known', what: `${what}; it is of a value that nobody reads`, codes };
    }
    const rung = actual.kind === 'rows' ? actual.rung : 'error';
    return { kind: 'different', what, rung, codes };
  }

  /**
   * Whether DuckDB's is a value's error, and DuckDB itself answers as the engine does once another value is in its
   * place, whatever that is. Where the engine fails too, the statement has both errors.
   */
  async #isUnread(
    { without = [], isOrdered }: FuzzQuery,
    parameters: Parameters,
    { actual, expected }: { readonly actual: Answer; readonly expected: Answer },
  ): Promise<boolean> {
    if (expected.kind !== 'error' || !VALUE_ERRORS.has(expected.code) || isBroken(actual))
      return false;
    const isSame = async (sql: string): Promise<boolean> => {
      const answer = await this.#duckdb(sql, parameters);
      return difference(actual, answer, { isOrdered, isOfNames: true }) === undefined;
    };
    for (const [withNull, withValue] of without) {
      if (!(await isSame(withNull))) continue;
      if (actual.kind === 'error' || (await isSame(withValue))) return true;
    }
    return false;
  }

  async #plain({ sql, options }: PlainQuery, parameters: Parameters): Promise<Answer> {
    const properties = parseSessionProperties(options.properties ?? {});
    await this.#oracle.set(duckdbSettings(properties, 'planning'));
    return await this.#duckdb(sql, parameters);
  }

  async #duckdb(sql: string, parameters: Parameters): Promise<Answer> {
    try {
      const answer = await this.#oracle.answer(sql, parameters?.values);
      return { kind: 'rows', answer, rung: '', reason: '' };
    } catch (error) {
      return failed(error);
    }
  }

  async #engine(query: FuzzQuery, parameters: Parameters, expected: Answer): Promise<Answer> {
    const { sql, options } = query;
    try {
      if (this.#cluster !== undefined) {
        const rows = await this.#cluster.rows(query, parameters?.values.stream);
        const { names, types } = expected.kind === 'rows' ? expected.answer : NO_COLUMNS;
        return { kind: 'rows', answer: { names, types, rows }, rung: 'cluster', reason: '' };
      }
      const { taskCount, properties = {}, isExecuted = false } = options;
      const given =
        parameters &&
        (isExecuted ? { executedWith: parameters.sql } : { parameters: parameters.values });
      const { plan, answer } = await this.#oracle.execute(sql, { taskCount, properties, ...given });
      const shown = this.#tampering(answer, sql);
      return { kind: 'rows', answer: shown, rung: plan.rung, reason: plan.rungReason };
    } catch (error) {
      return failed(error);
    }
  }

  /** Those that the statement has. */
  async #parametersOf({ sql, options }: PlainQuery): Promise<Parameters> {
    const named = Object.entries(options.parameters ?? {}).filter(([name]) => {
      return new RegExp(`\\$${name}\\b`).test(sql);
    });
    if (named.length === 0) return undefined;
    this.#fixture ??= await PageFixture.open();
    const values = Object.fromEntries(named);
    return { sql: values, values: await parameterValues(this.#fixture, values) };
  }

  /** After an internal error DuckDB refuses everything. */
  async #reopen(): Promise<void> {
    await this.#oracle.close();
    this.#oracle = await openOracle(this.#directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#oracle.close();
    await this.#fixture?.[Symbol.asyncDispose]();
    await this.#cluster?.[Symbol.asyncDispose]();
  }
}

const NO_COLUMNS = { names: [], types: [] } as const;

async function openOracle(directory: string): Promise<PlannerOracle> {
  return await PlannerOracle.open(directory, [
    'SET errors_as_json = true',
    'SET parquet_metadata_cache = true',
  ]);
}

function failed(thrown: unknown): Answer {
  const isKnown = parseDuckDBError(thrown) !== undefined;
  const { code, message } = toEngineError(thrown);
  return { kind: 'error', code, message: isKnown ? message : `${code}: ${message}` };
}

/** TRY catches neither what is not implemented for a value nor a wrong pattern: where nobody reads it, the plan decides. */
function isKnown(actual: Answer, expected: Answer): boolean {
  if (actual.kind === 'error') return KNOWN.test(actual.message);
  if (expected.kind !== 'error') return false;
  return expected.code === 'STATEMENT_NOT_SUPPORTED' || UNCAUGHT.test(expected.message);
}

function isBroken(answer: Answer): boolean {
  return answer.kind === 'error' && answer.code === 'INTERNAL_ERROR';
}

function difference(actual: Answer, expected: Answer, equality: Equality): string | undefined {
  if (actual.kind === 'rows') {
    if (expected.kind === 'rows') return differenceOf(actual.answer, expected.answer, equality);
    return `rows, not ${expected.code}: ${firstLine(expected.message)}`;
  }
  const error = `${actual.code}: ${firstLine(actual.message)}`;
  if (expected.kind === 'rows') return `${error}, not rows`;
  if (actual.code === expected.code && !isBroken(actual)) return undefined;
  return `${error}, not ${expected.code}: ${firstLine(expected.message)}`;
}

function same(actual: Answer): Outcome {
  return actual.kind === 'rows'
    ? { kind: 'same-rows', rung: actual.rung, reason: actual.reason }
    : { kind: 'same-error', code: actual.code, message: firstLine(actual.message) };
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]?.slice(0, 300) ?? '';
}
