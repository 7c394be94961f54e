import { describe, expect, it } from 'vitest';
import type { NodeInstanceId } from '../../../../services/common/ids.ts';
import type { PlanFragment } from '../../../../services/common/plan/plan-fragment.ts';
import {
  aFragment,
  aNode,
  aRemote,
  aScanFragment,
  joined,
  someSplits,
  toFragment,
} from '../../../support/plan-builders.ts';
import { gatherPlan } from '../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../support/scheduler-driver.ts';

/** 0 (scan 1) is built on by the hash stage 2, which probes with 1 and starts late. */
function broadcastHashPlan(): PlanFragment[] {
  return [
    aScanFragment(0, { sourceId: 1, output: toFragment(2, 3, 'broadcast') }),
    aScanFragment(1, { sourceId: 2, output: toFragment(2, 4, 'hash') }),
    aFragment(2, {
      partitioning: { kind: 'hash' },
      remoteSources: [aRemote(3, [0], 'broadcast'), aRemote(4, [1], 'partitioned')],
      inputTree: joined(4, 3),
    }),
  ];
}

const ERROR = { code: 'NODE_LOST', message: 'worker-1 is lost' } as const;

function running(): SchedulerDriver {
  const driver = new SchedulerDriver(gatherPlan());
  driver.loaded(1, someSplits(1, 2), false);
  return driver;
}

const nodesOf = (driver: SchedulerDriver) =>
  driver.state.nodes.map(
    ({ node, isDraining }) => `${node.nodeInstanceId}${isDraining ? ' draining' : ''}`,
  );

describe('membership', () => {
  it('adds a node that joins, once', () => {
    const driver = running();
    const event = { kind: 'node-joined', node: aNode('worker-3') } as const;
    driver.send(event);
    driver.send(event);
    expect(nodesOf(driver)).toEqual(['worker-1-run-1', 'worker-2-run-1', 'worker-3-run-1']);
  });

  it('takes a draining node back when it joins again', () => {
    const driver = running();
    const { nodeId, nodeInstanceId } = aNode('worker-1');
    driver.send({ kind: 'node-draining', nodeId, nodeInstanceId });
    expect(nodesOf(driver)).toContain('worker-1-run-1 draining');
    driver.send({ kind: 'node-joined', node: aNode('worker-1') });
    expect(nodesOf(driver)).toContain('worker-1-run-1');
  });

  it('loses the tasks of an earlier run when a later one joins before the loss is told', () => {
    const driver = running();
    const node = aNode('worker-1', { nodeInstanceId: 'worker-1-run-2' as NodeInstanceId });
    driver.send({ kind: 'node-joined', node });
    expect(driver.state.query).toMatchObject({
      kind: 'failed',
      error: { code: 'NODE_LOST', details: { node_id: 'worker-1' } },
    });
  });

  it('does not touch a later run when the loss of an earlier one is told late', () => {
    const driver = new SchedulerDriver(gatherPlan(), {
      nodes: [aNode('worker-1', { nodeInstanceId: 'worker-1-run-2' as NodeInstanceId })],
    });
    const { nodeId } = aNode('worker-1');
    const nodeInstanceId = 'worker-1-run-1' as NodeInstanceId;
    driver.send({ kind: 'node-lost', nodeId, nodeInstanceId, error: ERROR });
    driver.send({ kind: 'node-draining', nodeId, nodeInstanceId });
    expect(nodesOf(driver)).toEqual(['worker-1-run-2']);
    expect(driver.state.query.kind).toBe('running');
  });

  it('gives the partitions of a node that drains to others, for stages still to come (T12)', () => {
    const driver = new SchedulerDriver(broadcastHashPlan(), { options: { hashPartitionCount: 4 } });
    expect(driver.stage(2).kind).toBe('planned');
    const { nodeId, nodeInstanceId } = aNode('worker-1');
    driver.send({ kind: 'node-draining', nodeId, nodeInstanceId });
    driver.loaded(1, someSplits(1, 1));
    expect(driver.stage(2).tasks.map((task) => task.nodeId)).toEqual(
      Array.from({ length: 4 }, () => 'worker-2'),
    );
  });

  it('notes the loss of a node even after the query has ended, so that its tasks end', () => {
    const driver = running();
    driver.send({ kind: 'cancel-requested', error: { code: 'QUERY_CANCELLED', message: '' } });
    const { nodeId, nodeInstanceId } = aNode('worker-1');
    expect(driver.send({ kind: 'node-lost', nodeId, nodeInstanceId, error: ERROR })).toEqual([]);
    expect(driver.state.nodes).toHaveLength(1);
    expect(driver.stage(0).tasks.filter((task) => task.kind === 'aborted')).toHaveLength(1);
  });
});
