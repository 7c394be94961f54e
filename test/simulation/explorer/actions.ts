/** Everything that can happen next in a small world, and what it does to it. */
import type { PlanFragment } from '../../../services/common/plan/plan-fragment.ts';
import type { FileSplit } from '../../../services/common/plan/split.ts';
import { producerDetails } from '../../../services/common/task/fetch-failure.ts';
import { isTerminalTaskState } from '../../../services/common/task/task-status.ts';
import type { TaskStatus } from '../../../services/common/task/task-status.ts';
import { tell } from './orders.ts';
import { isDead, isSpooled, isStored, isThere, keyOf, LawBroken, report } from './world.ts';
import type { Configuration, FaultKind, KnownTask, World } from './world.ts';

interface Batch {
  readonly count: number;
  readonly last: boolean;
}

export interface Action {
  /** The same name in the same world does the same. */
  readonly name: string;
  readonly act: (world: World) => void;
}

export function actionsOf(world: World, configuration: Configuration): readonly Action[] {
  if (world.end !== null) return [];
  return [
    ...workOf(world, configuration),
    ...newsOf(world, configuration),
    ...world.faults.flatMap((fault) => faultsOf(world, fault)),
  ];
}

/** Tasks compute, end, say again what was lost; the client reads. */
function workOf(world: World, configuration: Configuration): readonly Action[] {
  const actions: Action[] = [];
  for (const [index, task] of world.tasks.entries()) {
    if (!isThere(world, task)) continue;
    const { key } = task;
    const on = (act: (world: World, task: KnownTask) => void) => (next: World) => {
      const same = next.tasks[index];
      if (same !== undefined) act(next, same);
    };
    if (canCompute(world, task, configuration)) {
      actions.push({ name: `compute ${key}`, act: on((w, t) => compute(w, t, configuration)) });
    }
    const lost = missedBy(world, task);
    if (lost !== undefined)
      actions.push({ name: `miss ${key}`, act: on((w, t) => miss(w, t, lost)) });
    if (task.state === 'flushing' && isRead(task)) {
      actions.push({ name: `finish ${key}`, act: on(finish) });
    }
    if (world.unheard.includes(key) && !isDead(world, task.node)) {
      actions.push({ name: `repeat ${key}`, act: on(sayAgain) });
    }
    const isShown = world.isCommitted && world.announced.includes(key);
    const isAnnounced = isShown && !world.taken.includes(key);
    if (isAnnounced && (task.state === 'flushing' || task.state === 'finished')) {
      actions.push({ name: `read ${key}`, act: on(takeResult) });
    }
  }
  return actions;
}

/** What the kernel is told. */
function newsOf(world: World, configuration: Configuration): readonly Action[] {
  const actions: Action[] = [];
  world.statuses.forEach(({ taskId, version, state }, index) => {
    const name = `status ${keyOf(taskId)} v${version} ${state}`;
    actions.push({ name, act: (next) => deliverStatus(next, index) });
  });
  world.loads.forEach(({ sourceId, isOld }, index) => {
    if (isOld) {
      const act = (next: World) => load(next, index, { count: 0, last: true });
      return void actions.push({ name: `splits ${sourceId}: of the past`, act });
    }
    const left = (configuration.splits[sourceId] ?? 0) - (world.positions[sourceId] ?? 0);
    actions.push({
      name: `splits ${sourceId}: rest`,
      act: (w) => load(w, index, { count: left, last: true }),
    });
    if (left > 1)
      actions.push({
        name: `splits ${sourceId}: 1`,
        act: (w) => load(w, index, { count: 1, last: false }),
      });
  });
  world.timers.forEach((timer, index) => {
    actions.push({ name: `timer ${timer.kind}`, act: (next) => ring(next, index) });
  });
  world.dead.forEach(({ node, isTold }, index) => {
    if (!isTold)
      actions.push({ name: `tell loss of ${node}`, act: (next) => tellLoss(next, index) });
  });
  if (
    world.hasAllResults &&
    world.isCommitted &&
    !world.isReleased &&
    world.taken.length === world.announced.length
  ) {
    actions.push({ name: 'release', act: release });
  }
  return actions;
}

