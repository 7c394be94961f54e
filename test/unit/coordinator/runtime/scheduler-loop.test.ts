import { describe, expect, it } from 'vitest';
import type { ErrorReport } from '../../../../services/common/error.ts';
import type { Instant } from '../../../../services/common/ids.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import type { PlanFragment } from '../../../../services/common/plan/plan-fragment.ts';
import type {
  QueryListener,
  SplitSources,
} from '../../../../services/coordinator/runtime/ports.ts';
import { SchedulerLoop } from '../../../../services/coordinator/runtime/scheduler-loop.ts';
import { Timers } from '../../../../services/coordinator/runtime/timers.ts';
import type { QuerySchedulerInit } from '../../../../services/coordinator/scheduler/scheduler-options.ts';
import { DEFAULT_SCHEDULER_OPTIONS } from '../../../../services/coordinator/scheduler/scheduler-options.ts';
import { FakeQueryLog, FakeWorkers } from '../../../support/coordinator-fakes.ts';
import { deferred } from '../../../support/deferred.ts';
import {
  aFragment,
  aScanFragment,
  someNodes,
  someSplits,
  toClient,
} from '../../../support/plan-builders.ts';
import { DEADLINE, QUERY_ID } from '../../../support/scheduler-driver.ts';
import { settle, VirtualClock } from '../../../support/virtual-clock.ts';
import { SOLE_SHARE } from '../../../../services/common/sharing/query-share.ts';

class LoopFixture implements QueryListener, SplitSources {
  readonly clock = new VirtualClock();
  readonly workers = new FakeWorkers();
  readonly queryLog = new FakeQueryLog();
  /** What the listener and the split sources heard, in order. */
  readonly heard: string[] = [];
  readonly closedSources: number[] = [];
  endings: (ErrorReport | undefined)[] = [];
  nextBatch: SplitSources['nextBatch'] = (sourceId) =>
    Promise.resolve({ splits: someSplits(sourceId, 3), last: true });
  readonly loop = new SchedulerLoop(
    {
      workers: this.workers,
      splits: {
        nextBatch: (id, count) => this.nextBatch(id, count),
        rewind: (id) => this.rewind(id),
        close: (id) => this.close(id),
      },
      timers: new Timers(this.clock),
      listener: this,
      queryLog: this.queryLog,
      clock: this.clock,
      log: silentLogger,
    },
    {
      principal: { name: 'alice' },
      capability: new Uint8Array(32),
      deadline: DEADLINE,
      memoryLimitBytes: 0,
      share: SOLE_SHARE,
    },
  );

  rewind(sourceId: number): void {
    this.heard.push(`rewind ${sourceId}`);
  }

  onResultChange(attempt: number, commitment: string): void {
    this.heard.push(`attempt ${attempt} is ${commitment}`);
  }

  close(sourceId: number): void {
    this.closedSources.push(sourceId);
  }

  onResultLocations(locations: readonly unknown[], noMore: boolean): void {
    this.heard.push(`locations ${locations.length}${noMore ? ' no more' : ''}`);
  }

  onState(state: string): void {
    this.heard.push(state);
  }

  onEnd(error: ErrorReport | undefined): void {
    this.heard.push(error?.code ?? 'finished');
    this.endings.push(error);
  }

  onProgress(): void {}

  run(fragments: readonly PlanFragment[]): Promise<void> {
    const init: QuerySchedulerInit = {
      queryId: QUERY_ID,
      fragments,
      nodes: someNodes(1),
      deadline: DEADLINE,
      options: { ...DEFAULT_SCHEDULER_OPTIONS, stallTimeoutMs: 0 },
    };
    return this.loop.run(init);
  }
}

const scanPlan = [aScanFragment(0, { sourceId: 1, output: toClient() })];

