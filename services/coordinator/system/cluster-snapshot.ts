/** What the catalog `system` shows, all of one moment. */
import type { Instant } from '../../common/ids.ts';
import type { ResourceGroupsReport } from '../admission/query-admission.ts';
import type { MemberDescription } from '../cluster/cluster-state.ts';
import type { QueryReport } from '../query/query-report.ts';
import type { StageDetail } from '../scheduler/query-description.ts';

export interface ClusterSnapshot {
  /** Those that the reader may see. */
  readonly queries: readonly QuerySnapshot[];
  readonly coordinator: CoordinatorDescription;
  readonly workers: readonly MemberDescription[];
  readonly resourceGroups: ResourceGroupsReport;
}

export interface QuerySnapshot {
  readonly report: QueryReport;
  readonly stages: readonly StageDetail[];
}

/** This process, as a member of the cluster. */
export interface CoordinatorDescription {
  /** host:port of its gRPC services. */
  readonly address: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly startedAt: Instant;
  readonly now: Instant;
}
