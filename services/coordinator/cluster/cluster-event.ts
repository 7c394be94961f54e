/** What the coordinator hears of its workers, as facts. */
import type { NodeId, NodeInstanceId } from '../../common/ids.ts';

/** A worker introduces itself, at the start of every control stream. */
export interface WorkerHello {
  readonly protocolVersion: number;
  readonly nodeId: NodeId;
  readonly nodeInstanceId: NodeInstanceId;
  /** host:port of its ExchangeService. */
  readonly address: string;
  readonly version: string;
  readonly duckdbVersion: string;
  /** Of DuckDB's hash() over all types. */
  readonly hashFingerprint: string;
  readonly cores: number;
  readonly taskConcurrency: number;
  readonly memoryBytes: number;
  /** What it is or has. */
  readonly labels: readonly string[];
  /** Where it is, from the widest segment to the narrowest; empty = not known. */
  readonly location: readonly string[];
}

export interface WorkerLoad {
  readonly pageMemoryBytes: number;
  readonly slotMemoryBytes: number;
  readonly runningTasks: number;
}

/** One run of a worker's process. */
export interface WorkerRun {
  readonly nodeId: NodeId;
  readonly nodeInstanceId: NodeInstanceId;
}

export type ClusterEvent =
  | { readonly kind: 'worker-hello'; readonly hello: WorkerHello }
  /** `isDraining`: it is about to leave and takes no new tasks. */
  | ({
      readonly kind: 'worker-heartbeat';
      readonly load: WorkerLoad;
      readonly isDraining: boolean;
    } & WorkerRun)
  /** Its control stream broke; it may come back. */
  | ({ readonly kind: 'worker-disconnected' } & WorkerRun)
  /** It leaves in order. */
  | ({ readonly kind: 'worker-goodbye' } & WorkerRun)
  /** Its supervisor saw the process end; `cause` is for people ("killed by SIGKILL"). Does not name the run. */
  | { readonly kind: 'worker-exited'; readonly nodeId: NodeId; readonly cause: string }
  /** An operator wants it to take no new tasks. */
  | { readonly kind: 'drain-requested'; readonly nodeId: NodeId }
  | { readonly kind: 'timer-fired' };