function faultsOf(world: World, fault: FaultKind): readonly Action[] {
  const used = (act: (world: World) => void) => (next: World) => {
    next.faults = next.faults.filter((each) => each !== fault);
    act(next);
  };
  switch (fault) {
    case 'status-lost':
      return world.statuses.map((status, index) => ({
        name: `lose status ${keyOf(status.taskId)} v${status.version}`,
        act: used((next) => loseStatus(next, index)),
      }));
    case 'status-repeated':
      return world.arrived.map((status) => ({
        name: `repeat status ${keyOf(status.taskId)} v${status.version}`,
        act: used((next) => expectNothing(next, status)),
      }));
    case 'node-lost':
      return [...new Set(world.tasks.map(({ node }) => node))].map((node) => ({
        name: `kill ${node}`,
        act: used((next) => next.dead.push({ node, isTold: false })),
      }));
    case 'spool-lost':
      return world.tasks.flatMap((task) =>
        mayBeLost(world, task)
          ? [{ name: `lose ${task.key}`, act: used((next) => next.lost.push(task.key)) }]
          : [],
      );
    case 'task-failure':
    case 'read-failure':
    case 'memory-kill':
      return world.tasks.flatMap((task, index) =>
        task.state === 'running' && !isDead(world, task.node)
          ? [{ name: `fail ${task.key}`, act: used((next) => failTask(next, index, fault)) }]
          : [],
      );
    case 'cancel': {
      const error = { code: 'QUERY_CANCELLED', message: 'cancelled' } as const;
      const act = used((next) => void tell(next, { kind: 'cancel-requested', error }));
      return [{ name: 'cancel', act }];
    }
    default:
      throw new Error('no such fault');
  }
}

function fragmentOf({ fragments }: Configuration, stageId: number): PlanFragment {
  const fragment = fragments.find(({ id }) => id === stageId);
  if (fragment === undefined) throw new Error(`no fragment ${stageId}`);
  return fragment;
}

/** All that it needs is there, or enough for its limit. */
function canCompute(world: World, task: KnownTask, configuration: Configuration): boolean {
  if (task.state !== 'running') return false;
  const { rowLimit } = fragmentOf(configuration, task.taskId.stageId);
  if (rowLimit !== undefined && rowsFor(world, task, configuration).length >= rowLimit) return true;
  return task.sources.every(({ hasEnded, remotes }) => {
    return hasEnded && remotes.every((remote) => pagesOf(world, remote) !== undefined);
  });
}

/** Rows in a buffer, if its task has made them and shows them; a cancelled one shows an end without rows. */
function pagesOf(world: World, remote: string): readonly number[] | undefined {
  const [key = '', output = '', buffer = ''] = remote.split('/');
  const task = world.tasks.find((each) => each.key === key);
  if (task === undefined || !isThere(world, task) || world.lost.includes(key)) return undefined;
  if (world.released.includes(key)) return undefined;
  if (task.state === 'canceled') return [];
  if (task.state !== 'flushing' && task.state !== 'finished') return undefined;
  const declared = task.outputs[Number(output)];
  const ids = declared?.bufferIds ?? [];
  if (!ids.some((id) => id === Number(buffer))) return undefined;
  const isDealt = declared?.kind === 'partitioned' && ids.length > 1;
  return isDealt ? task.rows.filter((row) => row % ids.length === Number(buffer)) : task.rows;
}

/** Whose pages the task was sent to and cannot read any more. */
function missedBy(world: World, task: KnownTask): KnownTask | undefined {
  if (task.state !== 'running' || isDead(world, task.node)) return undefined;
  const remotes = task.sources.flatMap((source) => source.remotes);
  const key = remotes
    .map((remote) => remote.split('/')[0])
    .find((each) => world.lost.includes(each ?? ''));
  return world.tasks.find((each) => each.key === key);
}

/** It fails, and names what it misses (R19). */
function miss(world: World, task: KnownTask, { taskId, nodeId, node }: KnownTask): void {
  const details = producerDetails({ taskId, nodeId, nodeInstanceId: node });
  task.failure = { code: 'OUTPUT_PAGE_LOST', message: 'lost', details };
  task.state = 'failed';
  report(world, task);
}

/** The loss of the result is beyond the engine. */
function mayBeLost(world: World, task: KnownTask): boolean {
  const isRoot = task.taskId.stageId === world.kernel.stages.at(-1)?.stageId;
  return !isRoot && isSpooled(task) && !world.released.includes(task.key);
}

function rowsFor(world: World, task: KnownTask, configuration: Configuration): readonly number[] {
  const fragment = fragmentOf(configuration, task.taskId.stageId);
  return task.sources.flatMap(({ sourceId, rows, remotes }) => {
    const delivery = fragment.remoteSources.find((each) => each.sourceId === sourceId)?.delivery;
    if (delivery === 'broadcast') return [];
    return [...rows, ...remotes.flatMap((remote) => pagesOf(world, remote) ?? [])];
  });
}

function compute(world: World, task: KnownTask, configuration: Configuration): void {
  const fragment = fragmentOf(configuration, task.taskId.stageId);
  checkBroadcasts(world, task, configuration);
  task.rows = rowsFor(world, task, configuration)
    .slice(0, fragment.rowLimit)
    .toSorted((a, b) => a - b);
  task.state = isStored(task) ? 'finished' : 'flushing';
  for (const remote of task.sources.flatMap(({ remotes }) => remotes)) markRead(world, remote);
  report(world, task);
}

