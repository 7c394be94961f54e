/** Who this worker is: a member of the cluster, in one of its runs. A run that was given up never comes back. */
import type { NodeId, NodeInstanceId } from '../../common/ids.ts';

export class NodeIdentity {
  readonly nodeId: NodeId;
  readonly #nextInstanceId: () => NodeInstanceId;
  #instanceId: NodeInstanceId;

  constructor(nodeId: NodeId, nextInstanceId: () => NodeInstanceId) {
    this.nodeId = nodeId;
    this.#nextInstanceId = nextInstanceId;
    this.#instanceId = nextInstanceId();
  }

  get instanceId(): NodeInstanceId {
    return this.#instanceId;
  }

  /** Begins another run: all tasks of the one before are lost to the cluster. */
  renew(): void {
    this.#instanceId = this.#nextInstanceId();
  }
}
