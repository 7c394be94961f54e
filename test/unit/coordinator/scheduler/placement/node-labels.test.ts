import { describe, expect, it } from 'vitest';
import { eligibleNodes } from '../../../../../services/coordinator/scheduler/placement/node-labels.ts';
import { DEFAULT_SCHEDULER_OPTIONS } from '../../../../../services/coordinator/scheduler/scheduler-options.ts';
import { aNode } from '../../../../support/plan-builders.ts';
import { gatherPlan } from '../../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

const NODES = [
  aNode('plain'),
  aNode('large', { labels: ['large'] }),
  aNode('both', { labels: ['large', 'ssd'] }),
];

describe('node labels', () => {
  it.each([
    { requiredLabels: [], expected: ['plain', 'large', 'both'] },
    { requiredLabels: ['large'], expected: ['large', 'both'] },
    { requiredLabels: ['ssd', 'large'], expected: ['both'] },
    { requiredLabels: ['gpu'], expected: [] },
  ])('$requiredLabels leave $expected', ({ requiredLabels, expected }) => {
    const options = { ...DEFAULT_SCHEDULER_OPTIONS, requiredLabels };
    expect(eligibleNodes(NODES, options).map(({ nodeId }) => nodeId)).toEqual(expected);
  });

  it('keep a query to its nodes, also when others join', () => {
    const driver = new SchedulerDriver(gatherPlan(), {
      nodes: NODES,
      options: { requiredLabels: ['ssd'] },
    });
    driver.send({ kind: 'node-joined', node: aNode('late') });
    driver.send({ kind: 'node-joined', node: aNode('late-ssd', { labels: ['ssd'] }) });
    expect(driver.state.nodes.map(({ node }) => node.nodeId)).toEqual(['both', 'late-ssd']);
  });

  it('fail a query that no worker has them for, and name them', () => {
    const driver = new SchedulerDriver(gatherPlan(), {
      nodes: NODES,
      options: { requiredLabels: ['gpu'] },
    });
    expect(driver.effects.at(-1)).toMatchObject({
      kind: 'fail-query',
      error: {
        code: 'NO_NODES_AVAILABLE',
        message: 'the cluster has no active worker with the labels gpu',
      },
    });
  });
});
