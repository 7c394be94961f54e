/** Which workers a query may use at all: those with every label that it asks for. */
import type { SchedulerNode } from '../scheduler-event.ts';
import type { SchedulerOptions } from '../scheduler-options.ts';

type LabelOptions = Pick<SchedulerOptions, 'requiredLabels'>;

export function isEligible(node: SchedulerNode, { requiredLabels }: LabelOptions): boolean {
  return requiredLabels.every((label) => node.labels?.includes(label) === true);
}

export function eligibleNodes(
  nodes: readonly SchedulerNode[],
  options: LabelOptions,
): readonly SchedulerNode[] {
  return nodes.filter((node) => isEligible(node, options));
}
