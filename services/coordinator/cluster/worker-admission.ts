/**
 * Who may join. All workers of a cluster speak the same protocol, run the same DuckDB and hash alike: otherwise
 * rows of one key would land on two nodes. The first member sets what the others must equal.
 */
import type { ErrorReport } from '../../common/error.ts';
import { COORDINATOR_NODE_ID } from '../../common/system/coordinator-location.ts';
import type { WorkerHello } from './cluster-event.ts';
import type { ClusterState } from './cluster-state.ts';

/** Why this worker may not join (NODE_REFUSED), or `undefined`. */
export function findRefusal(state: ClusterState, hello: WorkerHello): ErrorReport | undefined {
  const { protocolVersion } = state.options;
  if (hello.protocolVersion !== protocolVersion) {
    return refuse(
      hello,
      'protocol',
      `speaks protocol ${hello.protocolVersion}, not ${protocolVersion}`,
    );
  }
  const isFenced = state.fencedRuns.some(
    (run) => run.nodeId === hello.nodeId && run.nodeInstanceId === hello.nodeInstanceId,
  );
  if (isFenced)
    return refuse(hello, 'fenced', 'was lost or replaced in this run and must start anew');
  if (hello.taskConcurrency < 1 || hello.cores < 1) {
    return refuse(
      hello,
      'capacity',
      `offers ${hello.cores} cores and ${hello.taskConcurrency} tasks`,
    );
  }
  if (hello.nodeId === COORDINATOR_NODE_ID)
    return refuse(hello, 'name', 'has the name of another role');
  const other = state.members.find((member) => member.hello.nodeId !== hello.nodeId)?.hello;
  if (other === undefined) return undefined;
  if (hello.duckdbVersion !== other.duckdbVersion) {
    const theirs = `the cluster ${other.duckdbVersion}`;
    return refuse(hello, 'duckdb-version', `runs DuckDB ${hello.duckdbVersion}, ${theirs}`);
  }
  if (hello.hashFingerprint !== other.hashFingerprint) {
    const theirs = `the cluster's is ${other.hashFingerprint}`;
    return refuse(
      hello,
      'hash-fingerprint',
      `has hash fingerprint ${hello.hashFingerprint}, ${theirs}`,
    );
  }
  return undefined;
}

/** `reason` in the details is for programs: a worker that is `fenced` may try again as a new run. */
function refuse(hello: WorkerHello, reason: string, what: string): ErrorReport {
  return {
    code: 'NODE_REFUSED',
    message: `worker ${hello.nodeId} ${what}`,
    details: { node_id: hello.nodeId, reason },
  };
}
