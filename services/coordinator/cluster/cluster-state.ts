/**
 * The members of the cluster as plain data.
 *
 *   hello ─▶ connected ─▶ reconnecting ─▶ lost (removed, its run fenced for good)
 *                ▲             │
 *                └── hello ────┘          also connected ─▶ lost: silence, goodbye, exit, a later run
 */
import type { Instant } from '../../common/ids.ts';
import type { SchedulerNode } from '../scheduler/scheduler-event.ts';
import type { WorkerHello, WorkerLoad, WorkerRun } from './cluster-event.ts';

export interface ClusterOptions {
  readonly protocolVersion: number;
  /** A worker silent for so long is lost. */
  readonly heartbeatTimeoutMs: number;
  /** A worker whose control stream broke and did not come back for so long is lost. */
  readonly reconnectGraceMs: number;
}

export type Connection =
  { readonly kind: 'connected' } | { readonly kind: 'reconnecting'; readonly since: Instant };

export interface MemberState {
  readonly hello: WorkerHello;
  readonly joinedAt: Instant;
  connection: Connection;
  isDraining: boolean;
  heardAt: Instant;
  load: WorkerLoad;
  /** A supervisor's report that came while the stream still seemed to live; '' = none. */
  exitCause: string;
}

export interface ClusterState {
  readonly options: ClusterOptions;
  readonly members: MemberState[];
  /** Runs that were lost or replaced, oldest first: they must start anew. */
  readonly fencedRuns: WorkerRun[];
  /** The earliest armed timer. */
  checkAt: Instant | null;
}

export interface MemberDescription {
  readonly node: SchedulerNode;
  readonly state: 'active' | 'draining' | 'reconnecting';
  readonly version: string;
  readonly memoryBytes: number;
  readonly load: WorkerLoad;
  readonly joinedAt: Instant;
  readonly heardAt: Instant;
}

export function createCluster(options: ClusterOptions): ClusterState {
  return { options, members: [], fencedRuns: [], checkAt: null };
}

/** Workers that new queries may use. */
export function activeNodes(state: ClusterState): readonly SchedulerNode[] {
  return state.members
    .filter((member) => stateOf(member) === 'active')
    .map((member) => nodeOf(member.hello));
}

export function describeMembers(state: ClusterState): readonly MemberDescription[] {
  return state.members.map((member) => ({
    node: nodeOf(member.hello),
    state: stateOf(member),
    version: member.hello.version,
    memoryBytes: member.hello.memoryBytes,
    load: member.load,
    joinedAt: member.joinedAt,
    heardAt: member.heardAt,
  }));
}

export function nodeOf(hello: WorkerHello): SchedulerNode {
  const { nodeId, nodeInstanceId, address, taskConcurrency, cores } = hello;
  const { memoryBytes, labels, location } = hello;
  return {
    nodeId,
    nodeInstanceId,
    address,
    taskConcurrency,
    cores,
    memoryBytes,
    ...(labels.length === 0 ? {} : { labels }),
    ...(location.length === 0 ? {} : { location }),
  };
}

function stateOf(member: MemberState): MemberDescription['state'] {
  if (member.connection.kind === 'reconnecting') return 'reconnecting';
  return member.isDraining ? 'draining' : 'active';
}
