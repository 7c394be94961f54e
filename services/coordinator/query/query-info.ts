/** What the coordinator tells of its queries. Plain values; `rpc/` maps them to the wire. */
import type { ErrorReport } from '../../common/error.ts';
import type { Instant, QueryId } from '../../common/ids.ts';
import type { Column } from '../../common/plan/column-type.ts';
import type { Rung } from '../../common/plan/plan-fragment.ts';
import type { Principal } from '../../common/task/task-status.ts';
import type { StageDescription } from '../scheduler/query-description.ts';
import type { ResultLocation } from '../scheduler/scheduler-effect.ts';

/** A query only moves forward; `finished` and `failed` are final. A cancelled query is failed. */
export type QueryPhase =
  | 'queued'
  | 'planning'
  | 'starting'
  | 'running'
  | 'finishing'
  | 'finished'
  | 'failed';

export interface QueryInfo {
  readonly queryId: QueryId;
  readonly phase: QueryPhase;
  readonly error?: ErrorReport;
  readonly sql: string;
  readonly principal: Principal;
  readonly createdAt: Instant;
  readonly endedAt?: Instant;
  readonly elapsedMs: number;
  readonly rung?: Rung;
  readonly rungReason?: string;
  /** Producers first, the root last; empty before planning. */
  readonly stages: readonly StageDescription[];
  /** Why the query as a whole does not progress; empty when it does. */
  readonly blockedReason: string;
}

/** What is new about a query's result; a stream of these ends with the query's error if it fails. */
export interface ResultNews {
  readonly attempt: number;
  readonly columns: readonly Column[];
  readonly capability: Uint8Array;
  readonly locations: readonly ResultLocation[];
  readonly noMoreLocations: boolean;
  readonly resultReplayBytes: number;
}

export interface QuerySubmission {
  readonly sql: string;
  readonly principal: Principal;
  readonly sessionProperties: Readonly<Record<string, string>>;
  /** Empty = none. */
  readonly requestId: string;
  readonly parameters: Uint8Array;
}
