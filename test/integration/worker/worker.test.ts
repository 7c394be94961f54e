import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PlanFragment } from '../../../services/common/plan/plan-fragment.ts';
import { systemClock } from '../../../services/common/system-clock.ts';
import type { RunningWorker } from '../../../services/worker/main.ts';
import type { ControlCoordinator } from '../../support/control-coordinator.ts';
import {
  dataFile,
  fileSplit,
  fragmentOf,
  oracle,
  remoteSource,
  tableScan,
  WORKER_ENTRY,
} from '../../support/slot-harness.ts';
import { theBuffers } from '../../support/task-fakes.ts';
import { toFragment } from '../../support/plan-builders.ts';
import {
  aTask,
  assign,
  inlineRows,
  remoteSplit,
  WorkerCluster,
} from '../../support/worker-cluster.ts';

let cluster: WorkerCluster;
let coordinator: ControlCoordinator;
let workers: RunningWorker[];

beforeEach(async () => {
  cluster = await WorkerCluster.open();
  ({ coordinator, workers } = cluster);
});

afterEach(async () => {
  expect(await cluster.close()).toEqual([]);
});

const start = (nodeId: string): Promise<RunningWorker> => cluster.start(nodeId);

const LINEITEM = [
  { name: 'l_orderkey', type: { id: 'BIGINT' } },
  { name: 'l_shipmode', type: { id: 'VARCHAR' } },
] as const;
const ENDLESS = 'SELECT sum(i)::BIGINT AS c0 FROM range(1000000000000) t(i)';

describe('a worker', () => {
  it('joins, answers a task inline and leaves', async () => {
    await start('worker-1');
    const worker = coordinator.worker('worker-1');
    const fragment = await fragmentOf("SELECT 'hello' AS c0");
    const task = aTask(fragment);
    worker.update(task);
    const status = await worker.ended(task.taskId);
    expect(status.state).toBe('finished');
    expect(inlineRows(fragment, status)).toEqual([['hello']]);
    await workers.pop()?.close(1000);
    expect(worker.hasLeft).toBe(true);
  });

  it('exchanges pages with others: a distributed aggregate over two workers', async () => {
    await Promise.all([start('worker-1'), start('worker-2')]);
    const nodes = ['worker-1', 'worker-2'].map((nodeId) => coordinator.worker(nodeId));
    const scanning = await fragmentOf('SELECT c1 AS c0, count(*) AS c1 FROM scan_1 GROUP BY c1', {
      id: 0 as PlanFragment['id'],
      scans: [tableScan('lineitem', LINEITEM)],
      inputMode: 'incremental',
      outputs: [toFragment(1, 5, 'hash')],
    });
    const merging = await fragmentOf('SELECT c0, sum(c1)::BIGINT AS c1 FROM remote_5 GROUP BY c0', {
      id: 1 as PlanFragment['id'],
      remoteSources: [remoteSource(5, scanning.columns, { delivery: 'partitioned' })],
      outputs: [toFragment(2, 6, 'single')],
    });
    const gathering = await fragmentOf('SELECT c0, c1 FROM remote_6 ORDER BY c0', {
      id: 2 as PlanFragment['id'],
      remoteSources: [remoteSource(6, merging.columns)],
    });
    const halves = [
      fileSplit(dataFile('lineitem'), 0, 32_768),
      fileSplit(dataFile('lineitem'), 32_768, 27_407),
    ];
    const scans = halves.map((split) =>
      aTask(scanning, { splitAssignments: [assign(1, [split])], outputBuffers: [theBuffers(2)] }),
    );
    const merges = nodes.map((_node, buffer) =>
      aTask(merging, {
        splitAssignments: [
          assign(
            5,
            scans.map((scan, i) => remoteSplit(scan, nodes[i]!, buffer)),
          ),
        ],
      }),
    );
    const root = aTask(gathering, {
      splitAssignments: [
        assign(
          6,
          merges.map((merge, i) => remoteSplit(merge, nodes[i]!, 0)),
        ),
      ],
    });
    for (const [i, node] of nodes.entries()) {
      node.update(scans[i]!);
      node.update(merges[i]!);
    }
    nodes[0]!.update(root);
    const status = await nodes[0]!.ended(root.taskId);
    const expected = await oracle(
      `SELECT l_shipmode, count(*) FROM '${dataFile('lineitem')}' GROUP BY ALL ORDER BY ALL`,
    );
    expect(inlineRows(gathering, status)).toEqual(expected.rows);
    for (const [i, node] of nodes.entries()) {
      expect((await node.ended(scans[i]!.taskId)).state).toBe('finished');
      expect((await node.ended(merges[i]!.taskId)).state).toBe('finished');
    }
  });

  it('cancels an endless statement, and takes the next task', async () => {
    await start('worker-1');
    const worker = coordinator.worker('worker-1');
    const endless = aTask(await fragmentOf(ENDLESS));
    worker.update(endless);
    await worker.reached(endless.taskId, 'running');
    worker.stop(endless.taskId, 'cancel');
    expect((await worker.ended(endless.taskId)).state).toBe('canceled');
    const next = aTask(await fragmentOf('SELECT 1 AS c0'));
    worker.update(next);
    expect((await worker.ended(next.taskId)).state).toBe('finished');
  });

  it('goes on through a broken control stream, and tells what happened meanwhile', async () => {
    await start('worker-1');
    const worker = coordinator.worker('worker-1');
    const slow = aTask(await fragmentOf('SELECT max(hash(i)) AS c0 FROM range(300000000) t(i)'));
    worker.update(slow);
    await worker.reached(slow.taskId, 'running');
    worker.breakStream();
    expect((await worker.ended(slow.taskId)).state).toBe('finished');
    expect(coordinator.workers.size).toBe(1);
  });

  it('abandons its tasks and comes back as a new run when the coordinator is another one', async () => {
    await start('worker-1');
    const before = coordinator.worker('worker-1');
    const endless = aTask(await fragmentOf(ENDLESS));
    before.update(endless);
    await before.reached(endless.taskId, 'running');
    coordinator.instanceId = 'coordinator-2';
    before.breakStream();
    while (coordinator.workers.size === 1)
      await systemClock.sleep(10, new AbortController().signal);
    const after = coordinator.worker('worker-1');
    const next = aTask(await fragmentOf('SELECT 1 AS c0'));
    after.update(next);
    expect(await after.ended(next.taskId)).toMatchObject({
      state: 'finished',
      nodeInstanceId: after.hello.nodeInstanceId,
    });
    while (after.heartbeat?.runningTasks !== 0) await after.changed();
  });

  it('does not start when the coordinator refuses it', async () => {
    coordinator.refuseWith = 'hash-fingerprint';
    await expect(start('worker-1')).rejects.toMatchObject({ code: 'NODE_REFUSED' });
  });

  it('lets its tasks end when it is told to leave, and takes no others', async () => {
    const running = await start('worker-1');
    const worker = coordinator.worker('worker-1');
    const slow = aTask(await fragmentOf('SELECT max(hash(i)) AS c0 FROM range(300000000) t(i)'));
    worker.update(slow);
    await worker.reached(slow.taskId, 'running');
    workers.pop();
    const closed = running.close(30_000);
    while (worker.heartbeat?.draining !== true) await worker.changed();
    const late = aTask(await fragmentOf('SELECT 1 AS c0'));
    worker.update(late);
    expect(await worker.ended(late.taskId)).toMatchObject({ error: { code: 'SHUTTING_DOWN' } });
    expect((await worker.ended(slow.taskId)).state).toBe('finished');
    await closed;
    expect(worker.hasLeft).toBe(true);
  });
});

