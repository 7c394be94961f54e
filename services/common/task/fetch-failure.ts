/**
 * What a failed task says of the output that it could not read (R19): whose it was and where, as details of its error, so
 * that the scheduler knows what is lost without reading messages.
 */
import { ERROR_POLICIES, type ErrorCode, type ErrorReport } from '../error.ts';
import type { NodeId, NodeInstanceId, TaskId } from '../ids.ts';
import { formatTaskId, parseNodeId, parseTaskId } from '../ids.ts';
import type { OutputLocation } from '../plan/split.ts';

/** The producer whose output could not be read. */
export type LostOutput = Pick<OutputLocation, 'taskId' | 'nodeId' | 'nodeInstanceId'>;

/** The details that a reader adds to the failure of a fetch. */
export function producerDetails({
  taskId,
  nodeId,
  nodeInstanceId,
}: LostOutput): Readonly<Record<string, string>> {
  return {
    producer_task_id: formatTaskId(taskId),
    producer_node_id: nodeId,
    producer_node_instance_id: nodeInstanceId,
  };
}

/**
 * The output that the failed task found lost, out of reach or damaged; `undefined` when it failed otherwise. An output
 * that refuses its reader, or whose task failed, is not lost.
 */
export function lostOutputOf({ code, details }: ErrorReport): LostOutput | undefined {
  if (!meansLoss(code)) return undefined;
  const taskId: TaskId | undefined = parseTaskId(details?.['producer_task_id'] ?? '');
  const nodeId: NodeId | undefined = parseNodeId(details?.['producer_node_id'] ?? '');
  const nodeInstanceId = details?.['producer_node_instance_id'];
  if (taskId === undefined || nodeId === undefined || nodeInstanceId === undefined)
    return undefined;
  return { taskId, nodeId, nodeInstanceId: nodeInstanceId as NodeInstanceId };
}

/** A worker that does not know the task, or is another run, has lost it. */
function meansLoss(code: ErrorCode): boolean {
  if (code === 'TASK_NOT_FOUND' || code === 'TASK_MISMATCH') return true;
  return ERROR_POLICIES[code].retry === 'producer-stage';
}
