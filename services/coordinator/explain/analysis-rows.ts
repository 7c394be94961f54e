/** The rows that answer EXPLAIN ANALYZE. */
import { assertNever } from '../../common/assert.ts';
import type { ExplainRow } from '../../common/plan/explain-row.ts';
import type { ExplainFormat } from '../../common/plan/plan-fragment.ts';
import { alignedTable } from './aligned-table.ts';
import type { Analysis, StageAnalysis, TaskAnalysis, WastedAnalysis } from './analysis.ts';

/** `text`: the query, then each stage, for people. `json`: one document of the names in `analysis.ts`. */
export function analysisRows(analysis: Analysis, format: ExplainFormat): readonly ExplainRow[] {
  switch (format) {
    case 'json':
      return [['analyzed_plan', JSON.stringify(analysis, undefined, 2)]];
    case 'text':
      return [
        ['rung', `rung: ${analysis.rung}\nreason: ${analysis.reason}`],
        ['query', queryText(analysis)],
        ...analysis.stages.map((stage): ExplainRow => [`stage ${stage.stage}`, stageText(stage)]),
      ];
    default:
      return assertNever(format);
  }
}

function queryText(analysis: Analysis): string {
  return [
    `time: ${ms(analysis.queued_ms)} queued, ${ms(analysis.planning_ms)} planning, ${ms(analysis.execution_ms)} execution`,
    `rows: ${count(analysis.rows)}`,
    `cpu: ${ms(analysis.cpu_ms)}`,
    memoryText(analysis),
    `scanned: ${count(analysis.scanned_rows)} rows, ${bytes(analysis.scanned_bytes)}`,
    `exchanged: ${bytes(analysis.exchanged_bytes)}`,
    ...wastedText(analysis.wasted),
  ].join('\n');
}

/** Nothing is stored where the exchange is streaming. */
function memoryText(of: Analysis | StageAnalysis): string {
  const stored = of.stored_bytes === 0 ? '' : `, ${bytes(of.stored_bytes)} stored`;
  return `memory: ${bytes(of.peak_memory_bytes)} peak, ${bytes(of.spilled_bytes)} spilled${stored}`;
}

function stageText(stage: StageAnalysis): string {
  return [
    `${stage.partitioning}, ${plural(countedTasks(stage).length, 'task')}, ${stage.state}${sourcesText(stage)}`,
    timeText(stage),
    `rows: ${count(stage.input_rows)} in, ${count(stage.output_rows)} out (estimated ${count(stage.estimated_rows)})`,
    `bytes: ${bytes(stage.input_bytes)} in, ${bytes(stage.output_bytes)} out`,
    ...(stage.splits === 0 ? [] : [scanText(stage)]),
    ...filterText(stage),
    ...aggregationText(stage),
    `cpu: ${ms(stage.cpu_ms)}, statements: ${ms(stage.busy_ms)}, longest task: ${ms(stage.wall_ms)}`,
    `blocked: ${blockedText(stage)}`,
    memoryText(stage),
    `skew: ${skewText(stage)}`,
    ...wastedText(stage.wasted),
    ...(stage.tasks.length === 0 ? [] : ['', taskTable(stage.tasks)]),
  ].join('\n');
}

function countedTasks({ tasks }: StageAnalysis): readonly TaskAnalysis[] {
  return tasks.filter(({ counted }) => counted);
}

/** Attempts that had to be made again, or were not needed. */
function wastedText({ tasks, input_rows: rows, cpu_ms: cpu }: WastedAnalysis): readonly string[] {
  if (tasks === 0) return [];
  return [`wasted: ${plural(tasks, 'task')}, ${count(rows)} rows in, cpu ${ms(cpu)}`];
}

function sourcesText({ tables, inputs }: StageAnalysis): string {
  const sources = [...tables, ...inputs.map((input) => `stage ${input}`)];
  return sources.length === 0 ? '' : `, reads ${sources.join(', ')}`;
}

function timeText(stage: StageAnalysis): string {
  if (stage.started_after_ms === null) return 'never started';
  const start = `started after ${ms(stage.started_after_ms)} (${stage.start_reason ?? ''})`;
  return stage.ended_after_ms === null
    ? start
    : `${start}, ended after ${ms(stage.ended_after_ms)}`;
}

function scanText(stage: StageAnalysis): string {
  const pruned = `${count(stage.pruned_row_groups)} row groups and ${count(stage.pruned_files)} files pruned`;
  return (
    `scan: ${plural(stage.splits, 'split')} of ${count(stage.row_groups)} row groups (${pruned}), ` +
    `${count(stage.scanned_rows)} rows, ${bytes(stage.scanned_bytes)}`
  );
}

function filterText({ dynamic_filters: spared }: StageAnalysis): readonly string[] {
  if (spared.pruned_row_groups + spared.filtered_rows === 0) return [];
  return [
    `dynamic filters: ${count(spared.pruned_row_groups)} row groups pruned (${count(spared.pruned_rows)} rows, ` +
      `${bytes(spared.pruned_bytes)}), ${count(spared.filtered_rows)} rows filtered`,
  ];
}

function aggregationText(stage: StageAnalysis): readonly string[] {
  const { unaggregated_rows: rows } = stage;
  const stopped = countedTasks(stage).filter((task) => task.unaggregated_rows > 0).length;
  if (stopped === 0) return [];
  return [
    `partial aggregation: stopped in ${plural(stopped, 'task')}, ${count(rows)} rows passed on`,
  ];
}

function blockedText({ blocked_ms: blocked, memory_wait_ms: memoryMs }: StageAnalysis): string {
  const all = { 'waiting-for-memory': memoryMs, ...blocked };
  const waits = Object.entries(all).filter(([, waitedMs]) => waitedMs > 0);
  if (waits.length === 0) return 'never';
  return waits.map(([reason, waitedMs]) => `${ms(waitedMs)} ${reason}`).join(', ');
}

function skewText({ skew }: StageAnalysis): string {
  const parts = Object.entries(skew).filter(([, value]) => value !== null);
  if (parts.length === 0) return 'none';
  return parts.map(([name, value]) => `${name.replaceAll('_', ' ')} ${String(value)}`).join(', ');
}

const HEADINGS = [
  'task',
  'node',
  'state',
  'rows in',
  'bytes in',
  'rows out',
  'bytes out',
  'cpu',
  'wall',
  'blocked',
  'memory',
  'spilled',
  'splits',
];

function taskTable(tasks: readonly TaskAnalysis[]): string {
  const rows = tasks.map((task) => [
    nameOf(task),
    task.node,
    task.state,
    count(task.input_rows),
    bytes(task.input_bytes),
    count(task.output_rows),
    bytes(task.output_bytes),
    ms(task.cpu_ms),
    ms(task.wall_ms),
    ms(Object.values(task.blocked_ms).reduce((sum, waitedMs) => sum + waitedMs, 0)),
    bytes(task.peak_memory_bytes),
    bytes(task.spilled_bytes),
    count(task.splits),
  ]);
  return alignedTable(HEADINGS, rows);
}

/** A later attempt, and one that does not count, by its number. */
function nameOf({ task, attempt, counted }: TaskAnalysis): string {
  const name = attempt === 0 ? String(task) : `${task}.${attempt}`;
  return counted ? name : `${name} (wasted)`;
}

function plural(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}

function count(n: number): string {
  return String(n).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(1)} ms`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function bytes(n: number): string {
  let value = n;
  let unit = 0;
  while (value >= 1_024 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${UNITS[unit] ?? ''}`;
}
