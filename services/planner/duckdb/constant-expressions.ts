/** Expressions of a statement that must be constants: the values of EXECUTE and SET VARIABLE. */
import { EngineError } from '../../common/error.ts';
import { decodePlan } from '../import/decode-plan.ts';
import { isJsonArray, isJsonObject, type Json } from '../import/json-reader.ts';
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
  const plan = await instance.serializePlan(await instance.print(document));
  const error = plan === undefined ? undefined : serializedError(plan);
  if (error !== undefined) throw withoutPosition(serializedToEngineError(error));
  if (plan !== undefined) checkBound(plan);
  const decoded = plan === undefined ? undefined : decodePlan(plan, undefined);
  const expressions: readonly Expression[] =
    decoded?.kind === 'plan' &&
    decoded.plan.kind === 'project' &&
    decoded.plan.child.kind === 'dummy-scan'
      ? decoded.plan.expressions
      : [];
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

function withoutPosition({ code, message, details }: EngineError): EngineError {
  return new EngineError(code, message, { details });
}
