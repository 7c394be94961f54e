/** Which of the kernel's disciplines a seed is run under, and what its stages promise of another run. */
import type { PlanFragment } from '../../services/common/plan/plan-fragment.ts';
import type { Random } from '../../services/common/random.ts';
import {
  rerunsStages,
  spoolsOutputs,
} from '../../services/coordinator/scheduler/scheduler-options.ts';
import type { SchedulerOptions } from '../../services/coordinator/scheduler/scheduler-options.ts';
import type { TimedFault } from './scenario.ts';
import type { Workload } from './workload.ts';

export const STAGE_BARRIER = {
  scheduling: 'stage-barrier',
  executionPolicy: 'stage-barrier',
  retryPolicy: 'stage',
} as const;
export const REGIONS = {
  scheduling: 'regions',
  executionPolicy: 'pipelined-region',
  retryPolicy: 'region',
} as const;

/** Nothing = pipelined, with whatever policies are drawn for it. */
export function drawDiscipline(random: Random): Partial<SchedulerOptions> {
  switch (random.below(4)) {
    case 0:
      return { ...STAGE_BARRIER, nodeWaitMs: 4_000 };
    case 1:
      return { ...REGIONS, nodeWaitMs: 4_000 };
    default:
      return {};
  }
}

/** Where workers keep outputs they are lost, and loads fail that may be tried again: apart from all other faults. */
export function drawStoreFaults(
  random: Random,
  options: Pick<SchedulerOptions, 'retryPolicy'>,
): readonly TimedFault[] {
  const isKept = rerunsStages(options) && !spoolsOutputs(options);
  if (!isKept || random.next() < 0.4) return [];
  return Array.from({ length: 1 + random.below(2) }, () => {
    const atMs = random.below(150);
    switch (random.below(5)) {
      case 0:
        return { atMs, fault: { kind: 'split-failure', count: 1 + random.below(3) } };
      case 1:
      case 2:
        return { atMs, fault: { kind: 'lost-output', how: 'crash' } };
      default:
        return { atMs, fault: { kind: 'lost-output', how: 'damage' } };
    }
  });
}

/** In some cases the reader of a limited scan alone has the limit: it ends while the scan goes on, which is cancelled (T18, T36). */
export function drawLoneLimits(random: Random, workload: Workload): Workload {
  if (!workload.endsEarly || random.below(3) > 0) return workload;
  const fragments = workload.fragments.map((fragment): PlanFragment => {
    const { rowLimit: _left, ...unlimited } = fragment;
    return fragment.scans.length > 0 ? unlimited : fragment;
  });
  return { ...workload, fragments };
}

/** Some stages come out otherwise when they are run again: their rows are dealt to other partitions. */
export function drawDeterminism(random: Random, workload: Workload): Workload {
  const rate = random.below(2) === 0 ? 0 : 0.4;
  const fragments = workload.fragments.map((fragment): PlanFragment => {
    const isSteady = random.next() >= rate;
    return isSteady ? fragment : { ...fragment, determinism: 'indeterminate' };
  });
  return { ...workload, fragments };
}
