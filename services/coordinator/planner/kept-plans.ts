import type { PathChanges } from '../../common/path-changes.ts';
import type { QueryPlan, SeenPath } from '../../common/plan/plan-fragment.ts';
import type { Planner, PlanRequest } from '../query/ports.ts';

const MAX_PLANS = 200;
/** Characters of a request that is worth keeping: longer ones seldom come again. */
const MAX_KEY_LENGTH = 8_192;
/** Of a plan that is worth keeping; megabytes for all plans together. */
const MAX_ROW_GROUPS = 500;

/**
 * Keeps plans that can be told to hold, so that statements that come again and again (a health check's `SELECT 1`, a
 * dashboard's count) cost no call of the planner. The least recently used go first.
 */
export class KeptPlans implements Planner {
  readonly #planner: Planner;
  readonly #changes: PathChanges;
  readonly #plans = new Map<string, QueryPlan>();

  constructor(planner: Planner, changes: PathChanges) {
    this.#planner = planner;
    this.#changes = changes;
  }

  async plan(request: PlanRequest, signal: AbortSignal): Promise<QueryPlan> {
    const key = keyOf(request);
    if (key === undefined) return await this.#planner.plan(request, signal);
    const kept = this.#plans.get(key);
    const holds = kept?.holdsWhile !== undefined && (await this.#areUnchanged(kept.holdsWhile));
    signal.throwIfAborted();
    const plan = holds ? kept : await this.#planner.plan(request, signal);
    this.#plans.delete(key);
    if (isWorthKeeping(plan)) this.#keep(key, plan);
    return plan;
  }

  async #areUnchanged(paths: readonly SeenPath[]): Promise<boolean> {
    if (paths.length === 0) return true;
    const times = await Promise.all(paths.map(({ path }) => this.#changes.changedAtMs(path)));
    return paths.every(({ changedAtMs }, i) => times[i] === changedAtMs);
  }

  #keep(key: string, plan: QueryPlan): void {
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

function isWorthKeeping({ holdsWhile, scans }: QueryPlan): boolean {
  if (holdsWhile === undefined) return false;
  const files = scans.flatMap((scan) => scan.files);
  return files.reduce((sum, file) => sum + file.rowGroups.length, 0) <= MAX_ROW_GROUPS;
}
