/** The table function unnest over a constant list: a row for each element. */
import { type ColumnType, sameColumnType } from '../../common/plan/column-type.ts';
import { type Expression } from '../logical/expression.ts';
import { type LogicalPlan } from '../logical/logical-plan.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import {
  decodeColumns,
  decodeFilters,
  expectPlainGet,
  GENERATOR_GET,
  type IndexedColumn,
} from './decode-scan.ts';
import { decodeTypes } from './decode-type.ts';
import { decodeConstant } from './decode-value.ts';
import { Fields } from './fields.ts';
import { isJsonObject, type Json } from './json-reader.ts';
import { projectColumns } from './project-columns.ts';

export function isUnnestGet(value: Json): boolean {
  return isJsonObject(value) && value['name'] === 'unnest';
}

export function decodeUnnestGet(value: Json): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_GET', GENERATOR_GET);
  expectPlainGet(fields);
  fields.expectEmpty('named_parameters');
  const unnested = unnestFirst(constantInput(fields), decodeTypes(fields.list('returned_types')));
  const columns = decodeColumns(fields);
  const expressions = columns.map((column) => readColumn(column, unnested));
  const all: LogicalPlan = {
    kind: 'project',
    child: unnested,
    expressions,
    columns: expressions.map(({ type }) => type),
  };
  const predicates = decodeFilters(fields.json('table_filters'), columns);
  const filtered: LogicalPlan =
    predicates.length === 0
      ? all
      : { kind: 'filter', child: all, predicates, columns: all.columns };
  const projection = fields.indexes('projection_ids');
  return projection.length === 0 ? filtered : projectColumns(filtered, projection);
}

function constantInput(fields: Fields): LogicalPlan {
  const [list, ...others] = fields.list('parameters').map(decodeConstant);
  if (list === undefined || others.length > 0) throw new UnsupportedError('arguments of unnest');
  const child: LogicalPlan = { kind: 'dummy-scan', columns: [{ id: 'INTEGER' }] };
  return { kind: 'project', child, expressions: [list], columns: [list.type] };
}

/** The input's columns, then the element. */
function unnestFirst(child: LogicalPlan, [type, ...others]: readonly ColumnType[]): LogicalPlan {
  const [list] = child.columns;
  const isList =
    list?.id === 'LIST' &&
    type !== undefined &&
    others.length === 0 &&
    sameColumnType(list.child, type);
  if (!isList) throw new UnsupportedError('unnest of something else than a list');
  const element: Expression = {
    kind: 'unnest',
    type,
    child: { kind: 'column', type: list, index: 0 },
  };
  return { kind: 'unnesting', child, lists: [element], columns: [...child.columns, type] };
}

/** The element; a NULL where only the rows count. */
function readColumn({ scanned }: IndexedColumn, unnested: LogicalPlan): Expression {
  const { origin, type } = scanned;
  if (origin === 'none') return { kind: 'constant', type, value: null };
  if (origin !== 'file') throw new UnsupportedError('hidden column of unnest');
  return { kind: 'column', type, index: unnested.columns.length - 1 };
}
