import { assertNever } from '../../../common/assert.ts';
import { type Expression } from '../../logical/expression.ts';
import { columnsIn } from '../../logical/expression-tree.ts';
import {
  type Aggregate,
  type CteId,
  type Distinct,
  type Limit,
  type LimitValue,
  type LogicalPlan,
  type MaterializedCte,
  type Order,
  type Project,
  type RecursiveCte,
  type Remote,
  type Sample,
  type Scan,
  type SystemScan,
  type SetOperation,
  type TableFunction,
  type TopN,
  type Unnesting,
  type Values,
  type Window,
} from '../../logical/logical-plan.ts';
import { UnsupportedError } from '../../logical/unsupported.ts';
import { blockColumn, type Clause, expressionsOfCall, mayFollow } from './clause.ts';
import {
  type BlockColumn,
  renderSelect,
  rowsOf,
  type SelectBlock,
  subquery,
} from './select-block.ts';
import { atom, LEVEL, operand } from './sql.ts';
import { writeAggregate, writeWindow } from './write-call.ts';
import { write, writeExpression, writeSortKeys } from './write-expression.ts';
import { functionName } from './write-function.ts';
import { type JoinWriter, keysName, writeJoin } from './write-join.ts';
import { writeNull } from './write-type.ts';
import { writeValues } from './write-values.ts';

/** What a plan's leaves are called in SQL; each is a relation with columns c0…cn, read once. */
export interface RelationNames {
  readonly scan: (scan: Scan) => string;
  readonly systemScan: (scan: SystemScan) => string;
  readonly remote: (remote: Remote) => string;
}

/**
 * A plan as one DuckDB SELECT whose result columns are called c0…cn.
 * Throws UnsupportedError for what SQL cannot say.
 */
export function writeSql(plan: LogicalPlan, names: RelationNames): string {
  return new PlanWriter(names).statement(plan);
}

class PlanWriter implements JoinWriter {
  readonly #names: RelationNames;
  /** Common table expressions of the statement, each after those it reads. */
  readonly #ctes: string[] = [];
  #aliasCount = 0;
  #isRecursive = false;
  #isInRecursion = false;

  constructor(names: RelationNames) {
    this.#names = names;
  }

  statement(plan: LogicalPlan): string {
    const body = renderSelect(this.block(plan));
    const keyword = this.#isRecursive ? 'WITH RECURSIVE' : 'WITH';
    return this.#ctes.length === 0 ? body : `${keyword} ${this.#ctes.join(',\n')}\n${body}`;
  }

  block(plan: LogicalPlan): SelectBlock {
    switch (plan.kind) {
      case 'scan':
        return this.relation(this.#names.scan(plan), plan.columns.length);
      case 'remote':
        return this.#received(this.#names.remote(plan), plan.remoteId, plan.columns.length);
      case 'system-scan':
        return this.#received(this.#names.systemScan(plan), plan.scanId, plan.columns.length);
      case 'cte-ref':
        return this.relation(cteName(plan.cteId), plan.columns.length);
      case 'delim-get':
        return this.relation(keysName(plan.delimId), plan.columns.length);
      case 'table-function':
        return this.#tableFunction(plan);
      case 'values':
        return this.#values(plan);
      case 'dummy-scan':
        return rowsOf(undefined, [{ ...atom('0'), kind: 'constant' }]);
      case 'empty':
        return emptyBlock(plan);
      case 'filter':
        return this.#filter(plan.child, plan.predicates);
      case 'project':
        return this.#project(plan);
      case 'aggregate':
        return this.#aggregate(plan);
      case 'distinct':
        return this.#distinct(plan);
      case 'window':
        return this.#window(plan);
      case 'unnesting':
        return this.#unnest(plan);
      case 'join':
      case 'any-join':
      case 'cross-product':
      case 'positional-join':
      case 'delim-join':
        return writeJoin(plan, this);
      case 'order':
      case 'top-n':
        return this.#order(plan);
      case 'limit':
        return this.#limit(plan);
      case 'set-operation':
        return this.#setOperation(plan);
      case 'sample':
        return this.#sample(plan);
      case 'materialized-cte':
        return this.#materializedCte(plan);
      case 'recursive-cte':
        return this.#recursiveCte(plan);
      default:
        return assertNever(plan);
    }
  }

  /** `SELECT` over a FROM item whose columns are called c0…cn. */
  relation(from: string, width: number): SelectBlock {
    const alias = `t${this.#aliasCount++}`;
    const columns = Array.from({ length: width }, (_, i): BlockColumn => ({
      ...atom(`${alias}.c${i}`),
      kind: 'plain',
    }));
    return rowsOf(`${from} AS ${alias}`, columns);
  }

  /** The block as a subquery, so that any clause may follow. */
  seal(block: SelectBlock): SelectBlock {
    return this.relation(subquery(renderSelect(block)), block.columns.length);
  }

  /** Evaluates the statement once for all who read the relation `name`. */
  addCte(name: string, sql: string): void {
    this.#ctes.push(`${name} AS MATERIALIZED ${subquery(sql)}`);
  }

  #tableFunction(plan: TableFunction): SelectBlock {
    const alias = `t${this.#aliasCount++}`;
    const args = plan.args.map((arg) => write(arg, []).text).join(', ');
    const names = plan.names.map((_, i) => `c${i}`).join(', ');
    const columns = plan.projected.map((i): BlockColumn => ({
      ...atom(`${alias}.c${i}`),
      kind: 'plain',
    }));
    return rowsOf(`${functionName(plan.name)}(${args}) AS ${alias}(${names})`, columns);
  }

