/** The answer to EXPLAIN ANALYZE as the result of its query: small, inline, of no worker (R8). */
import type { PartitionId, SourceId, StageId } from '../../common/ids.ts';
import { pagesOfRows, type CellColumn } from '../../common/page/row-pages.ts';
import type { ExplainFormat } from '../../common/plan/plan-fragment.ts';
import { coordinatorLocation } from '../../common/system/coordinator-location.ts';
import { analysisRows } from '../explain/analysis-rows.ts';
import type { FinishedQuery } from '../explain/analysis.ts';
import { analyze } from '../explain/analysis.ts';
import type { ResultLocation } from '../scheduler/scheduler-effect.ts';
import type { Query } from './query.ts';

const COLUMNS: readonly CellColumn[] = ['explain_key', 'explain_value'].map((name) => ({
  name,
  type: { id: 'VARCHAR' },
}));

/** How the query went; its tasks have ended. */
export function analysisResult(
  query: Query,
  finished: Pick<FinishedQuery, 'plan' | 'executionStartedAt' | 'executionMs'>,
  format: ExplainFormat,
): ResultLocation {
  const { queuedMs, planningMs, peakMemoryBytes } = query.report();
  const stages = query.describeStages();
  const analysis = analyze({ ...finished, stages, queuedMs, planningMs, peakMemoryBytes });
  const pages = pagesOfRows(COLUMNS, analysisRows(analysis, format));
  const { queryId } = query.traits;
  const taskId = { queryId, stageId: 0 as StageId, partitionId: 0 as PartitionId, attempt: 0 };
  return {
    // Where nobody will ever look, since the pages are here.
    location: coordinatorLocation(taskId, 0 as SourceId),
    inlinePages: pages.map((page) => new Uint8Array(page)),
  };
}
