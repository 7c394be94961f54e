import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NodeRole, NodeState } from '../../proto/gen/skein/v1/cluster.ts';
import { descendantsOf, eventually, roleProcess } from '../support/process-tree.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, SAMPLE_DIRECTORY, startRole, startServe } from '../support/skein-process.ts';

const COUNT = 'SELECT count(*) FROM lineitem WHERE l_quantity > 0';

/** The process is killed, and another one takes its place. */
async function killRole(
  cluster: Cluster,
  role: 'coordinator' | 'gateway' | 'worker',
  argument = '',
): Promise<void> {
  const find = () => roleProcess(cluster.process.pid, role, argument);
  const killed = await eventually(find, `there is a ${role}`);
  process.kill(killed.processId, 'SIGKILL');
  await eventually(() => {
    const found = find();
    return found !== undefined && found.processId !== killed.processId ? found : undefined;
  }, `the ${role} is restarted`);
}

async function countsAgain(client: SkeinClient): Promise<void> {
  const count = async () => {
    try {
      return (await client.run(COUNT, { distribution: 'always' })).rows[0]?.[0] ?? undefined;
    } catch {
      return undefined;
    }
  };
  expect(await eventually(count, 'the cluster answers again', 30_000)).toBe('60175');
}

describe('skein coordinator, worker and gateway', () => {
  const roles: Cluster[] = [];
  let client: SkeinClient;
  let workers: readonly Cluster[];

  const start = async (...args: Parameters<typeof startRole>): Promise<Cluster> => {
    const role = await startRole(...args);
    roles.unshift(role);
    return role;
  };
  const worker = (coordinator: Cluster, nodeId: string): Promise<Cluster> =>
    start('worker', [
      '--coordinator-address',
      coordinator.address,
      '--worker-port',
      '0',
      '--node-id',
      nodeId,
      '--catalog',
      SAMPLE_DIRECTORY,
      '--workers-on-machine=2',
    ]);

  beforeAll(async () => {
    const coordinator = await start('coordinator', [
      '--coordinator-port',
      '0',
      '--catalog',
      SAMPLE_DIRECTORY,
    ]);
    workers = await Promise.all([worker(coordinator, 'left'), worker(coordinator, 'right')]);
    const gateway = await start('gateway', [
      '--gateway-port',
      '0',
      '--coordinator-address',
      coordinator.address,
    ]);
    client = new SkeinClient(gateway.address);
  });
  afterAll(async () => {
    client[Symbol.dispose]();
    for (const role of roles) expect(await role.stop()).toBe(0);
  });

  it('form a cluster', async () => {
    expect((await client.run(COUNT, { distribution: 'always' })).rows).toEqual([['60175']]);
    const nodes = await client.nodes();
    const [coordinator, ...others] = nodes;
    expect(coordinator?.role).toBe(NodeRole.NODE_ROLE_COORDINATOR);
    expect(others.map(({ nodeId }) => nodeId).toSorted()).toEqual(['left', 'right']);
    expect(others.every(({ role }) => role === NodeRole.NODE_ROLE_WORKER)).toBe(true);
    expect(nodes.every(({ state }) => state === NodeState.NODE_STATE_ACTIVE)).toBe(true);
    expect(nodes.every((node) => node.cores > 0 && node.memoryBytes > 0n)).toBe(true);
  });

  it('are restarted by their parents', async () => {
    const [left] = workers;
    if (left === undefined) throw new Error('there is no worker');
    await killRole(left, 'worker');
    expect(left.log()).toContain('killed by SIGKILL');
    await eventually(async () => {
      const states = (await client.nodes()).map(({ state }) => state);
      return states.length === 3 && states.every((s) => s === NodeState.NODE_STATE_ACTIVE)
        ? true
        : undefined;
    }, 'the worker is back');
    await countsAgain(client);
  });
});

describe('skein serve', () => {
  let cluster: Cluster;
  let client: SkeinClient;
  beforeAll(async () => {
    cluster = await startServe({ workers: 2 });
    client = new SkeinClient(cluster.address);
  });
  afterAll(async () => {
    client[Symbol.dispose]();
    await cluster.stop();
  });

  it.each([
    ['worker', '--node-id=worker-2'],
    ['gateway', ''],
    ['coordinator', ''],
  ] as const)('restarts a killed %s, where others find it', async (role, argument) => {
    await killRole(cluster, role, argument);
    await countsAgain(client);
    expect(cluster.log()).toContain(
      `the ${role === 'worker' ? 'worker-2' : role} process ended: killed by SIGKILL`,
    );
  });

  it('gives the key of sessions to its gateway alone', () => {
    const holders = descendantsOf(cluster.process.pid ?? 0).filter(({ processId }) =>
      readFileSync(`/proc/${processId}/environ`, 'latin1').includes('SKEIN_SESSION_SECRET='),
    );
    const gateway = roleProcess(cluster.process.pid, 'gateway');
    expect(holders.map(({ processId }) => processId)).toEqual([gateway?.processId]);
  });

  it('tells from where it can be reached, and nothing else, on standard output', () => {
    expect(cluster.address).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it('ends with all of its processes at SIGTERM', async () => {
    const processes = descendantsOf(cluster.process.pid ?? 0);
    expect(processes.length).toBeGreaterThanOrEqual(5);
    expect(await cluster.stop()).toBe(0);
    for (const { processId } of processes)
      expect(() => process.kill(processId, 0)).toThrow('ESRCH');
  });

  it('takes its processes with it when it is killed', async () => {
    const other = await startServe({ workers: 1 });
    const processes = descendantsOf(other.process.pid ?? 0);
    const closed = once(other.process, 'close');
    other.process.kill('SIGKILL');
    await closed;
    const isGone = ({ processId }: { readonly processId: number }): boolean => {
      try {
        process.kill(processId, 0);
        return false;
      } catch {
        return true;
      }
    };
    await eventually(() => (processes.every(isGone) ? true : undefined), 'all processes end');
  });
});