  #values(plan: Values): SelectBlock {
    if (plan.rows.length === 0) return emptyBlock(plan);
    const names = plan.columns.map((_, i) => `c${i}`).join(', ');
    const block = this.relation('', plan.columns.length);
    return { ...block, from: `${writeValues(plan)}${block.from ?? ''}(${names})` };
  }

  #filter(child: LogicalPlan, predicates: readonly Expression[]): SelectBlock {
    const input = this.#inputOf(child, predicates, {
      keepsColumns: true,
      stages: ['rows', 'grouped'],
    });
    const written = predicates.map((predicate) =>
      operand(write(predicate, input.columns), LEVEL.and),
    );
    return input.stage === 'grouped'
      ? { ...input, having: [...input.having, ...written] }
      : { ...input, where: [...input.where, ...written] };
  }

  #project(plan: Project): SelectBlock {
    const { child, expressions } = plan;
    const input = this.#inputOf(child, expressions, {
      keepsColumns: false,
      stages: expressions.every((expression) => expression.kind === 'column')
        ? ['rows', 'grouped', 'windowed', 'ordered', 'limited']
        : ['rows', 'grouped', 'windowed', 'ordered'],
    });
    const readsNone = expressions.every((expression) => columnsIn(expression).size === 0);
    const block = input.isOneGroup && readsNone ? this.seal(input) : input;
    return { ...block, columns: expressions.map((expression) => blockColumn(expression, block)) };
  }

  #aggregate(plan: Aggregate): SelectBlock {
    const { child, groups, groupingSets, aggregates, groupingFunctions } = plan;
    const read = [...groups, ...aggregates.flatMap(expressionsOfCall)];
    const isPlain = isWholeSet(groupingSets, groups.length);
    const merged = this.#inputOf(child, read, {
      keepsColumns: false,
      stages: ['rows'],
      keys: groups,
    });
    const keysOf = ({ columns }: SelectBlock): readonly string[] =>
      groups.map((group) => writeExpression(group, columns));
    // Two groups with one text would be one group, which the sets could not tell apart.
    const isAmbiguous = !isPlain && new Set(keysOf(merged)).size < groups.length;
    const input = isAmbiguous ? this.seal(merged) : merged;
    const keys = keysOf(input);
    const columns = [
      ...keys,
      ...aggregates.map((aggregate) => writeAggregate(aggregate, input.columns)),
      ...groupingFunctions.map((positions) => `grouping(${pick(keys, positions).join(', ')})`),
    ];
    const sets = groupingSets.map((positions) => `(${pick(keys, positions).join(', ')})`);
    const block: SelectBlock = {
      ...input,
      groupBy: isPlain ? keys.join(', ') : `GROUPING SETS (${sets.join(', ')})`,
      isOneGroup: groups.length === 0,
      columns: columns.map((text) => ({ ...atom(text), kind: 'shared' })),
      stage: 'grouped',
    };
    // With several sets a key's text no longer means one value: it is NULL where its set lacks it.
    return isPlain ? block : this.seal(block);
  }

  #distinct(plan: Distinct): SelectBlock {
    const keys = [...plan.on, ...plan.orderBy.map((key) => key.expression)];
    const input = this.#inputOf(plan.child, keys, {
      keepsColumns: true,
      stages: ['rows', 'grouped', 'windowed'],
      keys,
    });
    const on = plan.on.map((key) => writeExpression(key, input.columns)).join(', ');
    return {
      ...input,
      distinct: on === '' ? 'DISTINCT' : `DISTINCT ON (${on})`,
      orderBy: writeSortKeys(plan.orderBy, input.columns),
      stage: 'distinct',
    };
  }

  #window(plan: Window): SelectBlock {
    const read = plan.calls.flatMap((call) => [
      ...expressionsOfCall({ ...call, orderBy: [...call.orderBy, ...call.argOrderBy] }),
      ...call.partitionBy,
    ]);
    const input = this.#inputOf(plan.child, read, {
      keepsColumns: true,
      stages: ['rows', 'grouped'],
      keys: read,
    });
    const calls = plan.calls.map((call): BlockColumn => ({
      ...atom(writeWindow(call, input.columns)),
      kind: 'computed',
    }));
    return { ...input, columns: [...input.columns, ...calls], stage: 'windowed' };
  }

  #unnest(plan: Unnesting): SelectBlock {
    const input = this.#inputOf(plan.child, plan.lists, { keepsColumns: true, stages: ['rows'] });
    const lists = plan.lists.map((list) => blockColumn(list, input));
    return { ...input, columns: [...input.columns, ...lists], stage: 'unnested' };
  }

  #order(plan: Order | TopN): SelectBlock {
    const read = plan.keys.map((key) => key.expression);
    const input = this.#inputOf(plan.child, read, {
      keepsColumns: true,
      stages: ['rows', 'grouped', 'windowed'],
      keys: read,
    });
    const ordered: SelectBlock = {
      ...input,
      orderBy: writeSortKeys(plan.keys, input.columns),
      stage: 'ordered',
    };
    if (plan.kind === 'order') return ordered;
    const offset = plan.offset === 0n ? '' : ` OFFSET ${plan.offset}`;
    return { ...ordered, limit: `LIMIT ${plan.limit}${offset}`, stage: 'limited' };
  }

  #limit(plan: Limit): SelectBlock {
    const input = this.#inputOf(plan.child, [], {
      keepsColumns: true,
      stages: ['rows', 'grouped', 'windowed', 'distinct', 'ordered'],
    });
    const parts = [
      ...(plan.limit === undefined ? [] : [`LIMIT ${limitText(plan.limit)}`]),
      ...(plan.offset === undefined ? [] : [`OFFSET ${limitText(plan.offset)}`]),
    ];
    return { ...input, limit: parts.join(' '), stage: 'limited' };
  }

  #setOperation(plan: SetOperation): SelectBlock {
    const sides = plan.children.map((child) => subquery(renderSelect(this.block(child))));
    const operator = plan.operator.toUpperCase() + (plan.all ? ' ALL' : '');
    return this.relation(subquery(sides.join(`\n${operator}\n`)), plan.columns.length);
  }

  #materializedCte(plan: MaterializedCte): SelectBlock {
    this.addCte(cteName(plan.cteId), renderSelect(this.block(plan.definition)));
    return this.block(plan.child);
  }

  #recursiveCte(plan: RecursiveCte): SelectBlock {
    const name = cteName(plan.cteId);
    const anchor = renderSelect(this.block(plan.anchor));
    const wasInRecursion = this.#isInRecursion;
    this.#isRecursive = true;
    this.#isInRecursion = true;
    const recursion = renderSelect(this.block(plan.recursion));
    this.#isInRecursion = wasInRecursion;
    const columns = plan.columns.map((_, i) => `c${i}`).join(', ');
    const union = plan.all ? 'UNION ALL' : 'UNION';
    const sides = [subquery(anchor), subquery(recursion)].join(`\n${union}\n`);
    this.#ctes.push(`${name}(${columns}) AS ${subquery(sides)}`);
    return this.relation(name, plan.columns.length);
  }

  /** Pages pass by once, but a recursion reads its inputs again and again. */
  #received(name: string, sourceId: number, width: number): SelectBlock {
    if (!this.#isInRecursion) return this.relation(name, width);
    const kept = `rows_${sourceId}`;
    this.addCte(kept, `SELECT * FROM ${name}`);
    return this.relation(kept, width);
  }

  #sample(plan: Sample): SelectBlock {
    const { from, ...block } = this.seal(this.block(plan.child));
    const size = plan.size.kind === 'rows' ? `${plan.size.rows} ROWS` : `${plan.size.percentage}%`;
    const seed = plan.seed === undefined ? '' : ` REPEATABLE (${plan.seed})`;
    return { ...block, from: `${from ?? ''} TABLESAMPLE ${plan.method}(${size})${seed}` };
  }

  /** The child's block, ready for the clause: sealed when the clause cannot follow what stands there. */
  #inputOf(child: LogicalPlan, read: readonly Expression[], clause: Clause): SelectBlock {
    const block = this.block(child);
    return mayFollow(block, read, clause) ? block : this.seal(block);
  }
}

function cteName(id: CteId): string {
  return `cte_${id}`;
}

/** No sets at all, or one of every group in order: a plain GROUP BY. */
function isWholeSet(sets: readonly (readonly number[])[], groupCount: number): boolean {
  const [first, ...others] = sets;
  if (first === undefined) return true;
  return others.length === 0 && new Set(first).size === groupCount;
}

function pick(items: readonly string[], positions: readonly number[]): readonly string[] {
  return positions.map((position) => {
    const item = items[position];
    if (item === undefined) throw new UnsupportedError('position of a grouping set');
    return item;
  });
}

function limitText(value: LimitValue): string {
  return value.kind === 'rows' ? String(value.rows) : `${value.percentage}%`;
}

function emptyBlock(plan: LogicalPlan): SelectBlock {
  const columns = plan.columns.map((type): BlockColumn => ({
    ...atom(writeNull(type)),
    kind: 'constant',
  }));
  return { ...rowsOf(undefined, columns), where: ['FALSE'] };
}
