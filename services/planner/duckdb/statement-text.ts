import { type Json } from '../import/json-reader.ts';
import { namesMetadata } from '../import/metadata-reference.ts';
import { rewriteStatement, withIntegerDivision } from '../import/parsed-statement.ts';
import { showReference } from '../import/show-reference.ts';
import { columnNames, type QueryToBind } from './bind-query.ts';
import { type SelectStatement } from './classify-statement.ts';
import { type MetadataDeps, resolveMetadata } from './metadata-answers.ts';
import { type PlanningInstance } from './planning-instance.ts';
import { type ShowAnswers } from './show-answers.ts';
import { type ParameterValue, replaceParameters } from './statement-parameters.ts';

/** A statement as it is bound. */
export type StatementText = Pick<QueryToBind, 'sql' | 'document' | 'resultNames'>;

/** A SHOW of all that there is, or a query of it. */
export function needsWholeSession(document: Json): boolean {
  let isWhole = namesMetadata(document);
  rewriteStatement(document, {
    show: (node) => {
      const { kind } = showReference(node);
      isWhole ||= kind === 'all-tables' || kind === 'variables';
      return node;
    },
  });
  return isWhole;
}

interface BindingContext {
  readonly session: PlanningInstance;
  readonly metadata: MetadataDeps;
  readonly shows: ShowAnswers;
  readonly integerDivision: boolean;
}

/**
 * DuckDB binds the statement as it is, for its errors and names; what is planned has constants for parameters, and
 * queries for what it shows.
 */
export async function toBind(
  { sql, document, shown }: SelectStatement,
  values: readonly ParameterValue[],
  { session, metadata, shows, integerDivision }: BindingContext,
): Promise<StatementText> {
  const meant = integerDivision ? withIntegerDivision(document) : document;
  const replaced = values.length === 0 ? meant : await replaceParameters(meant, values, session);
  const resolved = await shows.resolve(await resolveMetadata(replaced, metadata));
  if (resolved === document) return { sql, document, resultNames: undefined };
  const resultNames = shown === undefined ? await columnNames(sql, session, values) : undefined;
  return { sql: await session.print(resolved), document: resolved, resultNames };
}
