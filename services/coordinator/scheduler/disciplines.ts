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

/** Policies that make a discipline together. */
export interface DisciplineChoice {
  readonly scheduling: SchedulingName;
  readonly executionPolicy: ExecutionPolicyName;
  readonly retryPolicy: RetryPolicyName;
}

/** What a cluster has that some discipline needs. */
export interface ClusterCapabilities {
  /** Outputs can be kept where they survive the worker that made them. */
  readonly hasSpooledExchange: boolean;
}

const NO_CAPABILITIES: ClusterCapabilities = { hasSpooledExchange: false };

type NamedPolicies = Pick<SessionProperties, 'scheduling' | 'execution_policy' | 'retry_policy'>;

/** @throws EngineError INVALID_SESSION_PROPERTY, with both values that do not go together, or the one that the cluster cannot offer */
export function chooseDiscipline(
  properties: NamedPolicies,
  capabilities = NO_CAPABILITIES,
): DisciplineChoice {
  const { scheduling, execution_policy, retry_policy } = properties;
  const { executionPolicies, retryPolicies } = DISCIPLINES[scheduling];
  const named = { property: 'execution_policy', scheduling } as const;
  const executionPolicy = choose({
    ...named,
    wanted: execution_policy,
    possible: executionPolicies,
  });
  const retryPolicy = choose({
    property: 'retry_policy',
    scheduling,
    wanted: retry_policy,
    possible: retryPolicies,
  });
  const choice = { scheduling, executionPolicy, retryPolicy };
  const problem = findMissingCapability(choice, capabilities);
  if (problem === undefined) return choice;
  throw new EngineError('INVALID_SESSION_PROPERTY', `scheduling=${scheduling} ${problem}`, {
    details: { property: 'scheduling' },
  });
}

/** Why this cluster cannot offer the discipline; undefined = it can. */
export function findMissingCapability(
  { retryPolicy }: Pick<DisciplineChoice, 'retryPolicy'>,
  { hasSpooledExchange }: ClusterCapabilities,
): string | undefined {
  if (retryPolicy !== 'task' || hasSpooledExchange) return undefined;
  return 'is not available: it needs a spooled exchange, which this cluster does not have';
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
