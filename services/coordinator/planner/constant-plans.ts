import type { QueryPlan } from '../../common/plan/plan-fragment.ts';
import type { Planner, PlanRequest } from '../query/ports.ts';

const MAX_PLANS = 200;
/** Characters of a request that is worth keeping: such statements ask whether anybody is there. */
const MAX_KEY_LENGTH = 4_096;

/**
 * Keeps constant plans, so that `SELECT 1` of a connection pool or a health check costs no call of the planner. The
 * least recently used go first.
 */
export class ConstantPlans implements Planner {
  readonly #planner: Planner;
  readonly #plans = new Map<string, QueryPlan>();

  constructor(planner: Planner) {
    this.#planner = planner;
  }

  async plan(request: PlanRequest, signal: AbortSignal): Promise<QueryPlan> {
    const key = keyOf(request);
    const kept = key === undefined ? undefined : this.#plans.get(key);
    const plan = kept ?? (await this.#planner.plan(request, signal));
    if (key !== undefined && plan.isConstant === true) this.#keep(key, plan);
    return plan;
  }

  #keep(key: string, plan: QueryPlan): void {
    this.#plans.delete(key);
    this.#plans.set(key, plan);
    const [oldest] = this.#plans.keys();
    if (this.#plans.size > MAX_PLANS && oldest !== undefined) this.#plans.delete(oldest);
  }
}

/** All that a plan depends on; undefined when it is not worth comparing. */
function keyOf(request: PlanRequest): string | undefined {
  if (request.parameters.length > 0 || request.answers.length > 0) return undefined;
  if (request.sql.length > MAX_KEY_LENGTH) return undefined;
  const key = JSON.stringify({ ...request, queryId: undefined });
  return key.length > MAX_KEY_LENGTH ? undefined : key;
}
