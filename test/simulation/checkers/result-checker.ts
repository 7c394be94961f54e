/** The answer: all rows, or an error that names what really happened. */
import type { ErrorReport } from '../../../services/common/error.ts';
import type { Row } from '../rows.ts';
import type { Violations } from './checker.ts';

/** What really went wrong in a run. */
export interface Misfortune {
  readonly lostNodes: Set<string>;
  /** At some time no worker could take tasks. */
  wasWithoutNodes: boolean;
  /** Some worker could not be reached for a while: what it has stored looked lost to those who read it. */
  hidStored: boolean;
  /** Codes of the errors that were injected. */
  readonly injected: Set<string>;
}

export interface Expected {
  readonly expectedRows: readonly Row[];
  /** The result has so many of them; undefined = all. */
  readonly rowLimit: number | undefined;
}

export interface Outcome {
  readonly error: ErrorReport | undefined;
  /** The client saw the end of everything that it was told to read. */
  readonly isComplete: boolean;
  /** It was told of some of it, which cannot be made again. */
  readonly isShown: boolean;
  readonly rows: readonly Row[];
}

export function checkOutcome(
  expected: Expected,
  outcome: Outcome,
  misfortune: Misfortune,
): Violations {
  const violations: Violations = [];
  // Whatever became of the query afterwards: an end that the client saw is the end of all rows.
  if (outcome.isComplete) violations.push(...checkRows(expected, outcome.rows));
  if (outcome.error !== undefined)
    violations.push(...checkCause(outcome.error, outcome, misfortune));
  return violations;
}

function checkRows({ expectedRows, rowLimit }: Expected, rows: readonly Row[]): Violations {
  const expected = countRows(expectedRows);
  const violations: Violations = [];
  for (const [row, count] of countRows(rows)) {
    if (count > (expected.get(row) ?? 0)) violations.push(`result: row ${row} came ${count} times`);
  }
  const wanted = Math.min(expectedRows.length, rowLimit ?? Infinity);
  if (rows.length !== wanted) violations.push(`result: ${rows.length} rows, not ${wanted}`);
  return violations;
}

function checkCause(error: ErrorReport, { isShown }: Outcome, misfortune: Misfortune): Violations {
  const { lostNodes, injected, hidStored } = misfortune;
  switch (error.code) {
    case 'NODE_LOST': {
      const node = error.details?.['node_id'] ?? '';
      return lostNodes.has(node) ? [] : [`cause: ${node} was not lost`];
    }
    case 'NO_NODES_AVAILABLE':
      return misfortune.wasWithoutNodes ? [] : ['cause: there were nodes'];
    case 'EXCHANGE_FAILED':
      if (hidStored && isShown) return [];
      return injected.has(error.code) ? [] : [`cause: ${error.code}: ${error.message}`];
    default:
      return injected.has(error.code) ? [] : [`cause: ${error.code}: ${error.message}`];
  }
}

function countRows(rows: readonly Row[]): ReadonlyMap<Row, number> {
  const counts = new Map<Row, number>();
  for (const row of rows) counts.set(row, (counts.get(row) ?? 0) + 1);
  return counts;
}
