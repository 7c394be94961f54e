import { describe, expect, it } from 'vitest';
import type { Instant, NodeId, NodeInstanceId } from '../../../../services/common/ids.ts';
import type { ClusterEffect } from '../../../../services/coordinator/cluster/cluster-effect.ts';
import type {
  ClusterEvent,
  WorkerHello,
} from '../../../../services/coordinator/cluster/cluster-event.ts';
import {
  activeNodes,
  createCluster,
  describeMembers,
} from '../../../../services/coordinator/cluster/cluster-state.ts';
import { onClusterEvent } from '../../../../services/coordinator/cluster/membership.ts';

const OPTIONS = { protocolVersion: 1, heartbeatTimeoutMs: 2_000, reconnectGraceMs: 500 };
const LOAD = { pageMemoryBytes: 1, slotMemoryBytes: 2, runningTasks: 3 };
const BEAT = { load: LOAD, isDraining: false };

function aHello(name: string, run = 1, changes: Partial<WorkerHello> = {}): WorkerHello {
  return {
    protocolVersion: 1,
    nodeId: name as NodeId,
    nodeInstanceId: `${name}-run-${run}` as NodeInstanceId,
    address: `${name}:7442`,
    version: '0.1.0',
    duckdbVersion: 'v1.5.5',
    hashFingerprint: 'abc',
    labels: [],
    location: [],
    cores: 4,
    taskConcurrency: 4,
    memoryBytes: 1 << 30,
    ...changes,
  };
}

const runOf = (name: string, run = 1) => {
  const { nodeId, nodeInstanceId } = aHello(name, run);
  return { nodeId, nodeInstanceId };
};

class ClusterDriver {
  readonly state = createCluster(OPTIONS);
  now = 10_000;

  send(event: ClusterEvent): readonly ClusterEffect[] {
    return onClusterEvent(this.state, event, this.now as Instant);
  }

  join(name: string, run = 1, changes: Partial<WorkerHello> = {}): readonly ClusterEffect[] {
    return this.send({ kind: 'worker-hello', hello: aHello(name, run, changes) });
  }

  /** Time passes and the timer fires. */
  pass(durationMs: number): readonly ClusterEffect[] {
    this.now += durationMs;
    return this.send({ kind: 'timer-fired' });
  }
}

function joined(...names: readonly string[]): ClusterDriver {
  const driver = new ClusterDriver();
  for (const name of names) driver.join(name);
  return driver;
}

/** The events that the schedulers hear, in short. */
function published(effects: readonly ClusterEffect[]): readonly string[] {
  return effects.flatMap((effect) => {
    if (effect.kind !== 'publish') return [];
    const { event } = effect;
    return event.kind === 'node-lost' ? `lost: ${event.error.message}` : event.kind;
  });
}

const kinds = (effects: readonly ClusterEffect[]) => effects.map((effect) => effect.kind);

describe('joining', () => {
  it('admits a worker, tells the schedulers, arms its heartbeat timeout', () => {
    const effects = joined().join('a');
    expect(kinds(effects)).toEqual(['admit-worker', 'publish', 'arm-timer']);
    expect(effects.at(-1)).toEqual({ kind: 'arm-timer', at: 12_000 });
  });

  it('offers connected, undrained workers to new queries', () => {
    const driver = joined('a', 'b', 'c');
    driver.send({ kind: 'drain-requested', nodeId: 'b' as NodeId });
    driver.send({ kind: 'worker-disconnected', ...runOf('c') });
    expect(activeNodes(driver.state).map((node) => node.nodeId)).toEqual(['a']);
    expect(describeMembers(driver.state).map((member) => member.state)).toEqual([
      'active',
      'draining',
      'reconnecting',
    ]);
  });

  it('tells what a worker is, has and may use', () => {
    const driver = joined();
    driver.join('plain');
    driver.join('known', 1, { memoryBytes: 7, labels: ['ssd'], location: ['eu', 'rack-1'] });
    const [plain, known] = activeNodes(driver.state);
    expect(known).toMatchObject({ memoryBytes: 7, labels: ['ssd'], location: ['eu', 'rack-1'] });
    expect(plain).not.toHaveProperty('labels');
    expect(plain).not.toHaveProperty('location');
  });

  it('welcomes the same run back without telling the schedulers', () => {
    const driver = joined('a');
    driver.send({ kind: 'worker-disconnected', ...runOf('a') });
    driver.now += 100;
    expect(driver.join('a')).toEqual([{ kind: 'admit-worker', ...runOf('a'), isReturning: true }]);
    expect(published(driver.pass(600))).toEqual([]);
  });

  it('replaces an earlier run by a later one: lost first, then joined', () => {
    const driver = joined('a');
    expect(published(driver.join('a', 2))).toEqual([
      'lost: worker a at a:7442 is lost: a later run of it has joined',
      'node-joined',
    ]);
  });
});

