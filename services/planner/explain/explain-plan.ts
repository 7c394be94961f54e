import { assertNever } from '../../common/assert.ts';
import { type ExplainRow } from '../../common/plan/explain-row.ts';
import {
  type FragmentOutput,
  type PlanFragment,
  type QueryPlan,
  type RemoteSource,
} from '../../common/plan/plan-fragment.ts';

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

/** The same as one JSON document; the names stay. */
export function explainJsonRows(plan: QueryPlan): readonly ExplainRow[] {
  const document = {
    rung: plan.rung,
    reason: plan.rungReason,
    fragments: plan.fragments.map((fragment) => ({
      fragment: fragment.id,
      partitioning: partitioningText(fragment),
      outputs: fragment.outputs.map(outputText),
      inputs: fragment.remoteSources.map(remoteText),
      estimated_rows: Math.round(fragment.estimatedRows),
      ...(fragment.rowLimit === undefined ? {} : { row_limit: fragment.rowLimit }),
      sql: fragment.sql,
    })),
  };
  return [['plan', JSON.stringify(document, undefined, 2)]];
}

function fragmentText(fragment: PlanFragment): string {
  const lines = [
    `partitioning: ${partitioningText(fragment)}`,
    `output: ${fragment.outputs.map(outputText).join('; ')}`,
    ...fragment.remoteSources.map((source) => `input: ${remoteText(source)}`),
    ...filterTexts(fragment),
    `estimated rows: ${Math.round(fragment.estimatedRows)}`,
    ...(fragment.rowLimit === undefined ? [] : [`row limit: ${fragment.rowLimit}`]),
    fragment.sql,
  ];
  return lines.join('\n');
}

/** What the fragment's tasks tell others of join keys, and what its scans leave out. */
function filterTexts({ collectedKeys = [], scans }: PlanFragment): readonly string[] {
  return [
    ...collectedKeys.map(({ filterId, column, bloomBits, collectsValues }) => {
      const kinds = [
        'bounds',
        ...(collectsValues ? ['values'] : []),
        ...(bloomBits === 0 ? [] : [`bloom of ${bloomBits} bits`]),
      ];
      return `dynamic filter ${filterId}: collected from c${column} (${kinds.join(', ')})`;
    }),
    ...scans.flatMap(({ name, columns, filteredColumns = [] }) =>
      filteredColumns.map(({ filterId, column, ...how }) => {
        const traits = [
          ...(how.isAwaited ? ['awaited'] : []),
          how.testsRows ? 'tests rows' : 'by row groups',
          ...(how.keepsNulls ? ['keeps NULLs'] : []),
        ];
        const columnName = columns[column]?.name ?? `c${column}`;
        return `dynamic filter ${filterId}: on ${name}.${columnName}, ${traits.join(', ')}`;
      }),
    ),
  ];
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
    case 'scaled-writer':
      return 'scaled writers';
    case 'fixed-source':
      return `${partitioning.layout} (${tables})`;
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
    case 'discard':
      return 'nowhere';
    default:
      return assertNever(scheme);
  }
}

function remoteText(source: RemoteSource): string {
  const { name, producers, systemTable, delivery, estimatedRows, rowLimit } = source;
  if (systemTable !== undefined) return `${name} = system.${systemTable} of the coordinator`;
  const noun = producers.length === 1 ? 'fragment' : 'fragments';
  const limit = rowLimit === undefined ? '' : `, at most ${rowLimit}`;
  return `${name} = ${delivery} from ${noun} ${producers.join(', ')} (about ${Math.round(estimatedRows)} rows${limit})`;
}
