/**
 * As many writers as the rows need (T31): one at first, another on a node that has none when the producers have no room left
 * although every writer works and has written enough. Writers are never taken away.
 */
import { activeNodes, selectNode } from '../placement/node-selector.ts';
import { failQuery } from '../query-transitions.ts';
import type { NodeState, QuerySchedulerState } from '../scheduler-state.ts';
import { linksTo } from '../stage-link.ts';
import { addTask } from '../stage-linkage.ts';
import { needsNoInput } from '../stage-state.ts';
import type { StageState } from '../stage-state.ts';
import { completeScheduling } from '../stage-transitions.ts';
import { takesSplits } from '../task-state.ts';
import type { Turn } from '../turn.ts';
import type { StageScheduler } from './stage-scheduler.ts';

/** Share of the producers that wait for room before another writer helps. */
const OVERUTILIZED_SHARE = 0.5;

export const scaledWriter: StageScheduler = {
  schedule(turn, stage) {
    if (stage.tasks.length === 0) addFirstWriter(turn, stage);
    else if (needsWriter(turn.state, stage)) addWriter(turn, stage);
    // Whoever has given out all of its rows wants no more readers.
    const isFed = linksTo(turn.state, stage).every(({ producer }) => needsNoInput(producer.kind));
    if (isFed && stage.kind === 'scheduling') completeScheduling(turn, stage);
  },
};

function addFirstWriter(turn: Turn, stage: StageState): void {
  const host = selectNode(turn.state);
  if (host !== undefined) {
    addTask(turn, stage, host);
    return;
  }
  const message = `no worker can take a writer of stage ${stage.stageId}`;
  failQuery(turn, { code: 'NO_NODES_AVAILABLE', message }, stage);
}

function addWriter(turn: Turn, stage: StageState): void {
  const host = unusedNode(turn.state, stage);
  if (host !== undefined) addTask(turn, stage, host);
}

function unusedNode(state: QuerySchedulerState, stage: StageState): NodeState | undefined {
  return activeNodes(state).find(({ node }) =>
    stage.tasks.every(({ nodeId }) => nodeId !== node.nodeId),
  );
}

function needsWriter(state: QuerySchedulerState, stage: StageState): boolean {
  const { maxWriterTaskCount, writerScalingMinBytes } = state.options;
  const { tasks } = stage;
  if (tasks.length >= maxWriterTaskCount) return false;
  const inputBytes = tasks.reduce((sum, { stats }) => sum + stats.inputBytes, 0);
  const isStarted = tasks.every(({ kind }) => kind !== 'planned');
  return (
    isStarted &&
    inputBytes >= writerScalingMinBytes * tasks.length &&
    areProducersFull(state, stage)
  );
}

function areProducersFull(state: QuerySchedulerState, stage: StageState): boolean {
  const outputs = linksTo(state, stage).flatMap(({ producer, outputIndex }) =>
    producer.tasks
      .filter(takesSplits)
      .map(({ overutilized }) => overutilized[outputIndex] === true),
  );
  const full = outputs.filter((isFull) => isFull).length;
  return full > 0 && full >= outputs.length * OVERUTILIZED_SHARE;
}
