import { describe, expect, it } from 'vitest';
import { producerDetails } from '../../../../services/common/task/fetch-failure.ts';
import { NO_TASK_STATS } from '../../../../services/common/task/task-status.ts';
import type { TaskStats } from '../../../../services/common/task/task-status.ts';
import {
  describeQuery,
  describeStages,
} from '../../../../services/coordinator/scheduler/query-description.ts';
import type { StageDescription } from '../../../../services/coordinator/scheduler/query-description.ts';
import { faultTolerant } from '../../../support/fault-tolerant.ts';
import { someNodes, someSplits } from '../../../support/plan-builders.ts';
import { gatherPlan, joinPlan } from '../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../support/scheduler-driver.ts';

const LACKING = { code: 'OUT_OF_MEMORY', message: 'too little' } as const;
const BROKEN = { code: 'SOURCE_READ_FAILED', message: 'the file is not there now' } as const;

const work = (rows: number, more: Partial<TaskStats> = {}): TaskStats => ({
  ...NO_TASK_STATS,
  splitsCompleted: 1,
  inputRows: rows,
  cpuMs: rows / 10,
  ...more,
});

const shown = (driver: SchedulerDriver, stage: number): StageDescription => {
  const description = describeQuery(driver.state).stages[stage];
  if (description === undefined) throw new Error(`no stage ${stage}`);
  return description;
};

/** Rows of what counts and of the rest, and how many attempts that was. */
const rows = (driver: SchedulerDriver, stage: number) => {
  const { stats, wasted } = shown(driver, stage);
  return [stats.inputRows, wasted.stats.inputRows, wasted.taskCount];
};

describe('the statistics of a stage (R20)', () => {
  it('count a partition once, however often it was tried', () => {
    const options = { executionPolicy: 'stage-barrier', retryPolicy: 'stage' } as const;
    const nodes = someNodes(2, { taskConcurrency: 2 });
    const driver = new SchedulerDriver(gatherPlan(), { nodes, options });
    driver.loaded(1, someSplits(1, 2));
    driver.report(0, 1, { state: 'finished', stats: work(40) });
    driver.report(0, 0, { state: 'running', stats: work(30) });
    expect(rows(driver, 0)).toEqual([70, 0, 0]);
    driver.report(0, 0, { state: 'failed', error: LACKING, stats: work(35) });
    expect(driver.attempts(0)).toEqual(['0.0', '1.0', '0.1']);
    expect(rows(driver, 0)).toEqual([40, 35, 1]);
    driver.report(0, 0, { state: 'finished', stats: work(50) });
    expect(rows(driver, 0)).toEqual([90, 35, 1]);
    expect(shown(driver, 0)).toMatchObject({
      taskCount: 2,
      completedTaskCount: 2,
      splitCount: 2,
      stats: { splitsCompleted: 2, cpuMs: 9 },
    });
    const tasks = describeStages(driver.state)[0]?.tasks;
    expect(tasks?.map(({ isCounted }) => isCounted)).toEqual([false, true, true]);
  });

  it('count the attempt that is read, and another one when its output is lost', () => {
    const nodes = someNodes(2, { taskConcurrency: 8 });
    const driver = new SchedulerDriver(joinPlan(), { nodes, options: faultTolerant() });
    for (const [stage, sourceId] of [1, 2].entries()) {
      driver.loaded(sourceId, someSplits(sourceId, 1));
      driver.report(stage, 0, { ...driver.status(stage, 0, 'finished'), stats: work(10) });
    }
    expect(rows(driver, 0)).toEqual([10, 0, 0]);
    const details = producerDetails(driver.task(0, 0));
    const error = { code: 'OUTPUT_PAGE_LOST', message: 'gone', details } as const;
    driver.report(2, 0, { state: 'failed', error });
    driver.report(0, 0, { ...driver.status(0, 0, 'finished'), stats: work(11) });
    expect(driver.attempts(0)).toEqual(['0.0', '0.1']);
    expect(rows(driver, 0)).toEqual([11, 10, 1]);
  });

  it('count what was read to its end and lost afterwards, not what was cancelled in its place', () => {
    const options = { executionPolicy: 'stage-barrier', retryPolicy: 'stage' } as const;
    const nodes = someNodes(3, { taskConcurrency: 1 });
    const driver = new SchedulerDriver(gatherPlan(), { nodes, options });
    driver.loaded(1, someSplits(1, 2));
    for (const partition of [0, 1])
      driver.report(0, partition, { state: 'finished', stats: work(10) });
    driver.report(1, 0, 'flushing');
    const root = driver.task(1, 0);
    const read = driver.stage(0).tasks.find(({ nodeId }) => nodeId !== root.nodeId);
    if (read === undefined) throw new Error('the root is beside all of its producers');
    driver.loseNodeOf(read);
    expect(rows(driver, 0)).toEqual([10, 10, 1]);
    driver.report(1, 0, { state: 'finished', inlinePages: [] });
    expect(driver.stops()).toEqual([`cancel 0.${read.taskId.partitionId}`]);
    expect(rows(driver, 0)).toEqual([20, 0, 1]);
  });

  it('count no earlier run of the stage, nor its memory when that is free', () => {
    const options = { executionPolicy: 'pipelined-region', retryPolicy: 'region' } as const;
    const driver = new SchedulerDriver(gatherPlan(), { nodes: someNodes(3), options });
    driver.loaded(1, someSplits(1, 2));
    const first = driver.task(0, 0);
    const running = { state: 'running', stats: work(5, { memoryBytes: 100 }) } as const;
    for (const partition of [0, 1]) driver.report(0, partition, running);
    const stopped = driver.status(0, 1, { state: 'aborted', stats: work(5) });
    driver.report(0, 0, { state: 'failed', error: BROKEN, stats: work(6) });
    expect(driver.task(0, 0)).not.toBe(first);
    expect(rows(driver, 0)).toEqual([0, 11, 2]);
    driver.send({ kind: 'task-status', status: { ...stopped, version: stopped.version + 9 } });
    expect(driver.stage(0).memory.bytes).toBe(0);
    expect(driver.state.memory.bytes).toBe(0);
  });

  it('count no earlier attempt of the query', () => {
    const driver = new SchedulerDriver(gatherPlan(), { options: { retryPolicy: 'query' } });
    driver.loaded(1, someSplits(1, 2));
    for (const partition of [0, 1])
      driver.report(0, partition, { state: 'running', stats: work(5, { memoryBytes: 100 }) });
    driver.loseNodeOf(driver.task(0, 0));
    expect(driver.state.attempt).toBe(1);
    expect(rows(driver, 0)).toEqual([0, 10, 2]);
    expect(driver.state.memory).toEqual({ bytes: 0, peakBytes: 200 });
    expect(shown(driver, 0)).toMatchObject({ taskCount: 0, stats: { cpuMs: 0 } });
  });

  it('have no memory of tasks whose worker is lost', () => {
    const options = { executionPolicy: 'stage-barrier', retryPolicy: 'stage' } as const;
    const driver = new SchedulerDriver(gatherPlan(), { nodes: someNodes(2), options });
    driver.loaded(1, someSplits(1, 2));
    for (const partition of [0, 1])
      driver.report(0, partition, { state: 'running', stats: work(5, { memoryBytes: 100 }) });
    driver.loseNodeOf(driver.task(0, 0));
    expect(driver.stage(0).memory).toEqual({ bytes: 100, peakBytes: 200 });
  });
});
