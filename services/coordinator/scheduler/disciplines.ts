/**
 * The four disciplines (design: scheduling kernel): which policies make one together. Any other combination is refused when a
 * query is submitted, before anything is planned.
 */
import { EngineError } from '../../common/error.ts';
import type { SessionProperties } from '../../common/session-properties.ts';

export type SchedulingName = SessionProperties['scheduling'];
export type ExecutionPolicyName = Exclude<SessionProperties['execution_policy'], 'auto'>;
export type RetryPolicyName = Exclude<SessionProperties['retry_policy'], 'auto'>;

interface Discipline {
  /** The first is what `auto` means. */
  readonly executionPolicies: readonly [ExecutionPolicyName, ...ExecutionPolicyName[]];
  readonly retryPolicies: readonly [RetryPolicyName, ...RetryPolicyName[]];
}

export const DISCIPLINES: Readonly<Record<SchedulingName, Discipline>> = {
  pipelined: {
    executionPolicies: ['phased', 'all-at-once', 'legacy-phased'],
    retryPolicies: ['none', 'query'],
  },
  'fault-tolerant': { executionPolicies: ['event-driven'], retryPolicies: ['task'] },
  'stage-barrier': { executionPolicies: ['stage-barrier'], retryPolicies: ['stage'] },
  regions: { executionPolicies: ['pipelined-region'], retryPolicies: ['region'] },
};

/** What is there of each. */
const SCHEDULINGS = [
  'pipelined',
  'stage-barrier',
  'regions',
] as const satisfies readonly SchedulingName[];
const EXECUTION_POLICIES = [
  'phased',
  'all-at-once',
  'legacy-phased',
  'stage-barrier',
  'pipelined-region',
] as const satisfies readonly ExecutionPolicyName[];
const RETRY_POLICIES = [
  'none',
  'query',
  'stage',
  'region',
] as const satisfies readonly RetryPolicyName[];

/** Policies that make a discipline together. */
export interface DisciplineChoice {
  readonly scheduling: (typeof SCHEDULINGS)[number];
  readonly executionPolicy: (typeof EXECUTION_POLICIES)[number];
  readonly retryPolicy: (typeof RETRY_POLICIES)[number];
}

type NamedPolicies = Pick<SessionProperties, 'scheduling' | 'execution_policy' | 'retry_policy'>;

/** @throws EngineError INVALID_SESSION_PROPERTY, with both values that do not go together, or the one that is not available */
export function chooseDiscipline(properties: NamedPolicies): DisciplineChoice {
  const { scheduling, execution_policy, retry_policy } = properties;
  const { executionPolicies, retryPolicies } = DISCIPLINES[scheduling];
  const named = { property: 'execution_policy', scheduling } as const;
  const execution = choose({ ...named, wanted: execution_policy, possible: executionPolicies });
  const retry = choose({
    property: 'retry_policy',
    scheduling,
    wanted: retry_policy,
    possible: retryPolicies,
  });
  return {
    scheduling: available('scheduling', scheduling, SCHEDULINGS),
    executionPolicy: available('execution_policy', execution, EXECUTION_POLICIES),
    retryPolicy: available('retry_policy', retry, RETRY_POLICIES),
  };
}

interface Choice<T extends string> {
  readonly property: 'execution_policy' | 'retry_policy';
  readonly scheduling: SchedulingName;
  readonly wanted: T | 'auto';
  readonly possible: readonly [T, ...T[]];
}

function choose<T extends string>({ property, scheduling, wanted, possible }: Choice<T>): T {
  const chosen = possible.find((policy) => wanted === 'auto' || policy === wanted);
  if (chosen !== undefined) return chosen;
  throw new EngineError(
    'INVALID_SESSION_PROPERTY',
    `${property}=${wanted} does not go with scheduling=${scheduling}, but ${possible.join(', ')}`,
    { details: { property } },
  );
}

function available<const T extends string>(
  property: string,
  wanted: string,
  there: readonly T[],
): T {
  const found = there.find((name) => name === wanted);
  if (found !== undefined) return found;
  throw new EngineError(
    'INVALID_SESSION_PROPERTY',
    `${property}=${wanted} is not available yet; available: ${there.join(', ')}`,
    { details: { property } },
  );
}