/** Whoever builds on a broadcast has all of it, unless nobody needs what it makes. */
function checkBroadcasts(world: World, task: KnownTask, configuration: Configuration): void {
  const { remoteSources } = fragmentOf(configuration, task.taskId.stageId);
  for (const { sourceId, delivery, producers } of remoteSources) {
    if (delivery !== 'broadcast') continue;
    const remotes = task.sources.find((each) => each.sourceId === sourceId)?.remotes ?? [];
    const rows = remotes.flatMap((remote) => pagesOf(world, remote) ?? []);
    const wanted = producers
      .flatMap((id) => fragmentOf(configuration, id).scans)
      .reduce((sum, scan) => sum + (configuration.splits[scan.sourceId] ?? 0), 0);
    if (rows.length !== wanted) {
      throw new LawBroken(`${task.key} builds on ${rows.length} of ${wanted} rows`);
    }
  }
}

function markRead(world: World, remote: string): void {
  const [key = '', ...buffer] = remote.split('/');
  const task = world.tasks.find((each) => each.key === key);
  const name = buffer.join('/');
  if (task !== undefined && !task.read.includes(name)) task.read.push(name);
}

function isRead({ outputs, read }: KnownTask): boolean {
  return outputs.every(
    ({ noMoreBufferIds, bufferIds, abandonedBufferIds = [] }, index) =>
      noMoreBufferIds &&
      bufferIds.every((id) => read.includes(`${index}/${id}`) || abandonedBufferIds.includes(id)),
  );
}

function finish(world: World, task: KnownTask): void {
  task.state = 'finished';
  report(world, task);
}

function sayAgain(world: World, task: KnownTask): void {
  world.unheard.splice(world.unheard.indexOf(task.key), 1);
  report(world, task);
}

function takeResult(world: World, task: KnownTask): void {
  world.taken.push(task.key);
  task.read.push('0/0');
}

function deliverStatus(world: World, index: number): void {
  const [status] = world.statuses.splice(index, 1);
  if (status === undefined) return;
  const key = keyOf(status.taskId);
  tell(world, { kind: 'task-status', status });
  const isOlder = (each: TaskStatus): boolean =>
    keyOf(each.taskId) === key && each.version < status.version;
  for (const older of world.statuses.filter(isOlder)) expectNothing(world, older);
  keepOnly(world.statuses, (each) => !isOlder(each));
  if (!world.faults.includes('status-repeated')) return;
  keepOnly(world.arrived, (each) => keyOf(each.taskId) !== key);
  world.arrived.push(status);
}

/** An old or repeated status changes nothing (I5, I17). */
function expectNothing(world: World, status: TaskStatus): void {
  const before = JSON.stringify(world.kernel);
  const effects = tell(world, { kind: 'task-status', status });
  if (effects.length > 0 || JSON.stringify(world.kernel) !== before) {
    throw new LawBroken(`status v${status.version} of ${keyOf(status.taskId)} came again (I17)`);
  }
}

/** So many splits, the last ones if the source has no others. */
function load(world: World, index: number, { count, last }: Batch): void {
  const [order] = world.loads.splice(index, 1);
  if (order === undefined) return;
  const { sourceId, batch } = order;
  const position = world.positions[sourceId] ?? 0;
  world.positions[sourceId] = position + count;
  const splits = Array.from({ length: count }, (_, offset): FileSplit => ({
    kind: 'file',
    path: `/data/${sourceId}`,
    sizeBytes: 0,
    modifiedAtMs: 0,
    firstRow: position + offset,
    rowCount: 1,
    bytes: 1,
  }));
  tell(world, { kind: 'splits-loaded', sourceId: sourceId as never, batch, splits, last });
}

function ring(world: World, index: number): void {
  const [timer] = world.timers.splice(index, 1);
  if (timer !== undefined) tell(world, { kind: 'timer-fired', timer });
}

function tellLoss(world: World, index: number): void {
  const dead = world.dead[index];
  const task = world.tasks.find(({ node }) => node === dead?.node);
  if (dead === undefined || task === undefined) return;
  dead.isTold = true;
  const error = {
    code: 'NODE_LOST',
    message: `${task.nodeId} is lost`,
    details: { node_id: task.nodeId },
  } as const;
  const { nodeId, node: nodeInstanceId } = task;
  tell(world, { kind: 'node-lost', nodeId, nodeInstanceId, error });
}

function release(world: World): void {
  world.isReleased = true;
  tell(world, { kind: 'result-released' });
}

function loseStatus(world: World, index: number): void {
  const [status] = world.statuses.splice(index, 1);
  if (status !== undefined) world.unheard.push(keyOf(status.taskId));
}

const FAILURES = {
  'task-failure': 'INVALID_INPUT',
  'read-failure': 'SOURCE_READ_FAILED',
  'memory-kill': 'OUT_OF_MEMORY',
} as const;

function failTask(world: World, index: number, fault: keyof typeof FAILURES): void {
  const task = world.tasks[index];
  if (task === undefined || isTerminalTaskState(task.state)) return;
  task.failure = { code: FAILURES[fault], message: 'injected' };
  task.state = 'failed';
  report(world, task);
}

function keepOnly<T>(list: T[], isKept: (item: T) => boolean): void {
  list.splice(0, list.length, ...list.filter(isKept));
}
