/** The rows that a correct engine returns. */
import type { PlanFragment } from '../../services/common/plan/plan-fragment.ts';
import { isJoined, joinRows } from './joins.ts';
import {
  digestOf,
  isInnerLimit,
  passRow,
  rowOfEmptySplit,
  rowOfLimit,
  rowsOfSplit,
} from './rows.ts';
import type { Row } from './rows.ts';
import type { Workload } from './workload.ts';

/** As a multiset. `marksEmptyScans`: a scan without splits gives the row of its empty split. */
export function answerOf(
  { fragments, splits }: Workload,
  marksEmptyScans: boolean,
): readonly Row[] {
  const rowsOf = new Map<number, readonly Row[]>();
  for (const fragment of fragments) {
    const inputs = (kind: 'broadcast' | 'stream') =>
      fragment.remoteSources
        .filter((source) => (source.delivery === 'broadcast') === (kind === 'broadcast'))
        .flatMap((source) => source.producers.flatMap((id) => rowsOf.get(id) ?? []));
    const scanned = fragment.scans.flatMap(({ sourceId }) => {
      const all = splits.get(sourceId) ?? [];
      if (all.length === 0 && marksEmptyScans && !isJoined(fragment))
        return [rowOfEmptySplit(sourceId)];
      const rows = all.flatMap((split) => rowsOfSplit(sourceId, split));
      return isJoined(fragment) ? joinRows(rows, inputs('broadcast')) : rows;
    });
    const digest = digestOf(inputs('broadcast'));
    const rows = [...scanned, ...inputs('stream')].map((row) => passRow(row, digest));
    rowsOf.set(fragment.id, isInnerLimit(fragment) ? limited(fragment, rows) : rows);
  }
  return rowsOf.get(fragments.at(-1)?.id ?? -1) ?? [];
}

function limited(fragment: PlanFragment, rows: readonly Row[]): readonly Row[] {
  return rows.slice(0, fragment.rowLimit).map((_, index) => rowOfLimit(fragment.id, index));
}
