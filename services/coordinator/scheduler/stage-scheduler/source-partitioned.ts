/** Tasks follow splits: a lane gets its task with its first split (T22, T26, T27). */
import { completeScheduling } from '../stage-transitions.ts';
import { feedScans } from './scan-feeding.ts';
import type { StageScheduler } from './stage-scheduler.ts';

export const sourcePartitioned: StageScheduler = {
  schedule(turn, stage) {
    if (feedScans(turn, stage)) completeScheduling(turn, stage);
  },
};
