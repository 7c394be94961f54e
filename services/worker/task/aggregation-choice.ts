/**
 * Whether a partial aggregate is worth its work, decided for each batch of splits by those before it: where nearly every
 * row is a group of its own, aggregating costs a hash table and saves its consumer nothing (Trino's adaptive partial
 * aggregation, unique-rows-ratio-threshold).
 */
import type { PartialAggregation } from '../../common/plan/plan-fragment.ts';
import type { StatementForm, StatementResult } from './fragment-slot.ts';
import type { SplitBatch } from './split-queue.ts';

/** Of the rows of a batch: where more of them would be left, they are not aggregated. */
const MAX_SHARE_LEFT = 0.8;
const BISECTIONS = 40;

/** Rows that were aggregated by one statement, and how many groups they were. */
interface Sample {
  readonly rows: number;
  readonly groups: number;
}

type Rows = Pick<SplitBatch, 'rowCount'>;

export class AggregationChoice {
  readonly #partial: PartialAggregation | undefined;
  #largest: Sample = { rows: 0, groups: 0 };
  #countedRows = 0;
  /** Rows that were read to have these: what filters and joins make of them is taken to stay alike. */
  #scannedRows = 0;

  /** Without other forms the fragment is always run as it is. */
  constructor(partial: PartialAggregation | undefined) {
    this.#partial = partial;
  }

  formFor({ rowCount }: Rows): StatementForm {
    if (this.#partial === undefined) return 'plain';
    if (this.#countedRows < this.#partial.minRows) return 'counting';
    const expectedRows = (rowCount * this.#countedRows) / Math.max(1, this.#scannedRows);
    return shareLeft(this.#largest, expectedRows) > MAX_SHARE_LEFT ? 'rowwise' : 'plain';
  }

  note({ rowCount }: Rows, { aggregatedRows, outputRows }: StatementResult): void {
    if (aggregatedRows === undefined) return;
    this.#scannedRows += rowCount;
    this.#countedRows += aggregatedRows;
    if (aggregatedRows < this.#largest.rows) return;
    this.#largest = { rows: aggregatedRows, groups: outputRows };
  }
}

/**
 * The share that aggregating would leave of so many rows, by a sample of them. A batch of more rows has more of each
 * group: as many as if groups came equally often, in no order.
 */
export function shareLeft({ rows, groups }: Sample, expectedRows: number): number {
  if (groups >= rows) return 1;
  const rowsPerGroup = rowsPerGroupOf(groups / rows);
  return shareOf((rowsPerGroup * expectedRows) / rows);
}

/** Of n rows that fall into g groups at random, g · (1 - e^(-n/g)) are seen: this, by n, for n/g. */
function shareOf(rowsPerGroup: number): number {
  return rowsPerGroup === 0 ? 1 : -Math.expm1(-rowsPerGroup) / rowsPerGroup;
}

/** The inverse of `shareOf`, which falls from 1 and is below 1 / rowsPerGroup. */
function rowsPerGroupOf(share: number): number {
  let [low, high] = [0, 1 / share];
  for (let step = 0; step < BISECTIONS; step += 1) {
    const middle = (low + high) / 2;
    if (shareOf(middle) > share) low = middle;
    else high = middle;
  }
  return high;
}
