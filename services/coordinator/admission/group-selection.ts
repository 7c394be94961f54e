/** Where a query belongs: the first selector whose conditions hold, and the group that it names for this query. */
import type { GroupSelector, ResourceGroupTree, StatementKind } from './resource-group-tree.ts';

/** What selectors look at. */
export interface QueryMarks {
  readonly user: string;
  /** Which program the query comes from; empty = it does not say. */
  readonly source: string;
  readonly clientTags: readonly string[];
  readonly statementKind: StatementKind;
}

/** The names of a group's line, from below the root: as the tree has them, and as they are for a query. */
export interface SelectedGroup {
  readonly templates: readonly string[];
  readonly names: readonly string[];
}

/** `undefined` = no selector matches. */
export function selectGroup(
  { selectors }: ResourceGroupTree,
  marks: QueryMarks,
): SelectedGroup | undefined {
  for (const selector of selectors) {
    const values = matchedValues(selector, marks);
    if (values === undefined) continue;
    const names = selector.group.map((template) => expand(template, values));
    if (names.every((name) => name !== undefined)) return { templates: selector.group, names };
  }
  return undefined;
}

const TEMPLATE = /\$\{(\w+)\}/g;

/** Values that a selector can give to names of groups. */
export const COMMON_VALUES: readonly string[] = ['USER', 'SOURCE'];

/** What stands in `${…}` in a name. */
export function templateValues(name: string): readonly string[] {
  return [...name.matchAll(TEMPLATE)].map(([, value = '']) => value);
}

/** What its named parts are called. */
export function namedParts(pattern: string): readonly string[] {
  return [...pattern.matchAll(/\(\?<([A-Za-z_]\w*)>/g)].map(([, name = '']) => name);
}

/** The pattern as it is applied: to the whole text. @throws SyntaxError */
export function wholeTextPattern(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`, 'u');
}

type Values = Readonly<Record<string, string | undefined>>;

/** `undefined` = a condition does not hold. */
function matchedValues(selector: GroupSelector, marks: QueryMarks): Values | undefined {
  const { user, source, clientTags, statementKinds } = selector;
  if (!clientTags.every((tag) => marks.clientTags.includes(tag))) return undefined;
  if (statementKinds?.includes(marks.statementKind) === false) return undefined;
  const ofUser = matchedParts(user, marks.user);
  const ofSource = matchedParts(source, marks.source);
  if (ofUser === undefined || ofSource === undefined) return undefined;
  return { ...ofUser, ...ofSource, USER: marks.user, SOURCE: marks.source };
}

function matchedParts(pattern: string | undefined, text: string): Values | undefined {
  if (pattern === undefined) return {};
  const match = wholeTextPattern(pattern).exec(text);
  return match === null ? undefined : (match.groups ?? {});
}

/** `undefined` = the query has no value for a part of the name. */
function expand(template: string, values: Values): string | undefined {
  const parts = templateValues(template).map((name) => values[name] ?? '');
  if (parts.includes('')) return undefined;
  return template.replaceAll(TEMPLATE, (_, name: string) => nameText(values[name] ?? ''));
}

/** Dots part the names of a group's path. */
function nameText(value: string): string {
  return value.replaceAll('%', '%25').replaceAll('.', '%2E');
}
