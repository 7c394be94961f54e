import { describe, expect, it } from 'vitest';
import { TaskProgress } from '../../../../services/worker/task/task-progress.ts';
import type { StatementResult } from '../../../../services/worker/task/fragment-slot.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const REMOTE = { rows: 5, bytes: 50, spilledBytes: 7 };
const BATCH = { files: new Map(), splitCount: 2, rowCount: 100, byteCount: 1_000 };
const RESULT: StatementResult = {
  outputRows: 30,
  limitReached: false,
  busyMs: 20,
  outputFullMs: 4,
  cpuMs: 12,
  peakMemoryBytes: 600,
  spilledBytes: 3,
  filteredRows: 9,
};

describe('TaskProgress', () => {
  it('tells what was scanned from what others sent', () => {
    const progress = new TaskProgress(new VirtualClock());
    progress.addStatement(BATCH, RESULT);
    expect(progress.stats(REMOTE, 0)).toMatchObject({
      splitsCompleted: 2,
      inputRows: 105,
      inputBytes: 1_050,
      scannedRows: 100,
      scannedBytes: 1_000,
      outputRows: 30,
      cpuMs: 12,
      busyMs: 20,
      spilledBytes: 10,
    });
  });

  it('counts a row once, however many deals have pages of it', () => {
    const progress = new TaskProgress(new VirtualClock());
    const page = { partition: 0, page: new ArrayBuffer(64), rowCount: 8 };
    progress.addPage({ deal: 0, ...page });
    progress.addPage({ deal: 1, ...page });
    expect(progress.stats(REMOTE, 0)).toMatchObject({ outputRows: 8, outputBytes: 128 });
  });

  it('adds up waits by their reasons, the one under way included', async () => {
    const clock = new VirtualClock();
    const progress = new TaskProgress(clock);
    progress.waitFor('waiting-for-input');
    await clock.advance(30);
    progress.waitFor('waiting-for-slot');
    await clock.advance(5);
    progress.waitFor(undefined);
    await clock.advance(100);
    progress.addStatement(BATCH, RESULT);
    progress.waitFor('output-full');
    await clock.advance(6);
    const blockedMs = {
      'waiting-for-splits': 0,
      'waiting-for-input': 30,
      'waiting-for-slot': 5,
      'output-full': 10,
    };
    expect(progress.stats(REMOTE, 0)).toMatchObject({ blockedMs, wallMs: 141 });
    progress.end();
    await clock.advance(1_000);
    expect(progress.stats(REMOTE, 0)).toMatchObject({ blockedMs, wallMs: 141 });
  });

  it('has memory while a statement runs, and remembers the most', () => {
    const progress = new TaskProgress(new VirtualClock());
    progress.noteMemory(900);
    progress.noteMemory(500);
    expect(progress.stats(REMOTE, 0)).toMatchObject({ memoryBytes: 500, peakMemoryBytes: 900 });
    progress.addStatement(BATCH, RESULT);
    expect(progress.stats(REMOTE, 0)).toMatchObject({ memoryBytes: 0, peakMemoryBytes: 900 });
  });
});
