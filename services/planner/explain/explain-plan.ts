import { assertNever } from '../../common/assert.ts';
import { type Column } from '../../common/plan/column-type.ts';
import {
  type FragmentOutput,
  type PlanFragment,
  type QueryPlan,
  type RemoteSource,
} from '../../common/plan/plan-fragment.ts';

/** One row of EXPLAIN: DuckDB's columns explain_key and explain_value. */
export type ExplainRow = readonly [key: string, value: string];

export const EXPLAIN_COLUMNS: readonly Column[] = [
  { name: 'explain_key', type: { id: 'VARCHAR' } },
  { name: 'explain_value', type: { id: 'VARCHAR' } },
];

/** The rung of the ladder with its reason, then each fragment, the one that reads nothing of others first. */
export function explainRows(plan: QueryPlan): readonly ExplainRow[] {
  return [
    ['rung', `rung: ${plan.rung}\nreason: ${plan.rungReason}`],
    ...plan.fragments.map((fragment): ExplainRow => [
      `fragment ${fragment.id}`,
      fragmentText(fragment),
    ]),
  ];
}

function fragmentText(fragment: PlanFragment): string {
  const lines = [
    `partitioning: ${partitioningText(fragment)}`,
    `output: ${fragment.outputs.map(outputText).join('; ')}`,
    ...fragment.remoteSources.map((source) => `input: ${remoteText(source)}`),
    `estimated rows: ${Math.round(fragment.estimatedRows)}`,
    ...(fragment.rowLimit === undefined ? [] : [`row limit: ${fragment.rowLimit}`]),
    fragment.sql,
  ];
  return lines.join('\n');
}

function partitioningText(fragment: PlanFragment): string {
  const { partitioning, scans } = fragment;
  const tables = scans.map(({ name, table }) => `${name} = ${table}`).join(', ');
  switch (partitioning.kind) {
    case 'single':
      return tables === '' ? 'single' : `single (${tables})`;
    case 'source':
      return `source (${tables})`;
    case 'hash':
      return 'hash';
    case 'arbitrary':
      return 'round robin';
    default:
      return assertNever(partitioning);
  }
}

function outputText({ consumer, scheme }: FragmentOutput): string {
  if (consumer.kind === 'client') return 'client';
  const target = `fragment ${consumer.fragmentId}`;
  switch (scheme.kind) {
    case 'single':
      return `all rows to ${target}`;
    case 'hash':
      return `hash(${scheme.keys.join(', ')}) to ${target}`;
    case 'broadcast':
      return `broadcast to ${target}`;
    case 'arbitrary':
      return `round robin to ${target}`;
    default:
      return assertNever(scheme);
  }
}

function remoteText({ name, producers, delivery, estimatedRows, rowLimit }: RemoteSource): string {
  const noun = producers.length === 1 ? 'fragment' : 'fragments';
  const limit = rowLimit === undefined ? '' : `, at most ${rowLimit}`;
  return `${name} = ${delivery} from ${noun} ${producers.join(', ')} (about ${Math.round(estimatedRows)} rows${limit})`;
}
