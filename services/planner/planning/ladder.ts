/** The rungs that a decoded query can be on, the best first, each with the plan that it means. */
import { type Rung, type ScanDescriptor } from '../../common/plan/plan-fragment.ts';
import { inOneTask, inOneTaskOverScans, oneTaskReason } from '../distribution/one-task.ts';
import { type PhysicalPlan } from '../distribution/physical-plan.ts';
import { distribute } from '../distribution/place.ts';
import { planCost } from '../distribution/plan-cost.ts';
import { type DistributionOptions } from '../distribution/placer.ts';
import { type StatisticsOfScans } from '../distribution/scan-statistics.ts';
import { firstFreeSourceId } from '../distribution/simplify.ts';
import { type LogicalPlan } from '../logical/logical-plan.ts';
import { type PlanningRequest } from './ports.ts';
import { weighedInputBytes } from './weighed-input.ts';

export interface RungCandidate {
  readonly rung: Exclude<Rung, 'whole'>;
  readonly reason: string;
  readonly physical: PhysicalPlan;
}

export interface DistributionRequest {
  readonly request: PlanningRequest;
  /** What the files say of the scans. */
  readonly statistics: StatisticsOfScans;
}

/** Lazily: a rung is built when the ones above it have failed. */
export function* rungCandidates(
  plan: LogicalPlan,
  scans: readonly ScanDescriptor[],
  { request, statistics }: DistributionRequest,
): Generator<RungCandidate> {
  const inputBytes = scans.reduce((sum, { totalBytes }) => sum + totalBytes, 0);
  const inOne = reasonToStayInOneTask(scans, request, inputBytes);
  if (inOne !== undefined) {
    yield { rung: 'small', reason: inOne, physical: inOneTask(plan) };
    return;
  }
  const nextSourceId = firstFreeSourceId(plan);
  const alone = oneTaskReason(plan);
  const distributed =
    alone === undefined ? distributedOn(plan, { request, statistics }, nextSourceId) : undefined;
  const choice = chooseByWork(plan, distributed?.physical, { request, statistics, inputBytes });
  if (choice?.staysSmall === true) {
    yield { rung: 'small', reason: choice.reason, physical: inOneTask(plan) };
    return;
  }
  if (distributed !== undefined) {
    const reasons = [distributed.reason, ...(choice === undefined ? [] : [choice.reason])];
    yield { ...distributed, reason: reasons.join(': ') };
  }
  yield {
    rung: 'single-over-scans',
    reason: alone?.text ?? 'everything above the scans runs in one task',
    physical:
      alone?.inFileOrder === true ? inOneTask(plan) : inOneTaskOverScans(plan, nextSourceId),
  };
}

function distributedOn(
  plan: LogicalPlan,
  { request, statistics }: DistributionRequest,
  nextSourceId: number,
): RungCandidate {
  const physical = distribute(plan, distributionOptions(request, statistics), nextSourceId);
  return { rung: 'distributed', reason: stagesText(physical), physical };
}

/** Why a query is one fragment, whatever its plan in stages. */
function reasonToStayInOneTask(
  scans: readonly ScanDescriptor[],
  { session, cluster }: PlanningRequest,
  inputBytes: number,
): string | undefined {
  if (scans.length === 0) return 'no files are read';
  if (session.distribution === 'always') return undefined;
  if (session.distribution === 'never') return 'distribution = never';
  if (cluster.workerCount <= 1) return 'the cluster has one worker';
  return inputBytes < weighedInputBytes(session) ? belowThreshold(inputBytes) : undefined;
}

function belowThreshold(inputBytes: number): string {
  return `${inputBytes} bytes of input are below distribution_threshold`;
}

/** Stages take more of the cluster than one task does: they have to be faster by so much. */
const WORTH_STAGES = 0.8;

interface SmallnessTerms extends DistributionRequest {
  readonly inputBytes: number;
}

interface Choice {
  readonly staysSmall: boolean;
  readonly reason: string;
}

/**
 * Whether a query that could be distributed is one fragment, by its work: it takes longer in stages when these add more
 * of it than their tasks share. Where much is read it is distributed in any case: one task may want the memory for it.
 */
function chooseByWork(
  plan: LogicalPlan,
  distributed: PhysicalPlan | undefined,
  { request, statistics, inputBytes }: SmallnessTerms,
): Choice | undefined {
  const { session } = request;
  if (session.distribution === 'always' || inputBytes >= session.distribution_threshold) {
    return undefined;
  }
  const reason = belowThreshold(inputBytes);
  if (distributed === undefined) return { staysSmall: true, reason };
  const options = distributionOptions(request, statistics);
  const inStages = planCost(distributed, options);
  const inOne = planCost(inOneTask(plan), options);
  return inStages <= WORTH_STAGES * inOne
    ? { staysSmall: false, reason: `work of ${mebibytes(inStages)} instead of ${mebibytes(inOne)}` }
    : {
        staysSmall: true,
        reason: `${reason}, work of ${mebibytes(inOne)} instead of ${mebibytes(inStages)} in stages`,
      };
}

function mebibytes(cost: number): string {
  return `${(cost / 1024 / 1024).toFixed(1)} MiB`;
}

function distributionOptions(
  { session, cluster }: PlanningRequest,
  statistics: StatisticsOfScans,
): DistributionOptions {
  const perWorker = session.task_concurrency || cluster.tasksPerWorker;
  return {
    taskCount: session.hash_partition_count || Math.max(1, perWorker * cluster.workerCount),
    broadcastThresholdBytes: session.broadcast_threshold,
    sendsRawRows: session.partial_aggregation === 'never',
    sharesSmallWork: session.distribution === 'always',
    statistics: session.colocated_execution === 'on' ? statistics : new Map(),
    replicated: session.replicated_scans === 'on' ? statistics : new Map(),
  };
}

function stagesText({ stages }: PhysicalPlan): string {
  const parallel = stages.filter(({ partitioning }) => partitioning !== 'single').length;
  return `${stages.length} ${stages.length === 1 ? 'stage' : 'stages'}, ${parallel} with several tasks`;
}
