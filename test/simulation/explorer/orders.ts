/** What the kernel orders reaches workers at once: when it does, nobody can tell before a status arrives. Orders keep the laws. */
import type { PlanFragment } from '../../../services/common/plan/plan-fragment.ts';
import type { Split } from '../../../services/common/plan/split.ts';
import type { OutputBuffers } from '../../../services/common/task/output-buffers.ts';
import {
  createQueryScheduler,
  onEvent,
} from '../../../services/coordinator/scheduler/query-scheduler.ts';
import type { SchedulerEffect } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../../services/coordinator/scheduler/scheduler-event.ts';
import { QUERY_ID } from '../../support/scheduler-driver.ts';
import type { EffectOf } from '../../support/scheduler-driver.ts';
import { isDead, keyOf, LawBroken, NOW, report, taskOf } from './world.ts';
import type { Configuration, KnownSource, KnownTask, World } from './world.ts';

/** The world after the query's first orders. */
export function beginWorld(configuration: Configuration): World {
  const { fragments, nodes, options, faults } = configuration;
  const init = { queryId: QUERY_ID, fragments, nodes, deadline: NOW, options };
  const { state, effects } = createQueryScheduler(init, NOW);
  const world: World = {
    kernel: state,
    tasks: [],
    loads: [],
    positions: {},
    timers: [],
    statuses: [],
    arrived: [],
    dead: [],
    faults: [...faults],
    unheard: [],
    announced: [],
    hasAllResults: false,
    isCommitted: true,
    taken: [],
    isReleased: false,
    released: [],
    lost: [],
    placed: [],
    closed: [],
    end: null,
  };
  for (const effect of effects) carryOut(world, effect);
  return world;
}

/** One turn of the kernel. */
export function tell(world: World, event: SchedulerEvent): readonly SchedulerEffect[] {
  const hasEnded = world.end !== null;
  const effects = onEvent(world.kernel, event, NOW);
  const [first] = effects;
  if (hasEnded && first !== undefined) throw new LawBroken(`${first.kind} after the end (I1)`);
  for (const effect of effects) carryOut(world, effect);
  return effects;
}

function carryOut(world: World, effect: SchedulerEffect): void {
  if (world.end !== null) throw new LawBroken(`${effect.kind} after the end (I1)`);
  switch (effect.kind) {
    case 'update-task':
      return updateTask(world, effect);
    case 'stop-task':
      return stopTask(world, effect);
    case 'load-splits':
      return askForSplits(world, effect);
    case 'rewind-split-source':
      world.loads.forEach((load, index) => {
        if (load.sourceId === effect.sourceId) world.loads[index] = { ...load, isOld: true };
      });
      world.positions[effect.sourceId] = 0;
      return undefined;
    case 'change-result':
      return changeResult(world, effect);
    case 'release-output':
      return releaseOutput(world, effect);
    case 'close-split-source':
      addOnce(world.closed, effect.sourceId, 'source closed twice (I4)');
      return undefined;
    case 'add-result-locations':
      return addResults(world, effect);
    case 'arm-timer':
      // The deadline is no event of a query that is on its way.
      if (effect.timer.kind !== 'query-deadline') world.timers.push(effect.timer);
      return undefined;
    case 'finish-query':
      world.end = 'finished';
      return undefined;
    case 'fail-query':
      world.end = effect.error.code;
      return undefined;
    default:
      return undefined;
  }
}

function askForSplits(world: World, { sourceId, batch }: EffectOf<'load-splits'>): void {
  if (world.closed.includes(sourceId)) throw new LawBroken('a closed source is read');
  if (world.loads.some((load) => load.sourceId === sourceId && !load.isOld)) {
    throw new LawBroken(`source ${sourceId} is asked twice at a time (I12)`);
  }
  world.loads.push({ sourceId, batch, isOld: false });
}

/** Of an attempt that is given up, nothing was shown and nothing counts (T8, T9). */
function changeResult(world: World, { commitment }: EffectOf<'change-result'>): void {
  if (commitment === 'withheld') {
    if (world.taken.length > 0) throw new LawBroken('rows that were shown are given up (I39)');
    world.announced.length = 0;
    world.hasAllResults = false;
  }
  world.isCommitted = commitment === 'committed';
}

function releaseOutput(world: World, { taskId, nodeInstanceId }: EffectOf<'release-output'>): void {
  const key = keyOf(taskId);
  addOnce(world.released, key, 'released twice (I42)');
  const isKept = taskOf(world, key).outputs.some(({ retention }) => retention === 'spooled');
  if (!isKept && world.dead.some(({ node, isTold }) => isTold && node === nodeInstanceId))
    throw new LawBroken(`${key} is released on a lost run (I42)`);
}

