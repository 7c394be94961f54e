import { EngineError } from '../../common/error.ts';
import { writeConstant } from '../fragment/sql/write-constant.ts';
import { isJsonArray, isJsonObject, type Json } from '../import/json-reader.ts';
import { rewriteStatement } from '../import/parsed-statement.ts';
import { type Constant } from '../logical/expression.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import { readParameters } from '../parameters/read-parameters.ts';
import { type PlanningInstance } from './planning-instance.ts';

/** A parameter of a statement, with the constant that stands for it. */
export interface ParameterValue {
  /** As the statement writes it, without its mark: `1` for the first `?`. Case does not matter. */
  readonly name: string;
  /** An expression of exactly the value's type, in SQL. */
  readonly sql: string;
}

/**
 * One value for each of a statement's parameters, from the Arrow IPC stream that came with it.
 * @throws EngineError INVALID_PARAMETER for a parameter without a value, a value without a parameter, and
 * values that are not what they should be
 */
export function parameterValues(
  names: readonly string[],
  stream: Uint8Array,
): readonly ParameterValue[] {
  return matchParameters(
    names,
    stream.byteLength === 0 ? new Map<string, Constant>() : readParameters(stream),
  );
}

/** One value for each of a statement's parameters. @throws EngineError INVALID_PARAMETER */
export function matchParameters(
  names: readonly string[],
  given: ReadonlyMap<string, Constant>,
): readonly ParameterValue[] {
  const wanted = [...new Set(names.map((name) => name.toLowerCase()))];
  const extra = [...given.keys()].filter((name) => !wanted.includes(name));
  if (extra.length > 0) throw invalid(`the statement has no parameter ${extra.join(', ')}`, extra);
  const missing = wanted.filter((name) => !given.has(name));
  if (missing.length > 0)
    throw invalid(`the parameter ${missing.join(', ')} has no value`, missing);
  return [...given].map(([name, constant]) => ({ name, sql: valueSql(name, constant) }));
}

/** A constant as an expression of exactly its type. A plain INTEGER would be a literal, which takes on other integer types; a value that is bound does not. */
export function valueSql(name: string, constant: Constant): string {
  try {
    const sql = writeConstant(constant);
    return constant.type.id === 'INTEGER' ? `${sql}::INTEGER` : sql;
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    throw invalid(`the parameter ${name} cannot be used: ${error.construct}`, [name]);
  }
}

function invalid(message: string, [parameter = '']: readonly string[]): EngineError {
  return new EngineError('INVALID_PARAMETER', message, { details: { parameter } });
}

/**
 * The parsed statement with constants in place of its parameters. Values reach it as nodes of the parsed tree,
 * never as text within the statement's.
 */
export async function replaceParameters(
  document: Json,
  values: readonly ParameterValue[],
  instance: PlanningInstance,
): Promise<Json> {
  const parsed = await instance.parse(`SELECT ${values.map(({ sql }) => sql).join(', ')}`);
  const nodes = selectList(parsed);
  const nodeOf = new Map(values.map(({ name }, i) => [name, nodes[i]]));
  return rewriteStatement(document, {
    parameter: (name, parameter) => {
      const node = nodeOf.get(name.toLowerCase());
      if (!isJsonObject(node)) throw new Error(`no constant for the parameter ${name}`);
      return { ...node, alias: parameter['alias'] ?? '' };
    },
  });
}

function selectList(document: Json): readonly Json[] {
  const statements = isJsonObject(document) ? document['statements'] : undefined;
  const [statement] = isJsonArray(statements) ? statements : [];
  const node = isJsonObject(statement) ? statement['node'] : undefined;
  const list = isJsonObject(node) ? node['select_list'] : undefined;
  return isJsonArray(list) ? list : [];
}
