/** The mixes of shapes that are simulated (reliability.md C3), drawn from one seed until they have enough tasks. */
import { seededRandom } from '../../services/common/random.ts';
import type { Random } from '../../services/common/random.ts';
import { ALIBABA, drawLogNormal, drawValue, FACEBOOK } from './distributions.ts';
import { taskCountOf } from './workload.ts';
import type { QueryShape, StageShape } from './workload.ts';

export const MIX_NAMES = [
  'alibaba',
  'facebook',
  'tpch',
  'hog',
  'even',
  'swarm',
  'fairness',
  'slow',
  'straggler',
  'straggler-alone',
  'loss',
  'rack',
] as const;
export type MixName = (typeof MIX_NAMES)[number];

export interface MixSetup {
  readonly mix: MixName;
  readonly taskCount: number;
  readonly seed: number;
  /** All durations are divided by it (Firmament's accelerated trace). */
  readonly speedup: number;
  readonly slots: number;
}

/** A stage behind an exchange: every partition of it reads every task before it. */
const MAX_HASH_PARTITIONS = 50;
/** A tail longer than this belongs to services, not to queries; it would be the makespan of any schedule. */
const MAX_TASK_SECONDS = 955;
/** Base tables of the 22 queries of TPC-H: as many scans, and one join fewer. */
const TPCH_TABLES = [1, 9, 3, 2, 6, 1, 6, 8, 6, 4, 6, 2, 2, 2, 2, 3, 2, 4, 2, 5, 6, 2];

export function drawQueries(setup: MixSetup): readonly QueryShape[] {
  const random = seededRandom(setup.seed);
  switch (setup.mix) {
    case 'alibaba':
      return drawUntil(setup, (index) => aliShape(setup, random, index));
    case 'facebook':
      return drawUntil(setup, (index) => facebookShape(setup, random, index));
    case 'tpch':
      return drawUntil(setup, (index) => tpchShape(setup, random, index));
    case 'hog':
    case 'loss':
    case 'rack':
      return [leafShape('hog', { tasks: setup.taskCount, setup, random })];
    case 'even':
    case 'slow':
      return [evenShape(setup, random, setup.taskCount)];
    case 'straggler':
    case 'straggler-alone':
      return [evenShape(setup, random, 2 * setup.slots)];
    case 'swarm':
      return Array.from({ length: setup.taskCount }, (_, index) => ({
        ...leafShape(`single-${index}`, { tasks: 1, setup, random }),
        arrivesAtMs: Math.floor((index * 35_000) / setup.speedup / setup.slots),
      }));
    case 'fairness':
      return [
        leafShape('hog', { tasks: setup.taskCount, setup, random }),
        ...Array.from({ length: SMALL_QUERIES }, (_, index) => smallShape(setup, random, index)),
      ];
  }
}

/** Small queries beside a hog: 8 tasks of about a second each, one after the other. */
const SMALL_QUERIES = 50;

export function smallShape(setup: MixSetup, random: Random, index: number): QueryShape {
  const durationsMs = draws(8, () => drawLogNormal(1_000, 0.3, random) / setup.speedup);
  const stages = [{ inputs: [], durationsMs }];
  const arrivesAtMs = Math.round(((index + 1) * 5_000) / setup.speedup);
  return { name: `small-${index}`, arrivesAtMs, stages, isSmall: true };
}

function drawUntil(
  setup: MixSetup,
  drawShape: (index: number) => QueryShape,
): readonly QueryShape[] {
  const shapes: QueryShape[] = [];
  for (let tasks = 0; tasks < setup.taskCount;) {
    const shape = drawShape(shapes.length);
    shapes.push(shape);
    tasks += taskCountOf(shape);
  }
  return shapes;
}

interface Drawing {
  readonly tasks: number;
  readonly setup: MixSetup;
  readonly random: Random;
}

