/** What queries, stages and tasks wait for, as clients see it. */
import type {
  QueryInfo,
  TaskWait as InternalTaskWait,
  Wait as InternalWait,
} from '../../../proto/gen/skein/internal/v1/query_coordinator.ts';
import { AdmissionFactor, WaitReason as WireReason } from '../../../proto/gen/skein/v1/query.ts';
import type { AdmissionWait, TaskWait, Wait } from '../../../proto/gen/skein/v1/query.ts';
import type { WaitReason } from '../../common/task/wait-reason.ts';

const REASONS: Readonly<Record<WaitReason, WireReason>> = {
  'waiting-for-admission': WireReason.WAIT_REASON_WAITING_FOR_ADMISSION,
  'waiting-for-plan': WireReason.WAIT_REASON_WAITING_FOR_PLAN,
  'waiting-for-failure-cause': WireReason.WAIT_REASON_WAITING_FOR_FAILURE_CAUSE,
  'waiting-for-retry': WireReason.WAIT_REASON_WAITING_FOR_RETRY,
  'waiting-for-earlier-stages': WireReason.WAIT_REASON_WAITING_FOR_EARLIER_STAGES,
  'waiting-for-dynamic-filters': WireReason.WAIT_REASON_WAITING_FOR_DYNAMIC_FILTERS,
  'waiting-for-source': WireReason.WAIT_REASON_WAITING_FOR_SOURCE,
  'split-queues-full': WireReason.WAIT_REASON_SPLIT_QUEUES_FULL,
  'waiting-for-locality': WireReason.WAIT_REASON_WAITING_FOR_LOCALITY,
  'waiting-for-lane': WireReason.WAIT_REASON_WAITING_FOR_LANE,
  'waiting-for-memory': WireReason.WAIT_REASON_WAITING_FOR_MEMORY,
  'writer-scaling': WireReason.WAIT_REASON_WRITER_SCALING,
  'waiting-for-tasks': WireReason.WAIT_REASON_WAITING_FOR_TASKS,
  'waiting-for-consumers': WireReason.WAIT_REASON_WAITING_FOR_CONSUMERS,
  'result-not-consumed': WireReason.WAIT_REASON_RESULT_NOT_CONSUMED,
  'waiting-for-input': WireReason.WAIT_REASON_WAITING_FOR_INPUT,
  'waiting-for-slot': WireReason.WAIT_REASON_WAITING_FOR_SLOT,
  'waiting-for-report': WireReason.WAIT_REASON_WAITING_FOR_REPORT,
  'waiting-for-splits': WireReason.WAIT_REASON_WAITING_FOR_SPLITS,
  'waiting-for-stop': WireReason.WAIT_REASON_WAITING_FOR_STOP,
  'output-full': WireReason.WAIT_REASON_OUTPUT_FULL,
};

/** Empty, or a name that this version does not know: unspecified. */
export function publicWaitReason(name: string): WireReason {
  const reasons: Readonly<Record<string, WireReason>> = REASONS;
  return reasons[name] ?? WireReason.WAIT_REASON_UNSPECIFIED;
}

/** Unset for what progresses. */
export function publicWait(wait: InternalWait | undefined): Wait | undefined {
  if (wait === undefined || wait.reason === '') return undefined;
  return {
    reason: publicWaitReason(wait.reason),
    stages: wait.stages,
    taskIds: wait.tasks,
    nodeIds: wait.nodes,
    sources: wait.sources,
  };
}

const ADMISSION_FACTORS: Readonly<Record<string, AdmissionFactor>> = {
  concurrency: AdmissionFactor.ADMISSION_FACTOR_CONCURRENCY,
  memory: AdmissionFactor.ADMISSION_FACTOR_MEMORY,
  cpu: AdmissionFactor.ADMISSION_FACTOR_CPU,
};

/** Unset for a query that does not wait for admission. */
export function publicAdmissionWait({
  admissionWaitGroup,
  admissionWaitFactor,
}: QueryInfo): AdmissionWait | undefined {
  if (admissionWaitGroup === '') return undefined;
  const factor = ADMISSION_FACTORS[admissionWaitFactor];
  return {
    resourceGroup: admissionWaitGroup,
    factor: factor ?? AdmissionFactor.ADMISSION_FACTOR_UNSPECIFIED,
  };
}

export function publicTaskWait({ taskId, wait }: InternalTaskWait): TaskWait {
  return { taskId, wait: publicWait(wait) };
}
