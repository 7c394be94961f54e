/** Where the coordinator serves rows of its own: to the task that reads them, one buffer for each of its sources. */
import type { NodeId, NodeInstanceId, OutputBufferId, SourceId, TaskId } from '../ids.ts';
import type { OutputLocation } from '../plan/split.ts';

/** No worker is called so. */
export const COORDINATOR_NODE_ID = 'coordinator' as NodeId;

/** The reader knows the address: it is the coordinator that it has dialled. */
export function coordinatorLocation(taskId: TaskId, sourceId: SourceId): OutputLocation {
  return {
    taskId,
    nodeId: COORDINATOR_NODE_ID,
    nodeInstanceId: COORDINATOR_NODE_ID as string as NodeInstanceId,
    address: COORDINATOR_NODE_ID,
    outputIndex: 0,
    bufferId: sourceId as number as OutputBufferId,
  };
}
