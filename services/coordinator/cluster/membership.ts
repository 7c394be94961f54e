/**
 * Who is in the cluster: hellos, heartbeats, broken streams and exit reports in; joined, draining and lost nodes out. Pure:
 * `onClusterEvent` changes the state it is given and returns what follows. A run of a worker, once lost or replaced by a
 * later one, never returns: the queries have given up its tasks.
 */
import { assertNever } from '../../common/assert.ts';
import type { Instant, NodeId } from '../../common/ids.ts';
import type { ClusterEffect } from './cluster-effect.ts';
import type { ClusterEvent, WorkerHello, WorkerRun } from './cluster-event.ts';
import { nodeOf } from './cluster-state.ts';
import type { ClusterState, MemberState } from './cluster-state.ts';
import { findRefusal } from './worker-admission.ts';

/** Lost runs that are remembered; a worker gives up reconnecting long before so many others are lost. */
const MAX_FENCED_RUNS = 1_000;
const NO_LOAD = { pageMemoryBytes: 0, slotMemoryBytes: 0, runningTasks: 0 };

export function onClusterEvent(
  state: ClusterState,
  event: ClusterEvent,
  now: Instant,
): readonly ClusterEffect[] {
  const effects = applyEvent(state, event, now);
  const timers = armTimer(state, now);
  return timers.length === 0 ? effects : [...effects, ...timers];
}

function applyEvent(
  state: ClusterState,
  event: ClusterEvent,
  now: Instant,
): readonly ClusterEffect[] {
  switch (event.kind) {
    case 'worker-hello':
      return onHello(state, event.hello, now);
    case 'worker-heartbeat':
      return onHeartbeat(state, event, now);
    case 'worker-disconnected':
      return onDisconnected(state, event, now);
    case 'worker-goodbye':
      return loseMember(state, findRun(state, event), 'it left the cluster');
    case 'worker-exited':
      return onExited(state, event);
    case 'drain-requested':
      return onDrainRequested(state, event.nodeId);
    case 'timer-fired':
      return loseSilentMembers(state, now);
    default:
      return assertNever(event);
  }
}

function onHello(state: ClusterState, hello: WorkerHello, now: Instant): readonly ClusterEffect[] {
  const { nodeId, nodeInstanceId } = hello;
  const error = findRefusal(state, hello);
  if (error !== undefined) return [{ kind: 'refuse-worker', nodeId, nodeInstanceId, error }];
  const known = findMember(state, nodeId);
  if (known !== undefined && known.hello.nodeInstanceId === nodeInstanceId) {
    known.connection = { kind: 'connected' };
    known.heardAt = now;
    const admitted = { kind: 'admit-worker', nodeId, nodeInstanceId, isReturning: true } as const;
    // The order to drain may have been lost with the stream.
    const drained = { kind: 'drain-worker', nodeId, nodeInstanceId } as const;
    return known.isDraining ? [admitted, drained] : [admitted];
  }
  const replaced = loseMember(state, known, 'a later run of it has joined');
  const member: MemberState = {
    hello,
    joinedAt: now,
    connection: { kind: 'connected' },
    isDraining: false,
    heardAt: now,
    load: NO_LOAD,
    exitCause: '',
  };
  state.members.push(member);
  membersById(state).set(nodeId, member);
  return [
    ...replaced,
    { kind: 'admit-worker', nodeId, nodeInstanceId, isReturning: false },
    { kind: 'publish', event: { kind: 'node-joined', node: nodeOf(hello) } },
  ];
}

function onHeartbeat(
  state: ClusterState,
  beat: Extract<ClusterEvent, { readonly kind: 'worker-heartbeat' }>,
  now: Instant,
): readonly ClusterEffect[] {
  const member = findRun(state, beat);
  if (member === undefined) return [];
  member.heardAt = now;
  member.load = beat.load;
  // It lives, so an exit that was reported before was that of an earlier run.
  member.exitCause = '';
  // It knows already that it is to leave: only the schedulers must hear of it.
  return beat.isDraining && !member.isDraining ? drainMember(member) : [];
}

function onDisconnected(
  state: ClusterState,
  run: WorkerRun,
  now: Instant,
): readonly ClusterEffect[] {
  const member = findRun(state, run);
  if (member === undefined || member.connection.kind === 'reconnecting') return [];
  if (member.exitCause !== '') return loseMember(state, member, member.exitCause);
  member.connection = { kind: 'reconnecting', since: now };
  return [];
}

