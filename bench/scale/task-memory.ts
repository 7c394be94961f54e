/** What the kernel remembers of a task while it lives, and once it has finished: heap by task, after a collection. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { MixSetup } from './mixes.ts';
import { drawQueries } from './mixes.ts';
import { optionsOf, SLOTS } from './scale-case.ts';
import { ScaleSimulation } from './simulation.ts';
import type { QueryShape } from './workload.ts';

export interface TaskMemory {
  readonly tasks: number;
  readonly liveBytes: number;
  readonly finishedBytes: number;
}

/** All tasks live at once, a slot for each; then all but one have finished. The state is measured as a snapshot restores it. */
export function measureMemory(tasks: number): TaskMemory {
  const workerCount = Math.ceil(tasks / SLOTS);
  const setup: MixSetup = { mix: 'even', taskCount: tasks, seed: 1, speedup: 1, slots: tasks };
  const shapes = drawQueries(setup).map((shape) => withEndlessTask(shape));
  const options = optionsOf('fault-tolerant', false);
  const simulation = new ScaleSimulation({
    workerCount,
    slots: SLOTS,
    shapes,
    options,
    mishaps: [],
  });
  simulation.runUntil(SETTLED_MS);
  const live = stateBytes(simulation);
  simulation.runUntil(FINISHED_MS);
  const finished = stateBytes(simulation);
  return { tasks, liveBytes: live / tasks, finishedBytes: finished / tasks };
}

/** Everything is launched, and nothing has ended yet. */
const SETTLED_MS = 5_000;
/** Everything has ended that ever will. */
const FINISHED_MS = 1e7;

/** What is remembered of finished tasks is remembered as long as the query runs. */
function withEndlessTask(shape: QueryShape): QueryShape {
  const stages = shape.stages.map((stage) => ({
    ...stage,
    durationsMs: [10 * FINISHED_MS, ...stage.durationsMs.slice(1)],
  }));
  return { ...shape, stages };
}

/** The heap with what is measured and without it. */
function stateBytes(simulation: ScaleSimulation): number {
  const texts = simulation.liveStates().map((state) => JSON.stringify({ ...state, nodes: [] }));
  const before = heapBytes();
  const copies = texts.map((text): unknown => JSON.parse(text));
  const after = heapBytes();
  return copies.length === 0 ? 0 : after - before;
}

const collect = (() => {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  return typeof gc === 'function' ? (): unknown => gc() : (): undefined => undefined;
})();

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}
