/**
 * The scans whose rows a join's key decides about. A filter goes down through an operator only if leaving out rows
 * by this column below it is the same as leaving them out above.
 */
import { type Expression } from '../logical/expression.ts';
import {
  type AnyJoin,
  type CrossProduct,
  type Join,
  type JoinType,
  type LogicalPlan,
  type RemoteId,
  type ScanId,
} from '../logical/logical-plan.ts';
import { rowsOf } from './estimate.ts';
import { type JoinKey } from './filter-source.ts';
import { joinTypeOf } from './join-candidates.ts';
import { joinedColumn, keyColumnOf, type SideColumn } from './key-column.ts';
import { isVolatileOperator } from './operator-expressions.ts';
import { type PhysicalPlan, type Stage } from './physical-plan.ts';

export interface FilterTarget {
  readonly scanId: ScanId;
  /** Of the scan's columns. */
  readonly column: number;
  readonly estimatedRows: number;
  /** The scan is in another stage than the join. */
  readonly isBehindExchange: boolean;
  /** Rows of the smallest input that the scan's own stage joins with this very column: no others leave the stage. */
  readonly joinedRows: number;
}

/**
 * Each row of this side stands or falls by itself: none of the others changes what becomes of it. Not so of a single join,
 * which fails for a row that may not be needed further up.
 */
const LEFT_STANDS_ALONE: ReadonlySet<JoinType> = new Set(['inner', 'left', 'semi', 'anti', 'mark']);
const RIGHT_STANDS_ALONE: ReadonlySet<JoinType> = new Set([
  'inner',
  'right',
  'right-semi',
  'right-anti',
]);

const KEEPS_MATCHES: ReadonlySet<JoinType> = new Set(['inner', 'semi', 'right-semi']);

/** The scans that hold the key's values as they are; none when an operator on the way forbids it. */
export function findFilterTargets(
  plan: PhysicalPlan,
  stage: Stage,
  { side, key }: JoinKey,
): readonly FilterTarget[] {
  const place = { plan, stage, isBehindExchange: false, joinedRows: Infinity };
  return targetsBehind(place, side, key);
}

interface Place {
  readonly plan: PhysicalPlan;
  readonly stage: Stage;
  readonly isBehindExchange: boolean;
  readonly joinedRows: number;
}

function targetsBehind(place: Place, body: LogicalPlan, key: Expression): readonly FilterTarget[] {
  const column = keyColumnOf(key);
  return column === undefined ? [] : targetsOf(place, body, column);
}

function targetsOf(place: Place, body: LogicalPlan, column: number): readonly FilterTarget[] {
  if (isVolatileOperator(body)) return [];
  switch (body.kind) {
    case 'scan': {
      const { scanId, fileColumns } = body;
      if (fileColumns[column]?.origin !== 'file') return [];
      const { isBehindExchange, joinedRows } = place;
      return [{ scanId, column, estimatedRows: rowsOf(body), isBehindExchange, joinedRows }];
    }
    case 'remote':
      return targetsOfInput(place, body.remoteId, column);
    case 'filter':
    case 'order':
      return targetsOf(place, body.child, column);
    case 'unnesting':
      return column < body.child.columns.length ? targetsOf(place, body.child, column) : [];
    case 'project': {
      const expression = body.expressions[column];
      return expression === undefined ? [] : targetsBehind(place, body.child, expression);
    }
    case 'set-operation':
      if (body.operator !== 'union') return [];
      return body.children.flatMap((child) => targetsOf(place, child, column));
    case 'join':
    case 'any-join':
    case 'cross-product':
      return targetsOfJoin(place, body, column);
    default:
      return targetsOfGroups(place, body, column);
  }
}

/** Whole groups are left out or none of their rows, where the column is part of what makes a group. */
function targetsOfGroups(place: Place, body: LogicalPlan, column: number): readonly FilterTarget[] {
  const isColumn = (key: Expression): boolean => key.kind === 'column' && key.index === column;
  switch (body.kind) {
    case 'aggregate': {
      const group = body.groups[column];
      const isInAll = body.groupingSets.every((set) => set.includes(column));
      return group === undefined || !isInAll ? [] : targetsBehind(place, body.child, group);
    }
    case 'distinct': {
      const isWhole = body.on.length === 0 || body.on.some(isColumn);
      return isWhole ? targetsOf(place, body.child, column) : [];
    }
    case 'window': {
      const isPartition = body.calls.every(({ partitionBy }) => partitionBy.some(isColumn));
      return isPartition && column < body.child.columns.length
        ? targetsOf(place, body.child, column)
        : [];
    }
    default:
      return [];
  }
}

function targetsOfJoin(
  place: Place,
  body: Join | AnyJoin | CrossProduct,
  column: number,
): readonly FilterTarget[] {
  const found = joinedColumn(body, column);
  if (found === undefined) return [];
  const standsAlone = found.side === 'left' ? LEFT_STANDS_ALONE : RIGHT_STANDS_ALONE;
  if (!standsAlone.has(joinTypeOf(body))) return [];
  const joinedRows = Math.min(place.joinedRows, rowsJoinedTo(body, found));
  return targetsOf({ ...place, joinedRows }, found.child, found.column);
}

/** Rows of the other side, where the join keeps only what it finds there for the column. */
function rowsJoinedTo(body: Join | AnyJoin | CrossProduct, { side, column }: SideColumn): number {
  const other = side === 'left' ? 'right' : 'left';
  if (body.kind !== 'join' || !KEEPS_MATCHES.has(body.joinType)) return Infinity;
  const isJoined = body.conditions.some((condition) => keyColumnOf(condition[side]) === column);
  return isJoined ? rowsOf(body[other]) : Infinity;
}

/** Rows that another consumer reads as well, or of which any few will do, are left alone. */
function targetsOfInput(place: Place, remoteId: RemoteId, column: number): readonly FilterTarget[] {
  const { plan, stage } = place;
  const input = stage.inputs.find((each) => each.remoteId === remoteId);
  if (input === undefined || input.rowLimit !== undefined) return [];
  return input.producers.flatMap((index) => {
    const producer = plan.stages[index];
    if (producer === undefined || producer.rowLimit !== undefined) return [];
    const readers = plan.stages.flatMap(({ inputs }) =>
      inputs.filter(({ producers }) => producers.includes(index)),
    );
    if (readers.length !== 1) return [];
    const inProducer = { plan, stage: producer, isBehindExchange: true, joinedRows: Infinity };
    return targetsOf(inProducer, producer.body, column);
  });
}
