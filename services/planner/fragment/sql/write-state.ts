/**
 * States of aggregates in SQL. DuckDB has no name for the type of a state, and no aggregate that merges states: but a
 * state becomes a BLOB and back (`combine` takes one as its second argument), and a list of them is reduced.
 */
import { type StatefulAggregate } from '../../logical/expression.ts';
import { functionName } from './write-function.ts';
import { writeNull } from './write-type.ts';

/** The state of an aggregate `call`, its FILTER included, as a BLOB. */
export function writeExported(call: string): string {
  return `(${call} EXPORT_STATE)::BLOB`;
}

/** An aggregate over states: the state of all rows behind them. NULL where there are none. */
export function writeMerged(aggregate: StatefulAggregate, states: string): string {
  const both = `combine(combine(${emptyState(aggregate)}, p), q)`;
  return `list_reduce(list(${states}), lambda p, q: ${both}::BLOB)`;
}

/** The aggregate's value, from one state. */
export function writeFinalized(aggregate: StatefulAggregate, state: string): string {
  return `finalize(combine((SELECT ${emptyState(aggregate)}), ${state}))`;
}

/** Of no rows: NULL is not aggregated. */
function emptyState({ name, argTypes }: StatefulAggregate): string {
  return `${functionName(name)}(${argTypes.map(writeNull).join(', ')}) EXPORT_STATE`;
}