/** The report names no run: it counts at once for a member whose stream is broken, else when it breaks. */
function onExited(
  state: ClusterState,
  exit: { readonly nodeId: NodeId; readonly cause: string },
): readonly ClusterEffect[] {
  const member = findMember(state, exit.nodeId);
  if (member?.connection.kind === 'reconnecting') return loseMember(state, member, exit.cause);
  if (member !== undefined) member.exitCause = exit.cause;
  return [];
}

function onDrainRequested(state: ClusterState, nodeId: NodeId): readonly ClusterEffect[] {
  const member = findMember(state, nodeId);
  if (member === undefined || member.isDraining) return [];
  return [{ kind: 'drain-worker', ...runOf(member) }, ...drainMember(member)];
}

function drainMember(member: MemberState): readonly ClusterEffect[] {
  member.isDraining = true;
  return [{ kind: 'publish', event: { kind: 'node-draining', ...runOf(member) } }];
}

function loseSilentMembers(state: ClusterState, now: Instant): readonly ClusterEffect[] {
  if (state.checkAt !== null && state.checkAt <= now) state.checkAt = null;
  const silent = state.members.filter((member) => givenUpAt(state, member) <= now);
  return silent.flatMap((member) => loseMember(state, member, silenceOf(state, member)));
}

function silenceOf(state: ClusterState, member: MemberState): string {
  if (member.exitCause !== '') return member.exitCause;
  const { reconnectGraceMs, heartbeatTimeoutMs } = state.options;
  return member.connection.kind === 'reconnecting'
    ? `its control stream broke and did not come back within ${reconnectGraceMs} ms`
    : `no heartbeat for ${heartbeatTimeoutMs} ms`;
}

function givenUpAt(state: ClusterState, member: MemberState): Instant {
  const { reconnectGraceMs, heartbeatTimeoutMs } = state.options;
  const { connection, heardAt } = member;
  const isConnected = connection.kind === 'connected';
  return (
    isConnected ? heardAt + heartbeatTimeoutMs : connection.since + reconnectGraceMs
  ) as Instant;
}

/** Arms the next check, unless an earlier one is armed already. */
function armTimer(state: ClusterState, now: Instant): readonly ClusterEffect[] {
  if (state.members.length === 0) return [];
  // Whatever has happened, nobody is given up sooner than this: a sign of life must not cost a look at every member.
  const { heartbeatTimeoutMs, reconnectGraceMs } = state.options;
  const soonest = now + Math.min(heartbeatTimeoutMs, reconnectGraceMs);
  if (state.checkAt !== null && state.checkAt <= soonest) return [];
  let earliest = Infinity;
  for (const member of state.members) earliest = Math.min(earliest, givenUpAt(state, member));
  const at = Math.max(earliest, now) as Instant;
  if (state.checkAt !== null && state.checkAt <= at) return [];
  state.checkAt = at;
  return [{ kind: 'arm-timer', at }];
}

/** Removes a member and fences its run; `undefined` loses nobody. */
function loseMember(
  state: ClusterState,
  member: MemberState | undefined,
  cause: string,
): readonly ClusterEffect[] {
  if (member === undefined) return [];
  state.members.splice(state.members.indexOf(member), 1);
  membersById(state).delete(member.hello.nodeId);
  const run = runOf(member);
  state.fencedRuns.push(run);
  if (state.fencedRuns.length > MAX_FENCED_RUNS) state.fencedRuns.shift();
  const { nodeId, nodeInstanceId } = run;
  const { address } = member.hello;
  const error = {
    code: 'NODE_LOST',
    message: `worker ${nodeId} at ${address} is lost: ${cause}`,
    details: { node_id: nodeId, node_instance_id: nodeInstanceId, address, cause },
  } as const;
  return [
    { kind: 'dismiss-worker', ...run },
    { kind: 'publish', event: { kind: 'node-lost', ...run, error } },
  ];
}

function runOf(member: MemberState): WorkerRun {
  const { nodeId, nodeInstanceId } = member.hello;
  return { nodeId, nodeInstanceId };
}

const indexes = new WeakMap<ClusterState, Map<NodeId, MemberState>>();

/** Follows from the members: a sign of life must not cost as much as there are workers. */
function membersById(state: ClusterState): Map<NodeId, MemberState> {
  let index = indexes.get(state);
  if (index === undefined) {
    index = new Map(state.members.map((member) => [member.hello.nodeId, member]));
    indexes.set(state, index);
  }
  return index;
}

function findMember(state: ClusterState, nodeId: NodeId): MemberState | undefined {
  return membersById(state).get(nodeId);
}

function findRun(state: ClusterState, run: WorkerRun): MemberState | undefined {
  const member = findMember(state, run.nodeId);
  return member?.hello.nodeInstanceId === run.nodeInstanceId ? member : undefined;
}
