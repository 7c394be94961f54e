/**
 * SQL as a tree of texts with holes: enough to print it, to say what it is made of, and to make it smaller without
 * knowing what it means. A smaller statement that is none any more is one that DuckDB refuses.
 */

/** A piece of SQL. */
export interface SqlNode {
  /** What may stand in its place: `relation`, or the type of an expression. */
  readonly sort: string;
  /** What it is, for the coverage: an operator's or function's name. */
  readonly label: string;
  readonly parts: readonly SqlPart[];
  /** Of a relation: types of its columns, for the coverage. */
  readonly columnTypes?: readonly string[];
}

/** Items of a clause; the clause goes with its last item, unless it needs `min`. */
export interface SqlList {
  readonly before: string;
  readonly items: readonly SqlNode[];
  readonly between: string;
  readonly after: string;
  readonly min: number;
}

export type SqlPart = string | SqlNode | SqlList;

export function node(sort: string, label: string, ...parts: readonly SqlPart[]): SqlNode {
  return { sort, label, parts };
}

/** A clause such as ` WHERE a AND b`. */
export function clause(before: string, items: readonly SqlNode[], between = ', '): SqlList {
  return { before, items, between, after: '', min: 0 };
}

/** A list that is never empty, such as that of SELECT. */
export function list(items: readonly SqlNode[], between = ', '): SqlList {
  return { before: '', items, between, after: '', min: 1 };
}

export function printSql(part: SqlPart): string {
  if (typeof part === 'string') return part;
  if ('parts' in part) return part.parts.map(printSql).join('');
  if (part.items.length === 0) return '';
  return part.before + part.items.map(printSql).join(part.between) + part.after;
}

/** The node and everything below it, parents first. */
export function* walkSql(root: SqlNode): Generator<SqlNode> {
  yield root;
  for (const part of root.parts) {
    if (typeof part === 'string') continue;
    for (const child of 'parts' in part ? [part] : part.items) yield* walkSql(child);
  }
}

/** Trees with one thing less, the boldest cuts first at each place. */
export function* smallerTrees(root: SqlNode): Generator<SqlNode> {
  for (const below of walkSql(root)) {
    if (below !== root && below.sort === root.sort) yield below;
  }
  yield* simplest(root);
  for (const [index, part] of root.parts.entries()) {
    if (typeof part === 'string') continue;
    const smallerParts = 'parts' in part ? smallerTrees(part) : smallerLists(part);
    for (const smaller of smallerParts) yield { ...root, parts: root.parts.with(index, smaller) };
  }
}

/** The statement with one of its expressions replaced, by NULL and by a value of its type, for each of them. */
export function* treesWithout(root: SqlNode): Generator<readonly [SqlNode, SqlNode]> {
  if (!NO_EXPRESSIONS.has(root.sort)) {
    const [nothing, something] = [`NULL::${root.sort}`, `1::${root.sort}`];
    yield [node(root.sort, 'NULL', nothing), node(root.sort, 'constant', something)];
  }
  for (const [index, part] of root.parts.entries()) {
    if (typeof part === 'string') continue;
    const replaced = (smaller: SqlPart): SqlNode => ({
      ...root,
      parts: root.parts.with(index, smaller),
    });
    if ('parts' in part) {
      for (const [one, other] of treesWithout(part)) yield [replaced(one), replaced(other)];
      continue;
    }
    for (const [position, item] of part.items.entries()) {
      const inList = (smaller: SqlNode): SqlNode =>
        replaced({ ...part, items: part.items.with(position, smaller) });
      for (const [one, other] of treesWithout(item)) yield [inList(one), inList(other)];
    }
  }
}

export const NO_EXPRESSIONS: ReadonlySet<string> = new Set([
  'relation',
  'statement',
  'item',
  'clause',
]);

/** Every expression has a NULL of its type. */
function* simplest(root: SqlNode): Generator<SqlNode> {
  if (NO_EXPRESSIONS.has(root.sort) || root.label === 'NULL') return;
  if (root.parts.length === 1 && typeof root.parts[0] === 'string') return;
  yield node(root.sort, 'NULL', `NULL::${root.sort}`);
}

function* smallerLists(items: SqlList): Generator<SqlList> {
  if (items.items.length > items.min) {
    for (const index of items.items.keys()) {
      yield { ...items, items: items.items.toSpliced(index, 1) };
    }
  }
  for (const [index, item] of items.items.entries()) {
    for (const smaller of smallerTrees(item)) {
      yield { ...items, items: items.items.with(index, smaller) };
    }
  }
}