describe('draining', () => {
  it('orders the worker and tells the schedulers, once', () => {
    const driver = joined('a');
    expect(kinds(driver.send({ kind: 'drain-requested', nodeId: 'a' as NodeId }))).toEqual([
      'drain-worker',
      'publish',
    ]);
    expect(driver.send({ kind: 'drain-requested', nodeId: 'a' as NodeId })).toEqual([]);
    expect(driver.send({ kind: 'drain-requested', nodeId: 'x' as NodeId })).toEqual([]);
  });

  it('believes a worker that says it is about to leave, once', () => {
    const driver = joined('a', 'b');
    const leaving = { kind: 'worker-heartbeat', ...runOf('a'), ...BEAT, isDraining: true } as const;
    expect(published(driver.send(leaving))).toEqual(['node-draining']);
    expect(activeNodes(driver.state).map((node) => node.nodeId)).toEqual(['b']);
    expect(driver.send(leaving)).toEqual([]);
  });

  it('repeats the order to a draining worker that returns', () => {
    const driver = joined('a');
    driver.send({ kind: 'drain-requested', nodeId: 'a' as NodeId });
    driver.send({ kind: 'worker-disconnected', ...runOf('a') });
    expect(kinds(driver.join('a'))).toEqual(['admit-worker', 'drain-worker']);
  });
});

