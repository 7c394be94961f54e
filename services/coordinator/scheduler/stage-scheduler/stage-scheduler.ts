/** How the tasks of one stage come about and get their splits (T19, P5). */
import type { StageState } from '../stage-state.ts';
import type { Turn } from '../turn.ts';

export interface StageScheduler {
  /**
   * Brings a stage that is `scheduling` or `scheduling-splits` as far as it can go now; called again whenever something it may
   * wait for has changed. The stage's state says whether it is through, `why-blocked.ts` what it waits for (T21).
   */
  schedule(turn: Turn, stage: StageState): void;
}
