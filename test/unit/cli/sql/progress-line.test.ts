import { describe, expect, it } from 'vitest';
import { progressText } from '../../../../services/cli/sql/progress-line.ts';

const PROGRESS = {
  queryId: 'q1',
  state: 'RUNNING',
  completedSplits: 1,
  totalSplits: 4,
  inputRows: 12_345,
  inputBytes: 999,
  elapsedMs: 1_500,
};

describe('the progress line', () => {
  it('tells how far a query is', () => {
    const text = 'q1  RUNNING  1/4 splits  25%  12.3k rows  999B  1.5s';
    expect(progressText(PROGRESS)).toBe(text);
  });

  it('tells of a queued query where it waits and for want of what', () => {
    const admissionWait = { resourceGroup: 'root.etl', factor: 'memory' };
    const text = progressText({ ...PROGRESS, state: 'QUEUED', admissionWait });
    expect(text).toBe('q1  QUEUED  waits for memory in root.etl  1.5s');
  });
});
