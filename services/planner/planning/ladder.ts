/** The rungs that a decoded query can be on, the best first, each with the plan that it means. */
import { type Rung, type ScanDescriptor } from '../../common/plan/plan-fragment.ts';
import { inOneTask, inOneTaskOverScans, oneTaskReason } from '../distribution/one-task.ts';
import { type PhysicalPlan } from '../distribution/physical-plan.ts';
import { distribute } from '../distribution/place.ts';
import { type DistributionOptions } from '../distribution/placer.ts';
import { type StatisticsOfScans } from '../distribution/scan-statistics.ts';
import { firstFreeSourceId } from '../distribution/simplify.ts';
import { type LogicalPlan } from '../logical/logical-plan.ts';
import { type PlanningRequest } from './ports.ts';

export interface RungCandidate {
  readonly rung: Exclude<Rung, 'whole'>;
  readonly reason: string;
  readonly physical: PhysicalPlan;
}

export interface DistributionRequest {
  readonly request: PlanningRequest;
  /** Empty: whether files lie apart by a key does not matter. */
  readonly statistics: StatisticsOfScans;
}

/** Lazily: a rung is built when the ones above it have failed. */
export function* rungCandidates(
  plan: LogicalPlan,
  scans: readonly ScanDescriptor[],
  { request, statistics }: DistributionRequest,
): Generator<RungCandidate> {
  const small = reasonToStaySmall(scans, request);
  if (small !== undefined) {
    yield { rung: 'small', reason: small, physical: inOneTask(plan) };
    return;
  }
  const nextSourceId = firstFreeSourceId(plan);
  const alone = oneTaskReason(plan);
  if (alone === undefined) {
    const options = { ...distributionOptions(request), statistics };
    const physical = distribute(plan, options, nextSourceId);
    yield { rung: 'distributed', reason: stagesText(physical), physical };
  }
  yield {
    rung: 'single-over-scans',
    reason: alone?.text ?? 'everything above the scans runs in one task',
    physical:
      alone?.inFileOrder === true ? inOneTask(plan) : inOneTaskOverScans(plan, nextSourceId),
  };
}

/** Why a query is one fragment by choice; undefined when it is to be distributed. */
function reasonToStaySmall(
  scans: readonly ScanDescriptor[],
  { session, cluster }: PlanningRequest,
): string | undefined {
  if (scans.length === 0) return 'no files are read';
  if (session.distribution === 'always') return undefined;
  if (session.distribution === 'never') return 'distribution = never';
  if (cluster.workerCount <= 1) return 'the cluster has one worker';
  const bytes = scans.reduce((sum, { totalBytes }) => sum + totalBytes, 0);
  return bytes < session.distribution_threshold
    ? `${bytes} bytes of input are below distribution_threshold`
    : undefined;
}

function distributionOptions({
  session,
  cluster,
}: PlanningRequest): Omit<DistributionOptions, 'statistics'> {
  const perWorker = session.task_concurrency || cluster.tasksPerWorker;
  return {
    taskCount: session.hash_partition_count || Math.max(1, perWorker * cluster.workerCount),
    broadcastThresholdBytes: session.broadcast_threshold,
    sendsRawRows: session.partial_aggregation === 'never',
  };
}

function stagesText({ stages }: PhysicalPlan): string {
  const parallel = stages.filter(({ partitioning }) => partitioning !== 'single').length;
  return `${stages.length} ${stages.length === 1 ? 'stage' : 'stages'}, ${parallel} with several tasks`;
}
