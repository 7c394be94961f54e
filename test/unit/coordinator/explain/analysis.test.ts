import { describe, expect, it } from 'vitest';
import type {
  Instant,
  NodeId,
  PartitionId,
  QueryId,
  SourceId,
  StageId,
} from '../../../../services/common/ids.ts';
import { NO_TASK_STATS, type TaskStats } from '../../../../services/common/task/task-status.ts';
import { analysisRows } from '../../../../services/coordinator/explain/analysis-rows.ts';
import { analyze, type FinishedQuery } from '../../../../services/coordinator/explain/analysis.ts';
import type {
  StageDetail,
  TaskDescription,
} from '../../../../services/coordinator/scheduler/query-description.ts';
import { aFragment, aRemote, aScanFragment, toFragment } from '../../../support/plan-builders.ts';

const NOBODY = { stages: [], tasks: [], nodes: [], sources: [] };
const START = 1_000 as Instant;

function task(partition: number, stats: Partial<TaskStats>): TaskDescription {
  const stageId = 0 as StageId;
  const partitionId = partition as PartitionId;
  return {
    taskId: { queryId: '20261121_100000_00001_abcde' as QueryId, stageId, partitionId, attempt: 0 },
    nodeId: `worker-${partition}` as NodeId,
    state: 'finished',
    createdAt: (START + 2) as Instant,
    splitCount: 3,
    blockedReason: 'none',
    waitsFor: NOBODY,
    isCounted: true,
    stats: { ...NO_TASK_STATS, ...stats },
  };
}

function stage(
  id: number,
  tasks: readonly TaskDescription[],
  stats: Partial<TaskStats>,
): StageDetail {
  return {
    stageId: id as StageId,
    state: 'finished',
    partitioning: 'source',
    estimatedRows: 41.7,
    blockedReason: 'none',
    waitsFor: NOBODY,
    waitingTasks: [],
    taskCount: tasks.length,
    completedTaskCount: tasks.length,
    splitCount: 6,
    pruned: { rowGroups: 4, rows: 400, bytes: 2_048 },
    startedAt: (START + 1) as Instant,
    startReason: 'all-at-once',
    endedAt: (START + 30) as Instant,
    stats: { ...NO_TASK_STATS, ...stats },
    memoryWaitMs: 0,
    wasted: { taskCount: 0, stats: NO_TASK_STATS },
    tasks,
  };
}

const SCAN_STATS = {
  inputRows: 60,
  scannedRows: 60,
  inputBytes: 2_048,
  scannedBytes: 2_048,
  outputRows: 12,
  outputBytes: 640,
  cpuMs: 1.23456,
};
const FINISHED: FinishedQuery = {
  plan: {
    fragments: [
      aScanFragment(
        0,
        { sourceId: 7, output: toFragment(1, 8, 'single') },
        { estimatedRows: 41.7 },
      ),
      aFragment(1, { remoteSources: [aRemote(8, [0], 'gather'), aRemote(9, [0], 'gather')] }),
    ],
    scans: [
      {
        sourceId: 7 as SourceId,
        files: [
          {
            path: '/a',
            sizeBytes: 1,
            modifiedAtMs: 1,
            rowGroups: [{ firstRow: 0, rowCount: 60, bytes: 9 }],
          },
        ],
        totalRows: 60,
        totalBytes: 9,
        pruned: { files: 2, rowGroups: 5 },
      },
    ],
    rung: 'distributed',
    rungReason: '2 stages, 1 with several tasks',
  },
  stages: [
    stage(
      0,
      [task(0, { ...SCAN_STATS, inputRows: 45 }), task(1, { ...SCAN_STATS, inputRows: 15 })],
      {
        ...SCAN_STATS,
        blockedMs: { ...NO_TASK_STATS.blockedMs, 'output-full': 4 },
        peakMemoryBytes: 3 * 1_048_576,
      },
    ),
    stage(1, [], { inputRows: 12, outputRows: 9, spilledBytes: 10, storedBytes: 20 }),
  ],
  queuedMs: 1,
  planningMs: 20,
  executionStartedAt: START,
  executionMs: 31,
  peakMemoryBytes: 4 * 1_048_576,
};