describe('a worker that is drained', () => {
  it('leaves the cluster when its last task has ended', async () => {
    await start('worker-1');
    const worker = coordinator.worker('worker-1');
    const slow = aTask(await fragmentOf('SELECT max(hash(i)) AS c0 FROM range(300000000) t(i)'));
    worker.update(slow);
    await worker.reached(slow.taskId, 'running');
    worker.drain();
    expect((await worker.ended(slow.taskId)).state).toBe('finished');
    while (!worker.hasLeft) await worker.changed();
  });
});

describe('a worker that must end at once', () => {
  it('ends its statements first', async () => {
    const running = await start('worker-1');
    const worker = coordinator.worker('worker-1');
    const endless = await Promise.all(
      [1, 2, 3, 4].map(async () => aTask(await fragmentOf(ENDLESS))),
    );
    for (const task of endless) worker.update(task);
    for (const { taskId } of endless) await worker.reached(taskId, 'running');
    workers.pop();
    await running.close(0);
    for (const { taskId } of endless) {
      expect(await worker.ended(taskId)).toMatchObject({ error: { code: 'TASK_ABANDONED' } });
    }
  });
});

describe('a worker process', () => {
  let child: ChildProcess;

  async function spawnWorker(): Promise<string> {
    const args = Object.entries(cluster.flags('worker-9')).flatMap(([key, value]) => [
      `--${key.replaceAll('_', '-')}`,
      value,
    ]);
    child = spawn(process.execPath, [fileURLToPath(WORKER_ENTRY), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, UV_THREADPOOL_SIZE: '16', SKEIN_LOG_LEVEL: 'silent' },
    });
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    return line.toString();
  }

  /** Code and signal; an aborted process has 134 or SIGABRT. */
  async function endOf(process: ChildProcess): Promise<readonly unknown[]> {
    if (process.exitCode === null && process.signalCode === null) await once(process, 'exit');
    return [process.exitCode, process.signalCode];
  }

  it('says that it is ready, and ends in order on SIGTERM in the middle of a statement', async () => {
    const ready = JSON.parse(await spawnWorker()) as Record<string, unknown>;
    const worker = coordinator.worker('worker-9');
    expect(ready).toEqual({ ready: true, role: 'worker', address: worker.hello.address });
    const endless = aTask(await fragmentOf(ENDLESS));
    worker.update(endless);
    await worker.reached(endless.taskId, 'running');
    worker.stop(endless.taskId, 'abort');
    child.kill('SIGTERM');
    expect(await endOf(child)).toEqual([0, null]);
    expect(worker.hasLeft).toBe(true);
  });

  it('ends with code 1 and says why when it is refused', async () => {
    coordinator.refuseWith = 'protocol';
    spawnWorker().catch(() => undefined);
    expect(await endOf(child)).toEqual([1, null]);
  });
});
