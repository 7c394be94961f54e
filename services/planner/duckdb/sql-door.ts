import { EngineError } from '../../common/error.ts';
import { DUCKDB_SETTINGS } from '../../common/session-properties.ts';
import { PINNED_SCAN, SYSTEM_ROWS } from '../import/decode-scan.ts';
import { isPlainObjectPath } from '../../common/plan/object-path.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../import/json-reader.ts';
import { literalPaths, optionNames } from '../import/reader-calls.ts';
import {
  pathOf,
  rewriteStatement,
  type TableReference,
  textsInFirstArgument,
} from '../import/parsed-statement.ts';
import {
  ALLOWED_TABLE_FUNCTIONS,
  CURRENT_SETTING,
  DENIED_FUNCTIONS,
  DENIED_READER_OPTIONS,
  DENIED_TABLE_FUNCTIONS,
} from './function-policy.ts';

/** What a statement names, before anything of it is bound. */
export interface StatementNames {
  readonly tables: readonly TableReference[];
  readonly parameters: readonly string[];
  /** Scalar, aggregate, window and macro calls, in lower case. */
  readonly functions: readonly string[];
  readonly tableFunctions: readonly string[];
  /** What table functions have as text in their first argument: for those that read files, the files. */
  readonly paths: readonly string[];
  /** Functions that read files whose names are computed. */
  readonly computedPaths: readonly string[];
}

/**
 * The first door, before binding: binding folds constants, which runs functions.
 * @throws EngineError FUNCTION_NOT_ALLOWED
 */
export function checkParsed(statement: Json): StatementNames {
  const tables: TableReference[] = [];
  const parameters: string[] = [];
  const functions: string[] = [];
  const tableFunctions: string[] = [];
  const paths: string[] = [];
  const computedPaths: string[] = [];
  rewriteStatement(statement, {
    call: (name, node) => {
      checkFunction(name);
      if (name === CURRENT_SETTING) checkSetting(node);
      functions.push(name);
    },
    tableFunction: (name, call) => {
      if (DENIED_TABLE_FUNCTIONS.has(name) || name === PINNED_SCAN) throw notAllowed(name);
      const denied = optionNames(call).find((option) => DENIED_READER_OPTIONS.has(option));
      if (denied !== undefined && FILE_FUNCTION.test(name)) throw optionNotAllowed(name, denied);
      tableFunctions.push(name);
      paths.push(...textsInFirstArgument(call));
      const isLiteral = !FILE_FUNCTION.test(name) || literalPaths(call) !== undefined;
      if (!isLiteral) computedPaths.push(name);
    },
    table: (reference, node) => {
      tables.push(reference);
      return node;
    },
    parameter: (name, node) => {
      parameters.push(name);
      return node;
    },
  });
  return { tables, parameters, functions, tableFunctions, paths, computedPaths };
}

/** @throws EngineError FUNCTION_NOT_ALLOWED */
function checkFunction(name: string): void {
  if (DENIED_FUNCTIONS.has(name) || name.startsWith('__internal_')) throw notAllowed(name);
}

/** @throws EngineError FUNCTION_NOT_ALLOWED for what is not the name of a setting of the session */
function checkSetting(call: JsonObject): void {
  const [name = ''] = textsInFirstArgument(call);
  const first = isJsonArray(call['children']) ? call['children'][0] : undefined;
  const isLiteral = isJsonObject(first) && first['class'] === 'CONSTANT';
  if (isLiteral && SESSION_SETTINGS.has(name.toLowerCase())) return;
  const known = Object.values(DUCKDB_SETTINGS).map(({ setting }) => setting);
  throw new EngineError(
    'FUNCTION_NOT_ALLOWED',
    `current_setting tells the settings of a session, by their names as texts: ${known.join(', ')}`,
    { details: { function: CURRENT_SETTING } },
  );
}

/** All that several texts name. */
export function joinNames(all: readonly StatementNames[]): StatementNames {
  return {
    tables: all.flatMap(({ tables }) => tables),
    parameters: all.flatMap(({ parameters }) => parameters),
    functions: all.flatMap(({ functions }) => functions),
    tableFunctions: all.flatMap(({ tableFunctions }) => tableFunctions),
    paths: all.flatMap(({ paths }) => paths),
    computedPaths: all.flatMap((names) => names.computedPaths),
  };
}

/**
 * The second door, on the bound plan: what views, macros and the catalog brought in is there too. Whatever has
 * a `has_serialize` field is a function.
 * @throws EngineError FUNCTION_NOT_ALLOWED
 */
export function checkBound(plan: Json): void {
  if (isJsonArray(plan)) {
    for (const item of plan) checkBound(item);
    return;
  }
  if (!isJsonObject(plan) || plan['type'] === 'LOGICAL_CHUNK_GET') return;
  const name = plan['name'];
  if (plan['has_serialize'] !== undefined && typeof name === 'string') {
    const isAllowed =
      plan['type'] === 'LOGICAL_GET'
        ? ALLOWED_TABLE_FUNCTIONS.has(name) || name === PINNED_SCAN || name === SYSTEM_ROWS
        : !DENIED_FUNCTIONS.has(name);
    if (!isAllowed) throw notAllowed(name);
  }
  for (const item of Object.values(plan)) checkBound(item);
}

/**
 * For a statement without a bound plan to look at: only table functions that are known to be harmless. `macros` of the
 * session are what they call, which is among the names; in lower case.
 */
export function checkUnbound(names: StatementNames, macros: readonly string[]): void {
  const isKnown = (name: string): boolean =>
    ALLOWED_TABLE_FUNCTIONS.has(name) || macros.includes(name);
  const shut = names.tableFunctions.find((name) => !isKnown(name));
  if (shut !== undefined) throw notAllowed(shut);
}

/** Settings of DuckDB that are the session's, in lower case: all others are of the process. */
export const SESSION_SETTINGS: ReadonlySet<string> = new Set(
  Object.values(DUCKDB_SETTINGS).map(({ setting }) => setting.toLowerCase()),
);

/** Functions whose first argument names files. */
const FILE_FUNCTION = /^(?:read_|parquet_|glob$)/;

/**
 * The files of an object store that a statement and its session name. DuckDB compares names with the allowed
 * prefixes letter by letter, but others resolve `..` in them, so each must be seen here, and say what it means.
 * @throws EngineError FILE_NOT_ALLOWED
 */
export function checkObjectPaths({ tables, paths, computedPaths }: StatementNames): void {
  for (const path of [...paths, ...tables.map(pathOf)]) {
    if (!HAS_SCHEME.test(path) || isPlainObjectPath(path)) continue;
    throw fileNotAllowed(`${path} is no plain name of an object: s3://BUCKET/KEY`, path);
  }
  const [computed] = computedPaths;
  if (computed === undefined) return;
  throw fileNotAllowed(`the files of ${computed} must be literals: an object store is configured`);
}

const HAS_SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;

function optionNotAllowed(name: string, option: string): EngineError {
  return new EngineError('FUNCTION_NOT_ALLOWED', `the option ${option} of ${name} is not allowed`, {
    details: { function: name, option },
  });
}

function fileNotAllowed(message: string, file?: string): EngineError {
  return new EngineError('FILE_NOT_ALLOWED', message, {
    details: file === undefined ? {} : { file },
  });
}

function notAllowed(name: string): EngineError {
  return new EngineError('FUNCTION_NOT_ALLOWED', `the function ${name} is not allowed`, {
    details: { function: name },
  });
}
