/** Which pages a fragment's rows must be cut into, and to which outputs each of them goes. */
import { assert } from '../../common/assert.ts';
import type { FragmentOutput, PlanFragment } from '../../common/plan/plan-fragment.ts';
import type { OutputBuffers } from '../../common/task/output-buffers.ts';
import type { RowDeal } from './fragment-slot.ts';

export interface RowDealing {
  readonly deals: readonly RowDeal[];
  /** Per deal: positions of the outputs that take its pages. */
  readonly outputsOfDeal: readonly (readonly number[])[];
}

/** Rows can be dealt: the number of partitions of every hash output is known. */
export function canDeal(fragment: PlanFragment, buffers: readonly OutputBuffers[]): boolean {
  return fragment.outputs.every((output, i) => {
    return output.scheme.kind !== 'hash' || buffers[i]?.noMoreBufferIds === true;
  });
}

/** Outputs that deal alike share a deal, so their rows are encoded once. Rows that nobody gets are not encoded. */
export function dealRows(fragment: PlanFragment, buffers: readonly OutputBuffers[]): RowDealing {
  const deals = new Map<string, { readonly deal: RowDeal; readonly outputs: number[] }>();
  for (const [i, output] of fragment.outputs.entries()) {
    if (output.scheme.kind === 'discard') continue;
    const deal = dealOf(output, buffers[i]);
    const key = JSON.stringify(deal);
    const known = deals.get(key);
    if (known === undefined) deals.set(key, { deal, outputs: [i] });
    else known.outputs.push(i);
  }
  const entries = [...deals.values()];
  return {
    deals: entries.map(({ deal }) => deal),
    outputsOfDeal: entries.map(({ outputs }) => outputs),
  };
}

function dealOf({ consumer, scheme }: FragmentOutput, buffers: OutputBuffers | undefined): RowDeal {
  const layout = consumer.kind === 'client' ? 'result' : 'exchange';
  if (scheme.kind !== 'hash') return { keys: undefined, partitionCount: 1, layout };
  assert(buffers?.noMoreBufferIds === true, 'hash outputs are dealt when their buffers are known');
  const partitionCount = buffers.bufferIds.length;
  assert(partitionCount > 0, 'a hash output has a buffer');
  return { keys: scheme.keys, partitionCount, layout };
}

/** Rows of a result keep the order that its SQL gives them; where the SQL gives none they need not queue for it. */
export function isOrdered(fragment: PlanFragment): boolean {
  const isResult = fragment.outputs.some(({ consumer }) => consumer.kind === 'client');
  return isResult && /\border\s+by\b/i.test(fragment.sql);
}