describe('analyze', () => {
  it('adds up the query and keeps stages and tasks apart', () => {
    const analysis = analyze(FINISHED);
    expect(analysis).toMatchObject({
      rung: 'distributed',
      planning_ms: 20,
      execution_ms: 31,
      rows: 9,
      scanned_rows: 60,
      scanned_bytes: 2_048,
      exchanged_bytes: 640,
      spilled_bytes: 10,
      stored_bytes: 20,
      cpu_ms: 1.235,
    });
    expect(analysis.stages[0]).toMatchObject({
      started_after_ms: 1,
      start_reason: 'all-at-once',
      ended_after_ms: 30,
      estimated_rows: 42,
      output_rows: 12,
      splits: 6,
      row_groups: 1,
      pruned_row_groups: 5,
      pruned_files: 2,
      tables: ['table_7'],
    });
    expect(analysis.stages[0]?.tasks[1]).toMatchObject({
      task: 1,
      node: 'worker-1',
      started_after_ms: 2,
      input_rows: 15,
      splits: 3,
    });
  });

  it('tells what was done in vain apart from what counts (R20)', () => {
    const [first = stage(0, [], {}), ...others] = FINISHED.stages;
    const again = task(0, { inputRows: 20, cpuMs: 2 });
    const vain = { ...again, isCounted: false, taskId: { ...again.taskId, attempt: 1 } };
    const wasted = { taskCount: 2, stats: { ...NO_TASK_STATS, inputRows: 30, cpuMs: 2.5 } };
    const stages = [
      { ...first, wasted, memoryWaitMs: 7, tasks: [...first.tasks, vain] },
      ...others,
    ];
    const analysis = analyze({ ...FINISHED, stages });
    expect(analysis.wasted).toEqual({ tasks: 2, input_rows: 30, scanned_bytes: 0, cpu_ms: 2.5 });
    expect(analysis).toMatchObject({ scanned_rows: 60, cpu_ms: 1.235 });
    expect(analysis.stages[0]?.skew.input_rows).toBe(1.5);
    const text = new Map(analysisRows(analysis, 'text'));
    expect(text.get('query')).toContain('wasted: 2 tasks, 30 rows in, cpu 2.5 ms');
    expect(text.get('stage 0')).toMatch(/^source, 2 tasks,/);
    expect(text.get('stage 0')).toContain('blocked: 7.0 ms waiting-for-memory, 4.0 ms output-full');
    expect(text.get('stage 0')).toMatch(/\n0\.1 \(wasted\) {2}worker-0/);
  });

  it('names each stage that another reads once', () => {
    expect(analyze(FINISHED).stages[1]).toMatchObject({ inputs: [0], tables: [] });
  });

  it('compares the largest task with the mean of all', () => {
    const { skew } = analyze(FINISHED).stages[0] ?? {};
    expect(skew).toEqual({ input_rows: 1.5, output_rows: 1, cpu_ms: 1 });
    expect(analyze(FINISHED).stages[1]?.skew.cpu_ms).toBeNull();
  });
});

describe('the answer to EXPLAIN ANALYZE', () => {
  it('is one JSON document', () => {
    const [[key, value] = ['', ''], ...others] = analysisRows(analyze(FINISHED), 'json');
    expect([key, others]).toEqual(['analyzed_plan', []]);
    expect(JSON.parse(value)).toEqual(analyze(FINISHED));
  });

  it('or a text for each stage', () => {
    const rows = new Map(analysisRows(analyze(FINISHED), 'text'));
    expect([...rows.keys()]).toEqual(['rung', 'query', 'stage 0', 'stage 1']);
    expect(rows.get('rung')).toBe('rung: distributed\nreason: 2 stages, 1 with several tasks');
    expect(rows.get('query')).toContain('time: 1.0 ms queued, 20.0 ms planning, 31.0 ms execution');
    expect(rows.get('stage 0')).toContain(
      [
        'source, 2 tasks, finished, reads table_7',
        'started after 1.0 ms (all-at-once), ended after 30.0 ms',
        'rows: 60 in, 12 out (estimated 42)',
        'bytes: 2.0 KiB in, 640 B out',
        'scan: 6 splits of 1 row groups (5 row groups and 2 files pruned), 60 rows, 2.0 KiB',
        'dynamic filters: 4 row groups pruned (400 rows, 2.0 KiB), 0 rows filtered',
        'cpu: 1.2 ms, statements: 0.0 ms, longest task: 0.0 ms',
        'blocked: 4.0 ms output-full',
        'memory: 3.0 MiB peak, 0 B spilled',
        'skew: input rows 1.5, output rows 1, cpu ms 1',
        '',
      ].join('\n'),
    );
    expect(rows.get('stage 1')).toContain('memory: 0 B peak, 10 B spilled, 20 B stored\n');
    expect(rows.get('stage 0')).toMatch(/\n {3}0 {2}worker-0 {2}finished {7}45 .* 3\n/);
  });
});
