/**
 * From split source to tasks, for every stage that reads files (T22, T23): ask for a batch, place it, ask for the next
 * only when nothing is pending.
 */
import { assert } from '../../../common/assert.ts';
import { keyFormOf, withoutBloom } from '../../../common/dynamic-filter/key-domain.ts';
import type { ErrorReport } from '../../../common/error.ts';
import { endFilterWait, isAwaitingFilters, knownDomains } from '../dynamic-filters.ts';
import {
  freeLanes,
  selectNode,
  splitCandidates,
  taskCandidates,
} from '../placement/node-selector.ts';
import { placeByPartition } from '../placement/partition-placement.ts';
import { placeScan, retryPlacement } from '../placement/placement-policy.ts';
import type { Lane, SplitPlacement } from '../placement/split-placement.ts';
import { adjustQueueLimit, hasRunLow } from '../placement/split-queue-limit.ts';
import { isQueryEnded } from '../query-state.ts';
import { failQuery } from '../query-transitions.ts';
import type { NodeState, ScanOfStage } from '../scheduler-state.ts';
import { addTask, hasOverfullFeeder } from '../stage-linkage.ts';
import type { ScanState, StageState } from '../stage-state.ts';
import { closeSource, moveStage } from '../stage-transitions.ts';
import { queuedLoad, takesSplits } from '../task-state.ts';
import type { TaskState } from '../task-state.ts';
import { draftNoMoreSplits, draftSplit } from '../turn.ts';
import type { Turn } from '../turn.ts';

/** Gives out what can be given out now, one scan after the other (T29). True when every scan has reached its end. */
export function feedScans(turn: Turn, stage: StageState): boolean {
  const first = stage.scans.find((scan) => !scan.isClosed && !feed(turn, stage, scan));
  if (first === undefined) return true;
  if (!isQueryEnded(turn.state.query.kind)) breakDeadlock(turn, stage);
  return false;
}

/** The same with all scans at a time. */
export function feedAllScans(turn: Turn, stage: StageState): boolean {
  for (const scan of stage.scans) if (!scan.isClosed) feed(turn, stage, scan);
  if (stage.scans.every(({ isClosed }) => isClosed)) return !isQueryEnded(turn.state.query.kind);
  if (!isQueryEnded(turn.state.query.kind)) breakDeadlock(turn, stage);
  return false;
}

function feed(turn: Turn, stage: StageState, scan: ScanState): boolean {
  if (!isSatisfied(stage)) return feedScan(turn, stage, scan);
  endScan(turn, stage, scan);
  return true;
}

/** A task reports: pending splits may find room now (T27, blocked wake). */
export function wakePlacement(turn: Turn, stage: StageState, task: TaskState): void {
  if (!stage.isPlacementBlocked && !stage.scans.some(({ locality }) => locality.isHeld)) return;
  if (!hasRunLow(task, turn.state.options.splitQueueLimits, isLimited(stage))) return;
  retryPlacement(turn, stage);
}

function feedScan(turn: Turn, stage: StageState, scan: ScanState): boolean {
  const mayPlace = !stage.isPlacementBlocked && !scan.locality.isHeld;
  if (scan.pending.length > 0 && mayPlace) placePending(turn, stage, scan);
  // Closed by now = the query failed for want of nodes.
  if (scan.isClosed || scan.isLoading || scan.pending.length > 0) return false;
  if (!scan.isExhausted) {
    if (!isAwaitingFilters(turn, stage, scan)) loadSplits(turn, stage, scan);
    return false;
  }
  if (scan.splitCount === 0 && !placeEmptySplit(turn, stage, scan)) return false;
  endScan(turn, stage, scan);
  return true;
}

/** Asks for the next batch, less what the filters that are complete by now rule out. */
export function loadSplits(turn: Turn, stage: StageState, scan: ScanState): void {
  scan.isLoading = true;
  const { sourceId, batch } = scan;
  const maxCount = turn.state.options.splitBatchSize;
  const filters = knownDomains(turn.state, stage, scan).map(({ column, index, domain }) => ({
    index,
    form: keyFormOf(column.type),
    domain: withoutBloom(domain),
    keepsNulls: column.keepsNulls,
  }));
  turn.effects.push({
    kind: 'load-splits',
    sourceId,
    batch,
    maxCount,
    ...(filters.length === 0 ? {} : { filters }),
  });
}

/** The source is closed, and the tasks hear that no more comes. */
function endScan(turn: Turn, stage: StageState, scan: ScanState): void {
  closeSource(turn, scan);
  for (const task of stage.tasks) {
    draftNoMoreSplits(turn, { stage, task, sourceId: scan.sourceId });
  }
}

function placePending(turn: Turn, stage: StageState, scan: ScanState): void {
  if (stage.fragment.partitioning.kind === 'fixed-source') placeByTask(turn, stage, scan);
  else placeByLoad(turn, stage, scan);
}

