/** The policies that a query's options and fragments name. */
import { assertNever } from '../../common/assert.ts';
import { allAtOnce } from './execution-policy/all-at-once.ts';
import { eventDriven } from './execution-policy/event-driven.ts';
import { legacyPhased } from './execution-policy/legacy-phased.ts';
import { phased } from './execution-policy/phased.ts';
import { pipelinedRegion } from './execution-policy/pipelined-region.ts';
import { stageBarrier } from './execution-policy/stage-barrier.ts';
import type { ExecutionPolicy } from './execution-policy/execution-policy.ts';
import { launchPartitions } from './partition-launch.ts';
import { failQueryPolicy } from './recovery/fail-query.ts';
import { restartRegion } from './recovery/restart-region.ts';
import { resubmitStage } from './recovery/resubmit-stage.ts';
import { retryTask } from './recovery/retry-task.ts';
import { retryQueryPolicy } from './recovery/retry-query.ts';
import type { RecoveryPolicy } from './recovery/recovery-policy.ts';
import { describesTasks, retriesPartitions } from './scheduler-options.ts';
import type { SchedulerOptions } from './scheduler-options.ts';
import { byAssigner } from './stage-scheduler/by-assigner.ts';
import { byPartition } from './stage-scheduler/by-partition.ts';
import { fixedCount } from './stage-scheduler/fixed-count.ts';
import { fixedSourcePartitioned } from './stage-scheduler/fixed-source-partitioned.ts';
import { multiSource } from './stage-scheduler/multi-source.ts';
import { scaledWriter } from './stage-scheduler/scaled-writer.ts';
import { sourcePartitioned } from './stage-scheduler/source-partitioned.ts';
import type { StageScheduler } from './stage-scheduler/stage-scheduler.ts';
import type { StageState } from './stage-state.ts';
import { leaseTasks } from './task-leases.ts';
import type { Turn } from './turn.ts';

export function executionPolicyOf(options: SchedulerOptions): ExecutionPolicy {
  switch (options.executionPolicy) {
    case 'phased':
      return phased;
    case 'all-at-once':
      return allAtOnce;
    case 'legacy-phased':
      return legacyPhased;
    case 'stage-barrier':
      return stageBarrier;
    case 'pipelined-region':
      return pipelinedRegion;
    case 'event-driven':
      return eventDriven;
    default:
      return assertNever(options.executionPolicy);
  }
}

export function recoveryPolicyOf(options: SchedulerOptions): RecoveryPolicy {
  switch (options.retryPolicy) {
    case 'none':
      return failQueryPolicy;
    case 'stage':
      return resubmitStage;
    case 'query':
      return retryQueryPolicy;
    case 'region':
      return restartRegion;
    case 'task':
      return retryTask;
    default:
      return assertNever(options.retryPolicy);
  }
}

/** Who starts the attempts of partitions that are tried again: one for each free lane, or for each lease of a node. */
export function launcherOf(options: SchedulerOptions): (turn: Turn) => void {
  return describesTasks(options) ? leaseTasks : launchPartitions;
}

export function stageSchedulerOf(options: SchedulerOptions, stage: StageState): StageScheduler {
  if (describesTasks(options)) return byAssigner;
  if (retriesPartitions(options)) return byPartition;
  const { partitioning } = stage.fragment;
  switch (partitioning.kind) {
    case 'source':
      return stage.scans.length > 1 ? multiSource : sourcePartitioned;
    case 'scaled-writer':
      return scaledWriter;
    case 'fixed-source':
      return fixedSourcePartitioned;
    case 'single':
    case 'hash':
    case 'arbitrary':
      return fixedCount;
    default:
      return assertNever(partitioning);
  }
}
