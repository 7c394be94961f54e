/** Expressions of a statement that must be constants: the values of EXECUTE and SET VARIABLE. */
import { EngineError } from '../../common/error.ts';
import { type ColumnType } from '../../common/plan/column-type.ts';
import { decodePlan } from '../import/decode-plan.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../import/json-reader.ts';
import { statementsOf } from '../import/show-reference.ts';
import { type Constant, type Expression } from '../logical/expression.ts';
import { type PlanningInstance } from './planning-instance.ts';
import { serializedError, serializedToEngineError } from './serialized-error.ts';
import { checkBound, checkParsed, type StatementNames } from './sql-door.ts';

/** Arguments as the parser reads them. */
export interface ParsedArguments {
  /** A SELECT of them. */
  readonly document: Json;
  /** In lower case; those without a name are called 1, 2 … */
  readonly argumentNames: readonly string[];
  readonly names: StatementNames;
}

/**
 * `text`: what stands between the parentheses of a call, with `name := value` among it.
 * @throws EngineError SYNTAX_ERROR, FUNCTION_NOT_ALLOWED, INVALID_PARAMETER
 */
export async function parseArguments(
  text: string,
  instance: PlanningInstance,
): Promise<ParsedArguments> {
  const document = await instance.parse(`SELECT skein_values(${text})`);
  const error = serializedError(document);
  if (error !== undefined) throw withoutPosition(serializedToEngineError(error));
  const [statement] = statementsOf(document);
  const node = isJsonObject(statement) ? statement['node'] : undefined;
  const list = isJsonObject(node) && isJsonArray(node['select_list']) ? node['select_list'] : [];
  const call = list.length === 1 ? list[0] : undefined;
  const children = isJsonObject(call) ? call['children'] : undefined;
  if (!isJsonObject(statement) || !isJsonObject(node) || !isJsonArray(children)) {
    throw new EngineError('INVALID_PARAMETER', 'the values are no list of constants');
  }
  const aliases = children.map((child) => (isJsonObject(child) ? child['alias'] : ''));
  const select_list = children.map((child) =>
    isJsonObject(child) ? { ...child, alias: '' } : child,
  );
  return {
    document: { error: false, statements: [{ ...statement, node: { ...node, select_list } }] },
    argumentNames: aliases.map((alias, i) =>
      typeof alias === 'string' && alias !== '' ? alias.toLowerCase() : String(i + 1),
    ),
    names: checkParsed(select_list),
  };
}

/** `instance`: as the session sees it. @throws EngineError INVALID_PARAMETER for what is no constant */
export async function constantsOf(
  { document, argumentNames }: ParsedArguments,
  instance: PlanningInstance,
): Promise<ReadonlyMap<string, Constant>> {
  if (argumentNames.length === 0) return new Map();
  const expressions =
    (await boundExpressions(document, instance)) ?? (await oneByOne(document, instance));
  const constants = new Map<string, Constant>();
  for (const [i, name] of argumentNames.entries()) {
    const expression = expressions[i];
    if (expression?.kind !== 'constant') {
      throw new EngineError(
        'INVALID_PARAMETER',
        `the value of ${name} is no constant: it may not read tables or change from call to call`,
        { details: { parameter: name } },
      );
    }
    constants.set(name, expression);
  }
  return constants;
}

/** The value of an only argument; undefined for what has to be computed. `instance`: as the session sees it. */
export async function constantOf(
  { document }: ParsedArguments,
  instance: PlanningInstance,
): Promise<Constant | undefined> {
  const expressions =
    (await boundExpressions(document, instance)) ?? (await oneByOne(document, instance));
  const [expression] = expressions;
  return expression?.kind === 'constant' ? expression : undefined;
}

type Expressions = readonly (Expression | undefined)[];

/** What a SELECT without a FROM clause selects; undefined where DuckDB cannot serialize it. */
async function boundExpressions(
  document: Json,
  instance: PlanningInstance,
): Promise<Expressions | undefined> {
  const plan = await instance.serializePlan(await instance.print(document));
  if (plan === undefined) return undefined;
  const error = serializedError(plan);
  if (error !== undefined) throw withoutPosition(serializedToEngineError(error));
  checkBound(plan);
  const decoded = decodePlan(plan, undefined);
  return decoded.kind === 'plan' &&
    decoded.plan.kind === 'project' &&
    decoded.plan.child.kind === 'dummy-scan'
    ? decoded.plan.expressions
    : [];
}

/** Constants whose bytes are no text are asked for as text, which stands for them in a plan too. */
async function oneByOne(document: Json, instance: PlanningInstance): Promise<Expressions> {
  const found: (Expression | undefined)[] = [];
  const [cast] = selectedBy(await instance.parse('SELECT CAST(NULL AS VARCHAR)'));
  for (const selected of selectedBy(document)) {
    const alone = await boundExpressions(selecting(document, selected), instance);
    if (alone !== undefined) {
      found.push(alone[0]);
      continue;
    }
    const sql = await instance.print(selecting(document, selected));
    const [type] = (await instance.columnsOf(sql)).map((column) => column.type);
    const asText = { ...(cast as JsonObject), child: selected };
    const texts = await boundExpressions(selecting(document, asText), instance);
    found.push(type && fromText(type, texts?.[0]));
  }
  return found;
}

function fromText(type: ColumnType, expression: Expression | undefined): Constant | undefined {
  const text = expression?.kind === 'constant' ? expression.value : undefined;
  const isText = typeof text === 'string' && (type.id === 'BIT' || type.id === 'BIGNUM');
  return isText ? { kind: 'constant', type, value: { kind: 'bytes', text } } : undefined;
}

function selectedBy(document: Json): readonly Json[] {
  const [statement] = statementsOf(document);
  const node = isJsonObject(statement) ? statement['node'] : undefined;
  const list = isJsonObject(node) ? node['select_list'] : undefined;
  return isJsonArray(list) ? list : [];
}

function selecting(document: Json, selected: Json): Json {
  const [statement] = statementsOf(document) as readonly JsonObject[];
  const node = { ...(statement?.['node'] as JsonObject), select_list: [selected] };
  return { error: false, statements: [{ ...statement, node }] };
}

function withoutPosition({ code, message, details }: EngineError): EngineError {
  return new EngineError(code, message, { details });
}
