import type { QueryId } from '../../common/ids.ts';

export interface QuerySchedulerState {
  readonly queryId: QueryId;
}
