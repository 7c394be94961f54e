import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PlanResponse } from '../../../../proto/gen/skein/internal/v1/planner.ts';
import { NEW_SESSION } from '../../../../services/common/session-state.ts';
import type { QueryId } from '../../../../services/common/ids.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import { planErrorToWire, planToWire } from '../../../../services/common/rpc/query-plan-wire.ts';
import { systemClock } from '../../../../services/common/system-clock.ts';
import { PlannerPool } from '../../../../services/coordinator/planner/planner-pool.ts';
import { PlannerProcess } from '../../../../services/coordinator/planner/planner-process.ts';
import { aPlan } from '../../../support/coordinator-fakes.ts';
import { settle } from '../../../support/virtual-clock.ts';

const FAKE_PLANNER = fileURLToPath(new URL('../../../support/fake-planner.mjs', import.meta.url));
const [PLANNED] = [...planToWire(aPlan())];
const never = new AbortController().signal;

class PoolFixture {
  readonly directory = mkdtempSync(join(tmpdir(), 'skein-test-'));
  readonly pool: PlannerPool;
  startCount = 0;

  constructor(
    setup: {
      timeoutMs?: number;
      memoryLimitBytes?: number;
      answer?: PlanResponse;
      mode?: string;
    } = {},
  ) {
    const answer = Buffer.from(PlanResponse.encode(setup.answer ?? PLANNED!).finish());
    this.pool = new PlannerPool(
      {
        processCount: 1,
        timeoutMs: setup.timeoutMs ?? 20_000,
        startProcess: () => {
          this.startCount += 1;
          return new PlannerProcess({
            entry: FAKE_PLANNER,
            args: [`--answer=${answer.toString('base64')}`, `--mode=${setup.mode ?? ''}`],
            address: `unix:${join(this.directory, `${this.startCount}.sock`)}`,
            environment: {},
            memoryLimitBytes: setup.memoryLimitBytes ?? 0,
            onStderr: () => undefined,
            clock: systemClock,
          });
        },
      },
      { clock: systemClock, log: silentLogger },
    );
    onTestFinished(async () => {
      await this.pool.close(1_000);
      rmSync(this.directory, { recursive: true });
    });
  }

  plan(sql: string, signal = never): ReturnType<PlannerPool['plan']> {
    return this.pool.plan(
      {
        queryId: '20261121_120000_00001_abcde' as QueryId,
        sql,
        principal: { name: 'alice' },
        sessionProperties: {},
        session: NEW_SESSION,
        parameters: new Uint8Array(),
        answers: new Uint8Array(),
        workerCount: 1,
        tasksPerWorker: 1,
      },
      signal,
    );
  }
}

describe('PlannerPool', { timeout: 30_000 }, () => {
  it('plans one statement after the other on the same process', async () => {
    const world = new PoolFixture();
    const plans = await Promise.all([world.plan('slow'), world.plan('SELECT 1')]);
    expect(plans).toEqual([aPlan(), aPlan()]);
    expect(world.startCount).toBe(1);
    await world.pool.ready;
  });

  it('passes on what is wrong with a statement', async () => {
    const error = { code: 'SYNTAX_ERROR', message: 'near x', position: 3 } as const;
    const world = new PoolFixture({ answer: planErrorToWire(error) });
    await expect(world.plan('x')).rejects.toMatchObject(error);
    expect(world.startCount).toBe(1);
  });

  it('calls it PLANNING_OUT_OF_MEMORY when DuckDB refuses an allocation', async () => {
    const answer = planErrorToWire({ code: 'OUT_OF_MEMORY', message: 'failed to allocate' });
    const world = new PoolFixture({ answer });
    await expect(world.plan('x')).rejects.toMatchObject({ code: 'PLANNING_OUT_OF_MEMORY' });
  });

  it('kills a planner that takes too long, and goes on with another', async () => {
    const world = new PoolFixture({ timeoutMs: 3_000 });
    await world.pool.ready;
    await world.plan('SELECT 1');
    await expect(world.plan('hang')).rejects.toMatchObject({ code: 'PLANNING_TIMEOUT' });
    expect(await world.plan('SELECT 1')).toEqual(aPlan());
    expect(world.startCount).toBe(2);
  });

  it('kills a planner that takes too much memory, and goes on with another', async () => {
    const world = new PoolFixture({ memoryLimitBytes: 256 << 20 });
    await expect(world.plan('grow')).rejects.toMatchObject({ code: 'PLANNING_OUT_OF_MEMORY' });
    expect(await world.plan('SELECT 1')).toEqual(aPlan());
  });

  it('plans again when a process dies, once, then says how it died', async () => {
    const world = new PoolFixture();
    await expect(world.plan('crash')).rejects.toMatchObject({
      code: 'PLANNER_FAILED',
      message: expect.stringContaining('exited with code 7'),
    });
    expect(world.startCount).toBeGreaterThanOrEqual(2);
    expect(await world.plan('SELECT 1')).toEqual(aPlan());
  });

  it('leaves at once when the query is cancelled, and ends a plan that goes on', async () => {
    const world = new PoolFixture();
    await world.plan('SELECT 1');
    const cancelled = new AbortController();
    const planning = world.plan('hang', cancelled.signal);
    await settle();
    cancelled.abort(new Error('no longer wanted'));
    await expect(planning).rejects.toThrow('no longer wanted');
    expect(await world.plan('SELECT 1')).toEqual(aPlan());
    expect(world.startCount).toBe(2);
  });

  it('begins no plan for a query that is cancelled already', async () => {
    const world = new PoolFixture();
    await world.plan('SELECT 1');
    const cancelled = new AbortController();
    const planning = world.plan('hang', cancelled.signal);
    cancelled.abort(new Error('no longer wanted'));
    await expect(planning).rejects.toThrow('no longer wanted');
    await world.plan('SELECT 1');
    expect(world.startCount).toBe(1);
  });

  it('keeps a process whose cancelled plan comes to its end', async () => {
    const world = new PoolFixture();
    await world.plan('SELECT 1');
    const cancelled = new AbortController();
    const planning = world.plan('slow', cancelled.signal);
    await settle();
    cancelled.abort(new Error('no longer wanted'));
    await expect(planning).rejects.toThrow('no longer wanted');
    await world.plan('SELECT 1');
    expect(world.startCount).toBe(1);
  });

  it('does not wait for a planner that dies at its start', async () => {
    const world = new PoolFixture({ mode: 'broken' });
    await expect(world.plan('SELECT 1')).rejects.toMatchObject({
      code: 'PLANNER_FAILED',
      message: expect.stringContaining('exited with code 5'),
    });
  });

  it('tells everybody when no planner can be started', async () => {
    const world = new PoolFixture({ mode: 'misconfigured' });
    await expect(world.plan('SELECT 1')).rejects.toMatchObject({
      code: 'INVALID_CONFIGURATION',
      message: expect.stringContaining('no such catalog directory'),
    });
    await expect(world.pool.ready).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
    await expect(world.plan('SELECT 1')).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
    expect(world.startCount).toBe(1);
  });
});