function updateTask(world: World, order: EffectOf<'update-task'>): void {
  const key = keyOf(order.taskId);
  if (world.dead.some(({ node, isTold }) => isTold && node === order.nodeInstanceId)) {
    throw new LawBroken(`task ${key} is ordered on a lost node (I21)`);
  }
  if (order.fragment !== undefined) createTask(world, order, order.fragment);
  const task = taskOf(world, key);
  if (task.node !== order.nodeInstanceId) throw new LawBroken(`task ${key} moved`);
  if (order.outputBuffers.length > 0) declare(task, order.outputBuffers);
  for (const { sourceId, splits, noMoreSplits } of order.splitAssignments) {
    const source = task.sources.find((each) => each.sourceId === sourceId);
    if (source === undefined) throw new LawBroken(`task ${key} has no source ${sourceId}`);
    if (source.hasEnded) throw new LawBroken(`task ${key} hears of ${sourceId} after its end`);
    for (const split of splits) receive(world, { task, source, split });
    source.hasEnded ||= noMoreSplits;
  }
  if (task.state === 'running' && !isDead(world, task.node)) report(world, task);
}

function createTask(world: World, order: EffectOf<'update-task'>, fragment: PlanFragment): void {
  const { taskId, nodeInstanceId, nodeId } = order;
  const key = keyOf(taskId);
  if (world.tasks.some((each) => each.key === key)) throw new LawBroken(`${key} created twice`);
  const source = ({ sourceId }: { readonly sourceId: number }): KnownSource => ({
    sourceId,
    nextSequenceId: 0,
    rows: [],
    remotes: [],
    hasEnded: false,
  });
  world.tasks.push({
    key,
    taskId,
    node: nodeInstanceId,
    nodeId,
    state: 'running',
    sources: [...fragment.scans, ...fragment.remoteSources].map(source),
    outputs: [],
    rows: [],
    read: [],
    version: 0,
    failure: null,
  });
}

function declare(task: KnownTask, outputs: readonly OutputBuffers[]): void {
  outputs.forEach((now, index) => {
    const before = task.outputs[index];
    if (before === undefined) return;
    const isSame = JSON.stringify(now) === JSON.stringify(before);
    if (!isSame && now.version <= before.version) throw new LawBroken(`${task.key}: old version`);
    if (before.noMoreBufferIds && now.bufferIds.length !== before.bufferIds.length) {
      throw new LawBroken(`${task.key}: buffers after the last (I25)`);
    }
  });
  task.outputs = outputs;
}

function receive(
  world: World,
  given: { readonly task: KnownTask; readonly source: KnownSource; readonly split: Split },
): void {
  const { task, source, split } = given;
  if (split.sequenceId !== source.nextSequenceId) {
    throw new LawBroken(`${task.key} gets split ${split.sequenceId}, not ${source.nextSequenceId}`);
  }
  source.nextSequenceId += 1;
  const { input } = split;
  if (input.kind === 'file') {
    addOnce(
      world.placed,
      `${source.sourceId}:${input.firstRow}@${task.taskId.attempt}`,
      'split placed twice (I13)',
    );
    source.rows.push(source.sourceId * 100 + input.firstRow);
  } else if (input.kind === 'remote') {
    const { taskId, outputIndex, bufferId } = input.location;
    const buffer = `${keyOf(taskId)}/${outputIndex}/${bufferId}`;
    addOnce(source.remotes, buffer, 'pair joined twice (I23)');
  }
}

function stopTask(world: World, { taskId, stop }: EffectOf<'stop-task'>): void {
  const task = taskOf(world, keyOf(taskId));
  if (task.state !== 'running' && task.state !== 'flushing') return;
  task.state = stop === 'cancel' ? 'canceled' : 'aborted';
  report(world, task);
}

function addResults(world: World, effect: EffectOf<'add-result-locations'>): void {
  for (const { location } of effect.locations) {
    addOnce(world.announced, keyOf(location.taskId), 'result announced twice (I28)');
  }
  if (effect.noMore && world.hasAllResults) throw new LawBroken('all results known twice (I28)');
  world.hasAllResults ||= effect.noMore;
}

function addOnce<T>(list: T[], item: T, law: string): void {
  if (list.includes(item)) throw new LawBroken(`${String(item)}: ${law}`);
  list.push(item);
}
