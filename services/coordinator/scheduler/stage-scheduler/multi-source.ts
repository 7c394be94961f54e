/** Tasks follow the splits of several scans, none of which waits for another (T19). */
import { completeScheduling } from '../stage-transitions.ts';
import { feedAllScans } from './scan-feeding.ts';
import type { StageScheduler } from './stage-scheduler.ts';

export const multiSource: StageScheduler = {
  schedule(turn, stage) {
    if (feedAllScans(turn, stage)) completeScheduling(turn, stage);
  },
};
