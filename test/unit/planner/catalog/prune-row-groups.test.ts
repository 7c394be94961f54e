import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ColumnType } from '../../../../services/common/plan/column-type.ts';
import type {
  ColumnChunk,
  FooterRowGroup,
} from '../../../../services/planner/catalog/parquet-footer.ts';
import { pruneRowGroups } from '../../../../services/planner/catalog/prune-row-groups.ts';
import { readStatistic } from '../../../../services/planner/catalog/statistic.ts';
import type { Datum } from '../../../../services/planner/logical/datum.ts';
import type {
  ComparisonOperator,
  Expression,
} from '../../../../services/planner/logical/expression.ts';

const BOOLEAN: ColumnType = { id: 'BOOLEAN' };

interface Kind {
  readonly type: ColumnType;
  readonly value: fc.Arbitrary<Datum>;
  readonly print: (value: Datum) => string;
}

const cents = (value: Datum): string => (Number(value) / 100).toFixed(2);
const day = (value: Datum): string =>
  new Date(Number(value) * 86_400_000).toISOString().slice(0, 10);

/** Values close together, so that predicates hit and miss, with DuckDB's text of each. */
const KINDS: readonly Kind[] = [
  { type: { id: 'BIGINT' }, value: fc.bigInt({ min: -9n, max: 9n }), print: String },
  {
    type: { id: 'DECIMAL', width: 9, scale: 2 },
    value: fc.bigInt({ min: -300n, max: 300n }),
    print: cents,
  },
  { type: { id: 'DATE' }, value: fc.bigInt({ min: 10_000n, max: 10_020n }), print: day },
  {
    type: { id: 'DOUBLE' },
    value: fc.constantFrom(-Infinity, -1.5, -0, 0, 2, 1e300, Infinity, Number.NaN),
    print: (value) => String(value).replace('Infinity', 'inf'),
  },
  {
    type: { id: 'VARCHAR' },
    value: fc.constantFrom('', 'a', 'ab', 'b', 'é', '\u{ffee}', '😀', '😀a'),
    print: String,
  },
];

/** Three-valued comparison, NaN above all numbers, text by its bytes: as DuckDB has it. */
function compare(operator: ComparisonOperator, a: Datum, b: Datum): boolean | undefined {
  const isNullSafe = operator.startsWith('IS ');
  if (a === null || b === null) {
    if (!isNullSafe) return undefined;
    return (a === b) === (operator === 'IS NOT DISTINCT FROM');
  }
  const order = orderOf(a, b);
  switch (operator) {
    case '=':
    case 'IS NOT DISTINCT FROM':
      return order === 0;
    case '<>':
    case 'IS DISTINCT FROM':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

function orderOf(a: Datum, b: Datum): number {
  if (typeof a === 'string' && typeof b === 'string')
    return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return Number(a) - Number(b);
}

function holds(predicate: Expression, row: Datum): boolean | undefined {
  const value = (operand: Expression): Datum => (operand.kind === 'constant' ? operand.value : row);
  switch (predicate.kind) {
    case 'comparison':
      return compare(predicate.operator, value(predicate.left), value(predicate.right));
    case 'null-test':
      return (row === null) !== predicate.isNegated;
    case 'in-list': {
      const found = predicate.values.map((item) => compare('=', row, value(item)));
      return found.includes(true) ? true : found.includes(undefined) ? undefined : false;
    }
    case 'between':
      return (
        compare(predicate.lowerInclusive ? '>=' : '>', row, value(predicate.lower)) === true &&
        compare(predicate.upperInclusive ? '<=' : '<', row, value(predicate.upper)) === true
      );
    case 'conjunction': {
      const parts = predicate.children.map((child) => holds(child, row) === true);
      return predicate.operator === 'AND' ? parts.every(Boolean) : parts.some(Boolean);
    }
    default:
      throw new Error(predicate.kind);
  }
}

function predicates({ type, value }: Kind): fc.Arbitrary<Expression> {
  const column: Expression = { kind: 'column', type, index: 0 };
  const constant = fc
    .option(value, { freq: 8 })
    .map((datum): Expression => ({ kind: 'constant', type, value: datum }));
  const operator = fc.constantFrom<ComparisonOperator>(
    '=',
    '<>',
    '<',
    '<=',
    '>',
    '>=',
    'IS DISTINCT FROM',
    'IS NOT DISTINCT FROM',
  );
  const leaf = fc.oneof(
    fc.tuple(operator, constant, fc.boolean()).map(([sign, other, isMirrored]): Expression => {
      const [left, right] = isMirrored ? [other, column] : [column, other];
      return { kind: 'comparison', type: BOOLEAN, operator: sign, left, right };
    }),
    fc.boolean().map((isNegated): Expression => {
      return { kind: 'null-test', type: BOOLEAN, child: column, isNegated };
    }),
    fc.array(constant, { minLength: 1, maxLength: 3 }).map((values): Expression => {
      return { kind: 'in-list', type: BOOLEAN, child: column, values, isNegated: false };
    }),
    fc
      .tuple(constant, constant, fc.boolean(), fc.boolean())
      .map(([lower, upper, isLow, isHigh]) => {
        const bounds = { lower, upper, lowerInclusive: isLow, upperInclusive: isHigh };
        return { kind: 'between', type: BOOLEAN, child: column, ...bounds } satisfies Expression;
      }),
  );
  return fc.oneof(
    { weight: 3, arbitrary: leaf },
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          fc.constantFrom('AND' as const, 'OR' as const),
          fc.array(leaf, { minLength: 1, maxLength: 3 }),
        )
        .map(([sign, children]): Expression => {
          return { kind: 'conjunction', type: BOOLEAN, operator: sign, children };
        }),
    },
  );
}

