import { type ColumnType, sameColumnType } from '../../common/plan/column-type.ts';
import { type Expression } from '../logical/expression.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import { type Json } from './json-reader.ts';

/** What a column reference means where an expression stands. */
export type Scope = (index: number, type: ColumnType) => Expression;

/** References to the columns of one relation; the types must agree. */
export function columnScope(columns: readonly ColumnType[]): Scope {
  return (index, type) => {
    const column = columns[index];
    if (column === undefined || !(column === type || sameColumnType(column, type))) {
      throw new UnsupportedError('column reference out of place');
    }
    return { kind: 'column', type, index };
  };
}

export type ExpressionDecoder = (value: Json, scope: Scope) => Expression;
