/** What people and gateways are told of a query. */
import type { ErrorReport } from '../../common/error.ts';
import type { Instant, QueryId } from '../../common/ids.ts';
import type { Column } from '../../common/plan/column-type.ts';
import type { SessionState } from '../../common/session-state.ts';
import type { Principal } from '../../common/task/task-status.ts';
import type { AdmissionWait } from '../admission/admission-state.ts';
import type { StageDescription } from '../scheduler/query-description.ts';
import type { ResultLocation } from '../scheduler/scheduler-effect.ts';

/**
 * queued ─▶ planning ─▶ starting ─▶ running ─▶ finishing ─▶ finished, and from each of them ─▶ failed. Forward only, skips
 * allowed; a cancelled query is a failed one.
 */
export type QueryPhase =
  'queued' | 'planning' | 'starting' | 'running' | 'finishing' | 'finished' | 'failed';

/** A query as its owner sees it. */
export interface QueryReport {
  readonly queryId: QueryId;
  readonly phase: QueryPhase;
  readonly error?: ErrorReport;
  readonly sql: string;
  readonly principal: Principal;
  readonly createdAt: Instant;
  readonly endedAt?: Instant;
  readonly elapsedMs: number;
  /** Of `elapsedMs`: before its planning began, and during it. */
  readonly queuedMs: number;
  readonly planningMs: number;
  /** Empty before planning. */
  readonly rung: string;
  readonly rungReason: string;
  readonly stages: readonly StageDescription[];
  /** The largest memory that DuckDB had for it at one time, as far as it was seen. */
  readonly peakMemoryBytes: number;
  /** Why it does not progress, by name; empty when it does. */
  readonly blockedReason: string;
  readonly resourceGroup: string;
  /** While it is queued: which group lets no more begin, and for want of what. */
  readonly admissionWait?: AdmissionWait;
  /** The session behind the statement, where it has changed it. */
  readonly session?: SessionState;
}

/** What becomes known of a query's result. */
export interface ResultUpdate {
  readonly attempt: number;
  readonly columns: readonly Column[];
  readonly capability: Uint8Array;
  readonly locations: readonly ResultLocation[];
  readonly noMoreLocations: boolean;
  readonly commitment: 'withheld' | 'committed' | 'superseded';
  readonly resultReplayBytes: number;
  /** What columns of TIMESTAMP WITH TIME ZONE carry in the schema. */
  readonly timeZone: string;
}
