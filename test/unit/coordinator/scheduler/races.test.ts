/** A catalogue of races: messages that come late, twice, from the wrong run, or after the end. */
import { describe, expect, it } from 'vitest';
import type {
  NodeId,
  NodeInstanceId,
  PartitionId,
  QueryId,
  StageId,
} from '../../../../services/common/ids.ts';
import type { SchedulerEffect } from '../../../../services/coordinator/scheduler/scheduler-effect.ts';
import { aNode, someSplits } from '../../../support/plan-builders.ts';
import { broadcastPlan, gatherPlan, joinPlan } from '../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../support/scheduler-driver.ts';

function running(): SchedulerDriver {
  const driver = new SchedulerDriver(gatherPlan());
  driver.loaded(1, someSplits(1, 2));
  for (const stage of [0, 1]) driver.reportAll(stage, 'running');
  return driver;
}

/** The event changes nothing and orders nothing. */
function expectNothing(driver: SchedulerDriver, act: () => readonly SchedulerEffect[]): void {
  const before = structuredClone(driver.state);
  expect(act()).toEqual([]);
  expect(driver.state).toEqual(before);
}

describe('races', () => {
  it('finished_status_delivered_twice', () => {
    const driver = running();
    const status = driver.status(0, 0, 'finished');
    driver.send({ kind: 'task-status', status });
    expectNothing(driver, () => driver.send({ kind: 'task-status', status }));
  });

  it('running_status_overtaken_by_finished_status', () => {
    const driver = running();
    const early = driver.status(0, 0, 'running');
    driver.report(0, 0, 'finished');
    expectNothing(driver, () => driver.send({ kind: 'task-status', status: early }));
  });

  it('long_delayed_failure_after_finish_of_the_query', () => {
    const driver = running();
    const late = driver.status(0, 0, {
      state: 'failed',
      error: { code: 'OUT_OF_MEMORY', message: '' },
    });
    driver.report(1, 0, { state: 'finished', inlinePages: [] });
    expect(driver.state.query.kind).toBe('finished');
    expect(driver.send({ kind: 'task-status', status: late })).toEqual([]);
    expect(driver.state.query.kind).toBe('finished');
  });

  it('failure_of_one_task_and_finish_of_another_in_any_order', () => {
    for (const failFirst of [true, false]) {
      const driver = running();
      const steps = [
        () => driver.fail(0, 0, { code: 'INVALID_INPUT', message: '' }),
        () => driver.report(0, 1, 'finished'),
      ];
      for (const step of failFirst ? steps : steps.toReversed()) step();
      expect(driver.state.query).toMatchObject({
        kind: 'failed',
        error: { code: 'INVALID_INPUT' },
      });
      expect(driver.heardEnd(1, 0, 2)).toBe(true);
    }
  });

  it('status_from_an_earlier_run_of_the_worker', () => {
    const driver = running();
    const nodeInstanceId = 'worker-1-run-0' as NodeInstanceId;
    expectNothing(driver, () => driver.report(0, 0, { state: 'failed', nodeInstanceId }));
  });

  it('status_of_another_attempt_stage_task_or_query', () => {
    const driver = running();
    const { taskId } = driver.task(0, 0);
    const strangers = [
      { ...taskId, attempt: 1 },
      { ...taskId, stageId: 9 as StageId },
      { ...taskId, partitionId: 9 as PartitionId },
      { ...taskId, queryId: '20261121_120000_00002_abcde' as QueryId },
    ];
    const before = structuredClone(driver.state);
    const effects = strangers.flatMap((stranger) =>
      driver.report(0, 0, { state: 'failed', taskId: stranger }),
    );
    // Counted, and told once.
    expect(effects).toMatchObject([
      { kind: 'report-bad-status', problem: 'no such attempt was ordered' },
    ]);
    expect(driver.state).toEqual({ ...before, unknownStatuses: 3 });
  });

  it('status_of_another_worker_or_with_a_version_that_is_none', () => {
    for (const strange of [{ nodeId: 'worker-9' as NodeId }, { version: -1 }, { version: 1.5 }]) {
      const driver = running();
      const before = structuredClone(driver.state);
      const effects = driver.report(0, 0, { state: 'failed', ...strange });
      expect(effects).toMatchObject([{ kind: 'report-bad-status' }]);
      expect(driver.state).toEqual({ ...before, unknownStatuses: 1 });
    }
  });

  it('lie_of_a_worker_fails_the_query_and_costs_it_its_tasks', () => {
    const driver = running();
    const { nodeId } = driver.task(0, 0);
    driver.report(0, 0, { state: 'running', queuedSplitWeight: -5 });
    expect(driver.state.query).toMatchObject({
      kind: 'failed',
      error: { code: 'INTERNAL_ERROR', details: { node_id: nodeId } },
    });
    const distrusted = driver.state.nodes.filter((node) => node.isDistrusted);
    expect(distrusted.map(({ node }) => node.nodeId)).toEqual([nodeId]);
  });

  it('status_of_a_lost_node_arrives_after_its_loss', () => {
    const driver = running();
    const late = driver.status(0, 0, 'finished');
    const { nodeId, nodeInstanceId } = driver.task(0, 0);
    driver.send({
      kind: 'node-lost',
      nodeId,
      nodeInstanceId,
      error: { code: 'NODE_LOST', message: '' },
    });
    expectNothing(driver, () => driver.send({ kind: 'task-status', status: late }));
  });

  it('node_lost_twice', () => {
    const driver = running();
    driver.reportAll(0, 'finished');
    driver.report(1, 0, 'flushing');
    driver.send({ kind: 'result-released' });
    const { nodeId, nodeInstanceId } = aNode('worker-1');
    const lost = {
      kind: 'node-lost',
      nodeId,
      nodeInstanceId,
      error: { code: 'NODE_LOST', message: '' },
    } as const;
    driver.send(lost);
    expectNothing(driver, () => driver.send(lost));
  });

  it('node_lost_and_joined_again_under_a_new_run_while_its_tasks_still_report', () => {
    const driver = running();
    driver.reportAll(0, 'finished');
    const root = driver.task(1, 0);
    const idle = root.nodeId === 'worker-1' ? 'worker-2' : 'worker-1';
    const { nodeId, nodeInstanceId } = aNode(idle);
    driver.send({
      kind: 'node-lost',
      nodeId,
      nodeInstanceId,
      error: { code: 'NODE_LOST', message: '' },
    });
    driver.send({
      kind: 'node-joined',
      node: aNode(idle, { nodeInstanceId: 'run-2' as NodeInstanceId }),
    });
    driver.report(1, 0, { state: 'finished', inlinePages: [] });
    expect(driver.state.query.kind).toBe('finished');
  });

  it('splits_loaded_after_the_scan_was_cancelled', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, someSplits(1, 1), false);
    driver.report(1, 0, 'flushing');
    expectNothing(driver, () => driver.loaded(1, someSplits(1, 5)));
  });

  it('split_loading_failed_after_the_last_batch', () => {
    const driver = running();
    const [scan] = driver.stage(0).scans;
    if (scan === undefined) throw new Error('no scan');
    const error = { code: 'SOURCE_READ_FAILED', message: '' } as const;
    expectNothing(driver, () =>
      driver.send({ kind: 'split-loading-failed', sourceId: scan.sourceId, batch: 0, error }),
    );
  });

  it('cancel_and_finish_in_the_same_moment', () => {
    const cancel = {
      kind: 'cancel-requested',
      error: { code: 'QUERY_CANCELLED', message: '' },
    } as const;
    const finished = running();
    finished.report(1, 0, { state: 'finished', inlinePages: [] });
    expectNothing(finished, () => finished.send(cancel));
    const cancelled = running();
    cancelled.send(cancel);
    expect(cancelled.report(1, 0, { state: 'finished', inlinePages: [] })).toEqual([]);
    expect(cancelled.state.query).toMatchObject({
      kind: 'failed',
      error: { code: 'QUERY_CANCELLED' },
    });
  });

  it('child_fails_because_its_parent_stopped_reading_it', () => {
    const driver = running();
    driver.report(1, 0, 'flushing');
    driver.fail(0, 0, { code: 'EXCHANGE_FAILED', message: 'buffer destroyed' });
    driver.report(1, 0, { state: 'finished', inlinePages: [] });
    expect(driver.state.query.kind).toBe('finished');
  });

  it('root_finishes_before_its_children_report_anything', () => {
    const driver = new SchedulerDriver(joinPlan());
    driver.report(3, 0, { state: 'finished', inlinePages: [] });
    expect(driver.state.query.kind).toBe('finished');
    expect(driver.stageKinds()).toEqual({
      0: 'canceled',
      1: 'canceled',
      2: 'canceled',
      3: 'finished',
    });
    expect(driver.effectsOf('close-split-source')).toHaveLength(2);
  });

  it('result_released_before_the_final_status_of_the_root', () => {
    const driver = running();
    driver.send({ kind: 'timer-fired', timer: { kind: 'result-announcement' } });
    driver.send({ kind: 'result-released' });
    expect(driver.state.query.kind).toBe('finishing');
    driver.report(1, 0, 'canceled');
    expect(driver.state.query.kind).toBe('finished');
  });

  it('broadcast_producer_claims_to_finish_before_its_readers_are_known', () => {
    const driver = new SchedulerDriver(broadcastPlan());
    driver.loaded(1, someSplits(1, 1));
    driver.report(0, 0, 'finished');
    expect(driver.state.query).toMatchObject({ kind: 'failed', error: { code: 'INTERNAL_ERROR' } });
  });

  it('scan_claims_to_finish_before_its_last_splits_arrive', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, someSplits(1, 2));
    driver.report(0, 0, { state: 'finished', receivedSplits: [] });
    expect(driver.state.query).toMatchObject({ kind: 'failed', error: { code: 'INTERNAL_ERROR' } });
  });

  it('timer_fires_after_the_end', () => {
    const driver = running();
    driver.report(1, 0, { state: 'finished', inlinePages: [] });
    for (const kind of ['query-deadline', 'result-announcement', 'failure-cause'] as const) {
      expectNothing(driver, () => driver.send({ kind: 'timer-fired', timer: { kind } }));
    }
  });
});