/** Statistics as a writer makes them: NaN left out, any of them missing. */
function statistics(rows: readonly Datum[], kind: Kind, missing: number): ColumnChunk {
  const bounded = rows.filter((row) => row !== null && !Number.isNaN(row)).toSorted(orderOf);
  const [min, max] = [bounded[0], bounded.at(-1)];
  return {
    path: 'x',
    compressedBytes: 1,
    ...(min === undefined || (missing & 1) !== 0 ? {} : { min: kind.print(min) }),
    ...(max === undefined || (missing & 2) !== 0 ? {} : { max: kind.print(max) }),
    ...((missing & 4) !== 0 ? {} : { nullCount: rows.filter((row) => row === null).length }),
  };
}

describe('pruneRowGroups', () => {
  it.each(KINDS.map((kind) => [kind.type.id, kind] as const))(
    'never loses a row of %s for which the predicates hold',
    (_, kind) => {
      const group = fc.tuple(
        fc.array(fc.option(kind.value), { minLength: 1, maxLength: 4 }),
        fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 7 })),
      );
      const filters = fc.array(predicates(kind), { minLength: 1, maxLength: 2 });
      fc.assert(
        fc.property(group, filters, ([rows, missing], wanted) => {
          const rowGroup: FooterRowGroup = {
            firstRow: 0,
            rowCount: rows.length,
            chunks: [statistics(rows, kind, missing)],
          };
          const columns = [{ name: 'x', type: kind.type, origin: 'file' as const }];
          const isKept = pruneRowGroups([rowGroup], wanted, columns).length === 1;
          const isNeeded = rows.some((row) => wanted.every((one) => holds(one, row) === true));
          if (isNeeded) expect(isKept).toBe(true);
        }),
        { numRuns: 400 },
      );
    },
  );

  it.each<[ComparisonOperator, bigint, boolean]>([
    ['=', 10n, true],
    ['=', 9n, false],
    ['=', 21n, false],
    ['<', 10n, false],
    ['<=', 10n, true],
    ['>', 20n, false],
    ['>=', 20n, true],
    ['<>', 15n, true],
    ['IS NOT DISTINCT FROM', 25n, false],
  ])('decides by the bounds 10 to 20: x %s %s', (operator, value, isKept) => {
    const type: ColumnType = { id: 'BIGINT' };
    const chunk = { path: 'x', compressedBytes: 1, min: '10', max: '20', nullCount: 0 };
    const predicate: Expression = {
      kind: 'comparison',
      type: BOOLEAN,
      operator,
      left: { kind: 'column', type, index: 0 },
      right: { kind: 'constant', type, value },
    };
    const groups = [{ firstRow: 0, rowCount: 5, chunks: [chunk] }];
    const kept = pruneRowGroups(groups, [predicate], [{ name: 'x', type, origin: 'file' }]);
    expect(kept).toHaveLength(isKept ? 1 : 0);
  });

  it('trusts no statistics of a nested column or a doubtful name', () => {
    const type: ColumnType = { id: 'BIGINT' };
    const chunk = { path: 'x', compressedBytes: 1, min: '10', max: '20', nullCount: 0 };
    const predicate: Expression = {
      kind: 'comparison',
      type: BOOLEAN,
      operator: '=',
      left: { kind: 'column', type, index: 0 },
      right: { kind: 'constant', type, value: 99n },
    };
    for (const chunks of [[{ ...chunk, path: 'x, y' }], [chunk, chunk]]) {
      const groups = [{ firstRow: 0, rowCount: 5, chunks }];
      expect(pruneRowGroups(groups, [predicate], [{ name: 'x', type, origin: 'file' }])).toEqual(
        groups,
      );
    }
  });
});

describe('readStatistic', () => {
  it.each<[string, ColumnType, Datum | undefined]>([
    ['-12', { id: 'INTEGER' }, -12n],
    ['1.5', { id: 'INTEGER' }, undefined],
    ['-1.50', { id: 'DECIMAL', width: 9, scale: 2 }, -150n],
    ['1.555', { id: 'DECIMAL', width: 9, scale: 2 }, undefined],
    ['1998-09-02', { id: 'DATE' }, 10_471n],
    ['0044-03-15 (BC)', { id: 'DATE' }, undefined],
    ['2020-01-01 00:00:01.5', { id: 'TIMESTAMP' }, 1_577_836_801_500_000n],
    ['infinity', { id: 'TIMESTAMP' }, undefined],
    ['-inf', { id: 'DOUBLE' }, -Infinity],
    ['nan', { id: 'DOUBLE' }, undefined],
    ['a\\xC3', { id: 'VARCHAR' }, undefined],
    ['\\xAA', { id: 'BLOB' }, undefined],
  ])('reads %s as %j', (text, type, value) => {
    expect(readStatistic(text, type)).toEqual(value);
  });
});