describe('losing a worker', () => {
  it('gives up one that is silent for heartbeat_timeout', () => {
    const driver = joined('a', 'b');
    driver.now += 1_500;
    driver.send({ kind: 'worker-heartbeat', ...runOf('b'), ...BEAT });
    const effects = driver.pass(500);
    expect(published(effects)).toEqual([
      'lost: worker a at a:7442 is lost: no heartbeat for 2000 ms',
    ]);
    expect(effects).toContainEqual({ kind: 'dismiss-worker', ...runOf('a') });
    expect(effects.at(-1)).toEqual({ kind: 'arm-timer', at: 13_500 });
    expect(describeMembers(driver.state)).toMatchObject([{ node: { nodeId: 'b' }, load: LOAD }]);
  });

  it('gives up one whose stream stays broken, sooner', () => {
    const driver = joined('a');
    const effects = driver.send({ kind: 'worker-disconnected', ...runOf('a') });
    expect(effects).toEqual([{ kind: 'arm-timer', at: 10_500 }]);
    expect(published(driver.pass(499))).toEqual([]);
    expect(published(driver.pass(1))).toEqual([
      'lost: worker a at a:7442 is lost: its control stream broke and did not come back within 500 ms',
    ]);
  });

  it('names the cause that its supervisor reports, before or after the stream broke', () => {
    const exited = {
      kind: 'worker-exited',
      nodeId: 'a' as NodeId,
      cause: 'killed by SIGKILL',
    } as const;
    const disconnected = { kind: 'worker-disconnected', ...runOf('a') } as const;
    for (const order of [
      [exited, disconnected],
      [disconnected, exited],
    ]) {
      const driver = joined('a');
      const effects = order.flatMap((event) => driver.send(event));
      expect(published(effects)).toEqual(['lost: worker a at a:7442 is lost: killed by SIGKILL']);
      const lost = effects.find((effect) => effect.kind === 'publish');
      expect(lost).toMatchObject({
        event: {
          ...runOf('a'),
          error: {
            code: 'NODE_LOST',
            details: { node_id: 'a', address: 'a:7442', cause: 'killed by SIGKILL' },
          },
        },
      });
    }
  });

  it('does not blame a later run for the exit of an earlier one', () => {
    const driver = joined('a');
    driver.join('a', 2);
    driver.send({ kind: 'worker-exited', nodeId: 'a' as NodeId, cause: 'killed by SIGKILL' });
    driver.send({ kind: 'worker-heartbeat', ...runOf('a', 2), ...BEAT });
    expect(published(driver.send({ kind: 'worker-disconnected', ...runOf('a', 2) }))).toEqual([]);
  });

  it('believes a goodbye at once', () => {
    const driver = joined('a');
    expect(published(driver.send({ kind: 'worker-goodbye', ...runOf('a') }))).toEqual([
      'lost: worker a at a:7442 is lost: it left the cluster',
    ]);
  });

  it('ignores what is said of a run that is not a member', () => {
    const driver = joined('a');
    const stranger = runOf('a', 7);
    expect(driver.send({ kind: 'worker-disconnected', ...stranger })).toEqual([]);
    expect(driver.send({ kind: 'worker-goodbye', ...stranger })).toEqual([]);
    driver.now += 2_000;
    expect(driver.send({ kind: 'worker-heartbeat', ...stranger, ...BEAT })).toEqual([]);
    expect(published(driver.pass(0))).toHaveLength(1);
  });

  it('never takes a lost run back', () => {
    const driver = joined('a');
    driver.pass(2_000);
    expect(driver.join('a')).toMatchObject([
      { kind: 'refuse-worker', error: { code: 'NODE_REFUSED', details: { reason: 'fenced' } } },
    ]);
    expect(published(driver.join('a', 2))).toEqual(['node-joined']);
  });
});

describe('admission', () => {
  it('refuses a worker with the name of the coordinator', () => {
    const [refusal] = joined('a').join('coordinator');
    expect(refusal).toMatchObject({
      kind: 'refuse-worker',
      error: { code: 'NODE_REFUSED', details: { reason: 'name' } },
    });
  });

  const refusals: Record<string, Partial<WorkerHello>> = {
    protocol: { protocolVersion: 2 },
    'duckdb-version': { duckdbVersion: 'v1.6.0' },
    'hash-fingerprint': { hashFingerprint: 'xyz' },
    capacity: { taskConcurrency: 0 },
  };

  it.each(Object.entries(refusals))('refuses another %s, naming both values', (reason, changes) => {
    const driver = joined('a');
    const [refusal] = driver.join('b', 1, changes);
    expect(refusal).toMatchObject({
      kind: 'refuse-worker',
      error: { code: 'NODE_REFUSED', details: { node_id: 'b', reason } },
    });
    expect(describeMembers(driver.state)).toHaveLength(1);
  });

  it('lets the first member set what the others must equal', () => {
    const driver = joined();
    expect(published(driver.join('a', 1, { duckdbVersion: 'v1.6.0' }))).toEqual(['node-joined']);
    expect(published(driver.join('a', 2, { duckdbVersion: 'v1.5.5' }))).toContain('node-joined');
  });
});

describe('the state', () => {
  it('is JSON-safe', () => {
    const driver = joined('a', 'b');
    driver.send({ kind: 'worker-disconnected', ...runOf('a') });
    driver.pass(500);
    expect(JSON.parse(JSON.stringify(driver.state))).toEqual(driver.state);
  });
});