/** Each split to the task of its partition (T28). */
function placeByTask(turn: Turn, stage: StageState, scan: ScanState): void {
  const homeless = scan.pending.find(
    ({ partition }) => stage.partitions[partition ?? -1] === undefined,
  );
  if (homeless !== undefined) {
    const message = `a split of ${homeless.path} belongs to no task of stage ${stage.stageId}`;
    failQuery(turn, { code: 'INTERNAL_ERROR', message }, stage);
    return;
  }
  const { splitQueueLimits, standardSplitBytes } = turn.state.options;
  const { lanes, nodeWeights } = taskCandidates(turn.state, stage);
  const laneOfTask = new Map(lanes.map(({ task }, index) => [task, index]));
  const placement = placeByPartition({
    splits: scan.pending,
    lanes,
    nodeWeights,
    laneOfPartition: stage.partitions.map(
      ({ attempts }) => laneOfTask.get(attempts.at(-1) ?? -1) ?? -1,
    ),
    limits: splitQueueLimits,
    isLimited: isLimited(stage),
    standardSplitBytes,
  });
  for (const { split, weight, lane } of placement.placed) {
    const task = laneTask(stage, lanes[lane]);
    assert(task !== undefined, 'every partition has a task');
    draftSplit(turn, { stage, task, sourceId: scan.sourceId }, { weight, input: split });
  }
  notePlacement(turn, { stage, scan }, placement);
}

function placeByLoad(turn: Turn, stage: StageState, scan: ScanState): void {
  const { options } = turn.state;
  if (options.splitPlacement === 'uniform') {
    for (const task of stage.tasks) adjustQueueLimit(task, options.splitQueueLimits, turn.now);
  }
  const candidates = splitCandidates(turn.state, stage, mayAddTasks(stage));
  const { lanes, hosts } = candidates;
  if (lanes.length === 0) {
    failQuery(turn, noNodesAvailable(stage), stage);
    return;
  }
  const placement = placeScan(turn, scan, { candidates, isLimited: isLimited(stage) });
  const tasks = new Map<number, TaskState>();
  for (const { split, weight, lane } of placement.placed) {
    const task =
      tasks.get(lane) ?? taskOfLane(turn, stage, { lane: lanes[lane], host: hosts.get(lane) });
    tasks.set(lane, task);
    draftSplit(turn, { stage, task, sourceId: scan.sourceId }, { weight, input: split });
  }
  notePlacement(turn, { stage, scan }, placement);
}

function notePlacement(
  { state }: Turn,
  { stage, scan }: ScanOfStage,
  { placed, waiting, heldCount }: SplitPlacement,
): void {
  scan.splitCount += placed.length;
  if (state.options.retryPolicy === 'region') scan.placed.push(...placed.map(({ split }) => split));
  scan.pending = [...waiting];
  stage.isPlacementBlocked ||= waiting.length > heldCount;
  scan.locality.isHeld = heldCount > 0;
  if (stage.isPlacementBlocked) markFullQueues(stage);
}

function taskOfLane(
  turn: Turn,
  stage: StageState,
  place: { readonly lane: Lane | undefined; readonly host: NodeState | undefined },
): TaskState {
  if (place.host !== undefined) return addTask(turn, stage, place.host);
  const task = laneTask(stage, place.lane);
  assert(task !== undefined, 'a lane has a task or a host for a new one');
  return task;
}

function laneTask(stage: StageState, lane: Lane | undefined): TaskState | undefined {
  return lane === undefined || lane.task === 'new' ? undefined : stage.tasks[lane.task];
}

/** A source without splits still gets a task, so that count(*) over nothing answers 0 (T23). False: the query failed. */
function placeEmptySplit(turn: Turn, stage: StageState, scan: ScanState): boolean {
  let task = stage.tasks.find(takesSplits);
  if (task === undefined && mayAddTasks(stage)) {
    const host = selectNode(turn.state);
    if (host === undefined) {
      failQuery(turn, noNodesAvailable(stage), stage);
      return false;
    }
    task = addTask(turn, stage, host);
  }
  if (task === undefined) return true;
  draftSplit(
    turn,
    { stage, task, sourceId: scan.sourceId },
    { weight: 0, input: { kind: 'empty' } },
  );
  return true;
}

/**
 * A broadcast or arbitrary producer that is full while it still waits for readers, and a stage that waits for it before it
 * creates more of them, would wait for each other forever: all lanes get their task now and later nodes none, and no scan of
 * the stage waits for a filter any longer (T25).
 */
function breakDeadlock(turn: Turn, stage: StageState): void {
  if (stage.kind !== 'scheduling' || !hasOverfullFeeder(turn.state, stage)) return;
  for (const scan of stage.scans) endFilterWait(turn, stage, scan);
  const hosts = freeLanes(turn.state, stage);
  // Without any task there is nobody to read, and nobody for the splits that still come.
  if (stage.tasks.length + hosts.length === 0) return;
  for (const host of hosts) addTask(turn, stage, host);
  moveStage(turn, stage, 'scheduling-splits');
}

/** A row-limited fragment has enough rows, or a task of it says so by ending: the rest need not be read. */
export function isSatisfied(stage: StageState): boolean {
  const { rowLimit } = stage.fragment;
  if (rowLimit === undefined) return false;
  return stage.outputRows >= rowLimit || stage.taskCounts.flushing + stage.taskCounts.finished > 0;
}

function mayAddTasks(stage: StageState): boolean {
  return stage.kind === 'scheduling';
}

/** A task that runs one statement over all of its input cannot drain its queue before the queue is complete. */
function isLimited(stage: StageState): boolean {
  return stage.fragment.inputMode === 'incremental';
}

function markFullQueues(stage: StageState): void {
  for (const task of stage.tasks) {
    if (queuedLoad(task) >= task.queueLimit.weight) task.queueLimit.wasFull = true;
  }
}

function noNodesAvailable(stage: StageState): ErrorReport {
  return {
    code: 'NO_NODES_AVAILABLE',
    message: `no worker can take a task of stage ${stage.stageId}`,
  };
}