function leafShape(name: string, { tasks, setup, random }: Drawing): QueryShape {
  const durationsMs = draws(tasks, () => aliDuration(setup, random));
  return { name, arrivesAtMs: 0, stages: [{ inputs: [], durationsMs }] };
}

/** A sparse tree: each stage but the last feeds one of those behind it; a share of them reads files. */
function aliShape(setup: MixSetup, random: Random, index: number): QueryShape {
  const stageCount = Math.min(36, Math.round(drawValue(ALIBABA.stagesPerQuery, random)));
  const inputs: number[][] = Array.from({ length: stageCount }, () => []);
  for (let stage = 0; stage < stageCount - 1; stage += 1)
    inputs[stage + 1 + random.below(Math.min(3, stageCount - stage - 1))]?.push(stage);
  const tasks = draws(stageCount, () => Math.round(drawValue(ALIBABA.tasksPerStage, random)));
  const partitions = Math.min(MAX_HASH_PARTITIONS, Math.max(1, ...tasks));
  const limit = Math.max(1, Math.floor(setup.taskCount / 4));
  const stages = inputs.map((of, stage): StageShape => {
    const count = of.length === 0 ? Math.min(limit, tasks[stage] ?? 1) : partitions;
    return { inputs: of, durationsMs: draws(count, () => aliDuration(setup, random)) };
  });
  return { name: `alibaba-${index}`, arrivesAtMs: 0, stages };
}

function facebookShape(setup: MixSetup, random: Random, index: number): QueryShape {
  const limit = Math.max(1, Math.floor(setup.taskCount / 4));
  const maps = Math.min(limit, Math.round(drawValue(FACEBOOK.mapTasks, random)));
  const map = { inputs: [], durationsMs: draws(maps, () => mapDuration(setup, random)) };
  const name = `facebook-${index}`;
  if (random.next() > FACEBOOK.shuffleShare) return { name, arrivesAtMs: 0, stages: [map] };
  const reduces = Math.min(MAX_HASH_PARTITIONS, Math.ceil(maps / 10));
  const reduce = { inputs: [0], durationsMs: draws(reduces, () => mapDuration(setup, random)) };
  return { name, arrivesAtMs: 0, stages: [map, reduce] };
}

/** A left-deep chain of joins over as many scans; tasks of about 100 ms. */
function tpchShape(setup: MixSetup, random: Random, index: number): QueryShape {
  const query = index % TPCH_TABLES.length;
  const stages: StageShape[] = [];
  const duration = (): number => whole(drawLogNormal(100, 1, random) / setup.speedup);
  const scan = (): number => stages.push({ inputs: [], durationsMs: draws(16, duration) }) - 1;
  let joined = scan();
  for (let table = 1; table < (TPCH_TABLES[query] ?? 1); table += 1) {
    const build = scan();
    joined = stages.push({ inputs: [joined, build], durationsMs: draws(8, duration) }) - 1;
  }
  return { name: `q${query + 1}-${index}`, arrivesAtMs: 0, stages };
}

/** Tasks of about half a minute each, as a scan of equal splits has them. */
function evenShape(setup: MixSetup, random: Random, tasks: number): QueryShape {
  const durationsMs = draws(tasks, () => whole(drawLogNormal(30_000, 0.2, random) / setup.speedup));
  return { name: 'even', arrivesAtMs: 0, stages: [{ inputs: [], durationsMs }] };
}

function aliDuration({ speedup }: MixSetup, random: Random): number {
  const seconds = Math.min(MAX_TASK_SECONDS, drawValue(ALIBABA.taskSeconds, random));
  return whole((seconds * 1_000) / speedup);
}

function mapDuration({ speedup }: MixSetup, random: Random): number {
  return whole(drawLogNormal(25_000, 0.5, random) / speedup);
}

function draws<T>(count: number, drawOne: () => T): T[] {
  return Array.from({ length: count }, drawOne);
}

const whole = (ms: number): number => Math.max(1, Math.round(ms));