describe('SchedulerLoop', () => {
  it('runs a query to its end, in the order of events', async () => {
    const world = new LoopFixture();
    const ended = world.run(scanPlan);
    await settle();
    const [task] = world.workers.tasks;
    world.loop.post({ kind: 'task-status', status: world.workers.status(task!, 'running') });
    world.loop.post({
      kind: 'task-status',
      status: world.workers.status(task!, 'finished', { inlinePages: [Uint8Array.of(1)] }),
    });
    await ended;
    expect(world.heard).toEqual(['running', 'locations 1 no more', 'finished']);
    expect(world.closedSources).toEqual([1]);
    expect(world.queryLog.isClosed).toBe(true);
    expect(world.clock.pendingCount).toBe(0);
  });

  it('gives no order before its turn is logged', async () => {
    const world = new LoopFixture();
    const commits = [deferred(), deferred()];
    let begun = 0;
    world.queryLog.commit = () => commits[begun++]?.promise ?? Promise.resolve();
    void world.run([aFragment(0)]);
    await settle();
    expect(world.queryLog.turns).toHaveLength(1);
    expect(world.workers.updates).toEqual([]);
    commits[0]?.resolve();
    await settle();
    expect(world.workers.updates).toHaveLength(1);
    world.loop.post({ kind: 'cancel-requested', error: { code: 'QUERY_CANCELLED', message: '' } });
    await settle();
    expect(world.workers.stops).toEqual([]);
    commits[1]?.resolve();
    await settle();
    expect(world.workers.stops).toMatchObject([{ stop: 'abort' }]);
  });

  it('fails the query when splits cannot be loaded', async () => {
    const world = new LoopFixture();
    world.nextBatch = () => Promise.reject(new Error('no such file'));
    await world.run(scanPlan);
    expect(world.endings).toMatchObject([{ code: 'INTERNAL_ERROR' }]);
  });

  it('lets the query’s deadline ring', async () => {
    const world = new LoopFixture();
    void world.run([aFragment(0)]);
    await settle();
    await world.clock.advance(DEADLINE);
    expect(world.endings).toMatchObject([{ code: 'QUERY_TIMEOUT' }]);
  });

  it('ends a query that has more events than it can hold, rather than lose one', async () => {
    const world = new LoopFixture();
    const ended = world.run([aFragment(0)]);
    for (let i = 0; i < 70_000; i += 1) {
      world.loop.post({ kind: 'timer-fired', timer: { kind: 'result-announcement' } });
    }
    await settle();
    expect(world.endings).toMatchObject([{ code: 'COORDINATOR_OVERLOADED' }]);
    world.loop.close();
    await ended;
  });

  it('stops all tasks and sources when the scheduler itself fails', async () => {
    const world = new LoopFixture();
    const ended = world.run(scanPlan);
    await settle();
    // The log cannot keep the turn: the query must not go on without it.
    world.queryLog.commit = () => Promise.reject(new Error('disk full'));
    world.loop.post({ kind: 'timer-fired', timer: { kind: 'result-announcement' } });
    await ended;
    expect(world.endings).toMatchObject([{ code: 'INTERNAL_ERROR' }]);
    expect(world.workers.stops).toHaveLength(world.workers.tasks.length);
  });

  it('goes on after the end until no task is live', async () => {
    const world = new LoopFixture();
    let isOver = false;
    const ended = world.run([aFragment(0)]).then(() => (isOver = true));
    await settle();
    world.loop.post({ kind: 'cancel-requested', error: { code: 'QUERY_CANCELLED', message: '' } });
    await settle();
    expect(world.endings).toHaveLength(1);
    expect(isOver).toBe(false);
    const [task] = world.workers.tasks;
    world.loop.post({ kind: 'task-status', status: world.workers.status(task!, 'aborted') });
    await ended;
    expect(world.loop.describe()?.stages).toMatchObject([{ completedTaskCount: 1 }]);
  });
});

describe('Timers', () => {
  it('ring at instants farther away than a timer of the platform holds', async () => {
    const clock = new VirtualClock();
    const delays: number[] = [];
    const timers = new Timers({
      now: () => clock.now(),
      sleep: (ms, signal) => clock.sleep(ms, signal),
      schedule: (ms, ring) => (delays.push(ms), clock.schedule(ms, ring)),
    });
    let rang = 0;
    const at = (100 * 86_400_000) as Instant;
    timers.at(at, () => (rang = clock.now()));
    await clock.advance(at);
    expect(rang).toBe(at);
    expect(Math.max(...delays)).toBeLessThan(2 ** 31);
  });

  it('do not ring after they are closed or cancelled', async () => {
    const clock = new VirtualClock();
    const timers = new Timers(clock);
    const rings: string[] = [];
    timers.at(10 as Instant, () => rings.push('cancelled'))();
    timers.at(20 as Instant, () => rings.push('in time'));
    timers.at(30 as Instant, () => rings.push('closed'));
    await clock.advance(25);
    timers.close();
    timers.at(40 as Instant, () => rings.push('too late'));
    await clock.advance(100);
    expect(rings).toEqual(['in time']);
  });
});
