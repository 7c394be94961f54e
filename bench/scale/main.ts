/** `npm run sim:scale`: the real scheduling kernel on thousands of virtual workers; prints a table, and writes JSON and SVG. */
import { writeFileSync } from 'node:fs';
import { readArguments, USAGE } from './arguments.ts';
import { measureHeartbeats } from './heartbeats.ts';
import { measureMemory } from './task-memory.ts';
import { plotOf } from './plot.ts';
import { runCase } from './scale-case.ts';
import type { ScaleRow } from './scale-case.ts';

const COLUMNS: readonly (readonly [title: string, text: (row: ScaleRow) => string])[] = [
  ['mix', ({ mix }) => mix],
  ['workers', ({ workers }) => String(workers)],
  ['queries', ({ queries }) => String(queries)],
  ['tasks', ({ taskCount }) => String(taskCount)],
  ['failed', ({ failed }) => String(failed)],
  ['makespan s', ({ makespanSeconds }) => makespanSeconds.toFixed(0)],
  ['ratio', ({ makespanRatio }) => makespanRatio.toFixed(3)],
  ['launches/CPU s', ({ cost }) => cost.launchesPerCpuSecond.toFixed(0)],
  ['turn p50 ms', ({ cost }) => cost.decisionP50Ms.toFixed(3)],
  ['turn p99 ms', ({ cost }) => cost.decisionP99Ms.toFixed(2)],
  ['task p99 ms', ({ cost }) => cost.taskP99Ms.toFixed(1)],
  ['wasted', ({ wastedShare }) => `${(100 * wastedShare).toFixed(1)} %`],
  ['lost', ({ lostShare }) => `${(100 * lostShare).toFixed(1)} %`],
  ['small p99', ({ smallSlowdownP99: x }) => (x === 0 ? '' : `${x.toFixed(1)}×`)],
  [
    'same twice',
    ({ isDeterministic, tasks }) => (tasks > 20_000 ? '' : isDeterministic ? 'yes' : 'NO'),
  ],
];

/** A snapshot of more tasks does not fit into one string. */
const MOST_MEASURED = 100_000;

function main(): void {
  const wanted = readArguments(process.argv.slice(2));
  if (wanted === undefined) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  const { discipline, seed, speedup } = wanted;
  const rows: ScaleRow[] = [];
  console.log(`| ${COLUMNS.map(([title]) => title).join(' | ')} |`);
  console.log(`|${COLUMNS.map(() => '---|').join('')}`);
  for (const mix of wanted.mixes)
    for (const tasks of wanted.tasks)
      for (const workers of wanted.workers) {
        const row = runCase({ mix, workers, tasks, discipline, seed, speedup });
        rows.push(row);
        console.log(`| ${COLUMNS.map(([, text]) => text(row)).join(' | ')} |`);
      }
  const memory = measureMemory(Math.min(MOST_MEASURED, Math.max(...wanted.tasks)));
  const heartbeats = wanted.workers.map((workers) => measureHeartbeats(workers));
  console.log('');
  console.log(
    `memory: ${memory.liveBytes.toFixed(0)} bytes by live task, ${memory.finishedBytes.toFixed(0)} by finished task (${memory.tasks} tasks)`,
  );
  for (const { workers, cpuShare } of heartbeats)
    console.log(
      `heartbeats of ${workers} workers at 1 Hz: ${(100 * cpuShare).toFixed(2)} % of a core`,
    );
  const report = { discipline, seed, speedup, rows, memory, heartbeats };
  if (wanted.json !== undefined)
    writeFileSync(wanted.json, `${JSON.stringify(report, undefined, 2)}\n`);
  if (wanted.svg !== undefined) writeFileSync(wanted.svg, plotOf(rows));
}

main();
