/** Which rows of a scan belong to which task, as SQL. */
import { assert, assertNever } from '../../common/assert.ts';
import { formatColumnType, sameColumnType } from '../../common/plan/column-type.ts';
import { type ScanPartitioning } from '../../common/plan/plan-fragment.ts';
import { type BucketedScan, type BucketLayout } from '../distribution/bucket-layout.ts';
import { type Layout } from '../distribution/layout.ts';
import { rangePredicates } from '../distribution/range-layout.ts';
import { type Scan } from '../logical/logical-plan.ts';
import { atom } from './sql/sql.ts';
import { writeExpression } from './sql/write-expression.ts';

/**
 * Of one of the layout's scans; undefined when a task wants all rows of its splits. A row outside its bucket would not
 * meet its equals: it fails the query.
 */
export function scanPartitioning(layout: Layout, scan: Scan): ScanPartitioning | undefined {
  if (layout.copies?.some(({ scanId }) => scanId === scan.scanId) === true) return undefined;
  switch (layout.kind) {
    case 'range': {
      const names = scan.columns.map((_, column) => atom(`c${column}`));
      const predicates = rangePredicates(layout, ownPart(layout.scans, scan));
      return {
        predicates: predicates.map((predicate) => writeExpression(predicate, names)),
        mismatch: 'skip',
      };
    }
    case 'buckets':
      return {
        predicates: bucketPredicates(layout, ownPart(layout.scans, scan), scan),
        mismatch: 'fail',
      };
    case 'shares':
      return undefined;
    default:
      return assertNever(layout);
  }
}

function ownPart<Part extends { readonly scanId: number }>(
  scans: readonly Part[],
  { scanId }: Scan,
): Part {
  const own = scans.find((candidate) => candidate.scanId === scanId);
  assert(own !== undefined, 'a layout is of all scans of its stage');
  return own;
}

function bucketPredicates(
  { bucketCount, partitionCount }: BucketLayout,
  { columns, hashTypes }: BucketedScan,
  scan: Scan,
): readonly string[] {
  const keys = columns.map((column, index) => {
    const [type, hashType] = [scan.columns[column], hashTypes[index]];
    assert(type !== undefined && hashType !== undefined, 'each bucketing column has its types');
    const isSame = sameColumnType(type, hashType);
    return isSame ? `c${column}` : `CAST(c${column} AS ${formatColumnType(hashType)})`;
  });
  const part = `hash(${keys.join(', ')}) % ${bucketCount}::UBIGINT % ${partitionCount}::UBIGINT`;
  return Array.from({ length: partitionCount }, (_, partition) => `${part} = ${partition}`);
}
