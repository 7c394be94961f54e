import { quoteIdentifier } from '../../common/plan/column-type.ts';
import { type SessionMacro } from '../../common/session-state.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../import/json-reader.ts';
import { writeJson } from '../import/json-writer.ts';
import { shownBy, statementsOf } from '../import/show-reference.ts';
import {
  macroOverloads,
  type MacroOverload,
  type MacroParameter,
  unreadableMacro,
} from '../statement/macro-parts.ts';
import { notSupported } from '../statement/statement-name.ts';
import { WIDE_BLANK } from '../statement/tokens.ts';
import { serializedError } from './serialized-error.ts';
import { checkParsed, joinNames, type StatementNames } from './sql-door.ts';

export interface CheckedMacro {
  readonly names: StatementNames;
  /** What follows the macro's name, made of the parts that were checked. */
  readonly definition: string;
}

type Parse = (sql: string) => Promise<Json>;

/**
 * DuckDB's parser hands out no tree of a CREATE MACRO, but of each part: an expression as a SELECT of it, a query as
 * it is. What it reads to the end as one part has the same words in the definition, which is made of the parts; but
 * for blanks outside ASCII, which it finds before it reads, from the text's beginning on.
 * @throws EngineError FUNCTION_NOT_ALLOWED, STATEMENT_NOT_SUPPORTED
 */
export async function checkMacro(macro: SessionMacro, parse: Parse): Promise<CheckedMacro> {
  if (WIDE_BLANK.test(macro.definition)) {
    throw notSupported('a macro with a blank outside ASCII', 'write chr(160) where a text has one');
  }
  const checker = new MacroChecker(parse);
  const definitions: string[] = [];
  for (const overload of macroOverloads(macro)) {
    definitions.push(await checker.definitionOf(overload, macro.kind));
  }
  return { names: joinNames(checker.names), definition: definitions.join(', ') };
}

/** A checked macro's definition as DuckDB's parser prints its parts. */
export async function printMacro(
  macro: SessionMacro,
  print: (sql: string) => Promise<string>,
): Promise<string> {
  const expression = async (sql: string): Promise<string> =>
    (await print(`SELECT ${sql}\n`)).slice('SELECT '.length);
  const parameter = async ({ name, type, defaultValue }: MacroParameter): Promise<string> => {
    // It prints as CAST(NULL AS type).
    const cast = type === undefined ? undefined : await expression(`CAST(NULL AS ${type}\n)`);
    const typed = cast === undefined ? '' : ` ${cast.slice('CAST(NULL AS '.length, -1)}`;
    const assigned = defaultValue === undefined ? '' : ` := ${await expression(defaultValue)}`;
    return `${quoteIdentifier(name)}${typed}${assigned}`;
  };
  const overloads = macroOverloads(macro).map(async ({ parameters, body }) => {
    const written = await Promise.all(parameters.map(parameter));
    const isScalar = macro.kind === 'macro';
    const printed = isScalar ? await expression(body) : `TABLE ${await print(`${body}\n`)}`;
    return `(${written.join(', ')}) AS ${printed}`;
  });
  return (await Promise.all(overloads)).join(', ');
}

class MacroChecker {
  readonly names: StatementNames[] = [];
  readonly #parse: Parse;

  constructor(parse: Parse) {
    this.#parse = parse;
  }

  async definitionOf(
    { parameters, body }: MacroOverload,
    kind: SessionMacro['kind'],
  ): Promise<string> {
    const written: string[] = [];
    for (const parameter of parameters) written.push(await this.#parameter(parameter));
    await (kind === 'macro' ? this.#expression(body) : this.#query(body));
    // A comment at the end of a part must not reach what follows.
    return `(${written.join(', ')}) AS ${kind === 'macro' ? '' : 'TABLE '}${body}\n`;
  }

  async #parameter({ name, type, defaultValue }: MacroParameter): Promise<string> {
    if (type !== undefined && !isPlainCast(await this.#expression(`NULL::${type}`))) {
      throw unreadableMacro();
    }
    if (defaultValue !== undefined) await this.#expression(defaultValue);
    const typed = type === undefined ? '' : ` ${type}\n`;
    const assigned = defaultValue === undefined ? '' : ` := ${defaultValue}\n`;
    return `${quoteIdentifier(name)}${typed}${assigned}`;
  }

  /** One expression, without a name, and nothing else that a SELECT may have. */
  async #expression(sql: string): Promise<JsonObject> {
    const node = queryNode(await this.#statement(`SELECT ${sql}\n`));
    const plain = queryNode(statementsOf(await this.#parse('SELECT 1'))[0]);
    const list = isJsonArray(node['select_list']) ? node['select_list'] : [];
    const [expression] = list;
    const isAlone = list.length === 1 && isJsonObject(expression) && expression['alias'] === '';
    const others = [node, plain].map((each) => writeJson({ ...each, select_list: [] }));
    if (!isAlone || others[0] !== others[1]) throw unreadableMacro();
    return expression;
  }

  async #query(sql: string): Promise<void> {
    const statement = await this.#statement(`${sql}\n`);
    if (isJsonObject(statement) && shownBy(statement) !== undefined) throw unreadableMacro();
  }

  async #statement(sql: string): Promise<Json> {
    const document = await this.#parse(sql);
    const [statement, ...others] = statementsOf(document);
    const isRead = serializedError(document) === undefined && others.length === 0;
    if (!isRead || statement === undefined) throw unreadableMacro();
    this.names.push(checkParsed(document));
    return statement;
  }
}

function queryNode(statement: Json | undefined): JsonObject {
  const node = isJsonObject(statement) ? statement['node'] : undefined;
  return isJsonObject(node) ? node : {};
}

function isPlainCast({ class: kind, child }: JsonObject): boolean {
  return kind === 'CAST' && isJsonObject(child) && child['class'] === 'CONSTANT';
}
