import { assertNever } from '../../common/assert.ts';
import { EngineError, type ErrorCode } from '../../common/error.ts';
import { EXPLAIN_COLUMNS } from '../../common/plan/explain-row.ts';
import {
  type FragmentOutput,
  type PlanFragment,
  type QueryPlan,
  type ScanDescriptor,
} from '../../common/plan/plan-fragment.ts';
import { type SessionProperties } from '../../common/session-properties.ts';
import { boundEstimates } from '../distribution/bound-estimates.ts';
import { NO_DYNAMIC_FILTERS, placeDynamicFilters } from '../distribution/dynamic-filters.ts';
import { mendEstimates } from '../distribution/mend-estimates.ts';
import { type PhysicalPlan } from '../distribution/physical-plan.ts';
import { simplify } from '../distribution/simplify.ts';
import { explainJsonRows, explainRows } from '../explain/explain-plan.ts';
import { valuesPlan } from '../explain/values-plan.ts';
import {
  type FilteredPlan,
  type FragmentContext,
  planFragments,
  scansOf,
  wholeFragment,
} from '../fragment/plan-fragments.ts';
import { formsOf } from '../fragment/partial-aggregate.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import { rungCandidates } from './ladder.ts';
import { PlanCache } from './plan-cache.ts';
import {
  type BoundQuery,
  type Explain,
  type FrontEnd,
  type PlanningRequest,
  type Refutation,
  type ScanCatalog,
  type StatementPlanner,
  type TableDescription,
} from './ports.ts';
import { describeScans, scanStatistics, withPartitions, withScanRows } from './scan-files.ts';
import { type FilteredScans, usefulFilters } from './useful-filters.ts';

export interface QueryPlannerDeps {
  readonly frontEnd: FrontEnd;
  readonly catalog: ScanCatalog;
}

/** Each stage has several tasks, and all of them run at once. */
const MAX_STAGE_COUNT = 150;

type ProofOutcome =
  | { readonly kind: 'proved'; readonly fragments: readonly PlanFragment[] }
  | { readonly kind: 'refuted'; readonly reason: string };

/** Statement and session in, fragments and scan descriptors out: down the ladder until a rung is proved. */
export class QueryPlanner implements StatementPlanner {
  readonly #frontEnd: FrontEnd;
  readonly #catalog: ScanCatalog;
  readonly #plans = new PlanCache();

  constructor({ frontEnd, catalog }: QueryPlannerDeps) {
    this.#frontEnd = frontEnd;
    this.#catalog = catalog;
  }

  async plan(request: PlanningRequest): Promise<QueryPlan> {
    const key = planKey(request);
    const kept = key === undefined ? undefined : await this.#keptPlan(key);
    if (kept !== undefined) return kept;
    const admitted = await this.#frontEnd.admit(request);
    switch (admitted.kind) {
      case 'query': {
        const planned = await this.#planQuery(admitted.query, request);
        const { decidedBy: tables } = admitted;
        if (key === undefined || tables === undefined) return planned;
        const plan: QueryPlan = tables.length === 0 ? { ...planned, holdsWhile: [] } : planned;
        this.#plans.set(key, { plan, tables });
        return plan;
      }
      case 'explain':
        return explained(await this.#planQuery(admitted.query, request), admitted.explain);
      case 'known':
        return valuesPlan(admitted.rows, `the planner answers ${admitted.statement}`);
      case 'question':
        return {
          fragments: [],
          scans: [],
          rung: 'whole',
          rungReason: 'the answer of a query is needed first',
          question: admitted.sql,
        };
      case 'session': {
        const { columns, statement, session } = admitted;
        const plan = valuesPlan({ columns, rows: [] }, `the planner answers ${statement}`);
        return { ...plan, session };
      }
      default:
        return assertNever(admitted);
    }
  }

  async listTables(catalog: string): Promise<readonly TableDescription[]> {
    return await this.#catalog.listTables(catalog);
  }

  /**
   * The plan of an equal request, unless a table has changed since. Only a plan that is asked for again is worth
   * saying what it rests on.
   */
  async #keptPlan(key: string): Promise<QueryPlan | undefined> {
    const kept = this.#plans.get(key);
    if (kept === undefined) return undefined;
    if (kept.tables.length === 0) return kept.plan;
    const look = await this.#catalog.lookAgain(kept.tables);
    if (look.areSame) {
      return look.seen === undefined ? kept.plan : { ...kept.plan, holdsWhile: look.seen };
    }
    this.#plans.delete(key);
    return undefined;
  }

  async #planQuery(query: BoundQuery, request: PlanningRequest): Promise<QueryPlan> {
    if (query.plan.kind === 'unsupported') {
      return await this.#planWhole(query, `not decoded: ${query.plan.construct}`);
    }
    const simple = simplify(query.plan.plan);
    const scans = await describeScans(this.#catalog, [simple], []);
    const failures: string[] = [];
    const { colocated_execution: colocated, replicated_scans: replicated } = request.session;
    const statistics =
      colocated === 'on' || replicated === 'on'
        ? await scanStatistics(this.#catalog, scansOf(simple), scans)
        : new Map();
    const mended = mendEstimates(withScanRows(simple, scans), statistics);
    const sized = boundEstimates(mended, statistics);
    for (const candidate of rungCandidates(sized, scans, { request, statistics })) {
      const { physical } = candidate;
      const filtered = await this.#filterScans(physical, scans, request);
      const { filters } = filtered;
      const outcome = await this.#prove({ ...physical, filters }, query, request.session);
      if (outcome.kind === 'refuted') {
        failures.push(`not ${candidate.rung}: ${outcome.reason}`);
        continue;
      }
      return {
        fragments: outcome.fragments,
        scans: filtered.scans,
        rung: candidate.rung,
        rungReason: [candidate.reason, ...failures].join('; '),
      };
    }
    return await this.#planWhole(query, failures.join('; '));
  }

  /** The scans of a plan in stages, with the filters between them. */
  async #filterScans(
    physical: PhysicalPlan,
    known: readonly ScanDescriptor[],
    { session }: PlanningRequest,
  ): Promise<FilteredScans> {
    const bodies = physical.stages.map(({ body }) => body);
    const described = await describeScans(this.#catalog, bodies, known);
    const scans = withPartitions(described, physical, known);
    const isOn = session.dynamic_filtering === 'on';
    const filters = isOn ? placeDynamicFilters(physical) : NO_DYNAMIC_FILTERS;
    const filtered = bodies
      .flatMap(scansOf)
      .filter(({ scanId }) => filters.filteredColumns.has(scanId));
    if (filtered.length === 0) return { filters: NO_DYNAMIC_FILTERS, scans };
    const statistics = await scanStatistics(this.#catalog, filtered, scans);
    return usefulFilters({ filters, scans }, statistics);
  }

  /** The last rung: the statement itself in one task, or no answer. */
  async #planWhole(query: BoundQuery, reason: string): Promise<QueryPlan> {
    const whole = await query.whole();
    if (whole.kind === 'refused') throw refusedBy(whole, reason);
    const context = { ...this.#contextOf(query), settings: whole.settings };
    const fragment = wholeFragment(whole, query.columns, context);
    const refutation = await this.#frontEnd.refute(fragment);
    if (refutation !== undefined) throw refusedBy(refutation, reason);
    const scans = await describeScans(this.#catalog, whole.scans, []);
    return { fragments: [fragment], scans, rung: 'whole', rungReason: reason };
  }

  /** Fragments whose SQL binds to exactly the types of the plan. */
  async #prove(
    physical: FilteredPlan,
    query: BoundQuery,
    session: SessionProperties,
  ): Promise<ProofOutcome> {
    const stageCount = physical.stages.length;
    if (stageCount > MAX_STAGE_COUNT) {
      return { kind: 'refuted', reason: `${stageCount} stages, at most ${MAX_STAGE_COUNT}` };
    }
    const written = this.#write(physical, {
      ...this.#contextOf(query),
      partialAggregationMinRows:
        session.partial_aggregation === 'automatic'
          ? session.partial_aggregation_min_rows
          : undefined,
    });
    if (written.kind === 'refuted') return written;
    const refutations = await Promise.all(
      written.fragments.map((fragment) => this.#refute(fragment)),
    );
    const index = refutations.findIndex((refutation) => refutation !== undefined);
    if (index < 0) return written;
    return { kind: 'refuted', reason: `fragment ${index}: ${refutations[index]?.reason ?? ''}` };
  }

  /** All forms of a fragment. */
  async #refute(fragment: PlanFragment): Promise<Refutation | undefined> {
    for (const form of formsOf(fragment)) {
      const refutation = await this.#frontEnd.refute(form);
      if (refutation !== undefined) return refutation;
    }
    return undefined;
  }

  #write(physical: FilteredPlan, context: FragmentContext): ProofOutcome {
    try {
      return { kind: 'proved', fragments: planFragments(physical, context) };
    } catch (error) {
      if (error instanceof UnsupportedError) return { kind: 'refuted', reason: error.construct };
      throw error;
    }
  }

  #contextOf({ columns, settings, plan }: BoundQuery): FragmentContext {
    return {
      resultNames: columns.map(({ name }) => name),
      settings,
      isJoinOrdered: plan.kind === 'plan' && plan.isJoinOrdered,
      tableOf: (scan) => this.#catalog.tableOf(scan),
    };
  }
}

/** All that a plan is made from but for the tables; undefined when that is not to be compared. */
function planKey({ parameters, ...request }: PlanningRequest): string | undefined {
  return parameters.length === 0 ? JSON.stringify(request) : undefined;
}

/** The answer to EXPLAIN; with ANALYZE, the plan itself, whose rows nobody gets. */
function explained(plan: QueryPlan, { isAnalyzed, format }: Explain): QueryPlan {
  if (isAnalyzed) return { ...plan, fragments: withoutResult(plan.fragments), analysis: format };
  const rows = format === 'json' ? explainJsonRows(plan) : explainRows(plan);
  return valuesPlan({ columns: EXPLAIN_COLUMNS, rows }, 'the planner answers EXPLAIN');
}

function withoutResult(fragments: readonly PlanFragment[]): readonly PlanFragment[] {
  const toNobody: FragmentOutput = { consumer: { kind: 'client' }, scheme: { kind: 'discard' } };
  return fragments.map((fragment, i) => {
    return i === fragments.length - 1 ? { ...fragment, outputs: [toNobody] } : fragment;
  });
}

/** Errors of values: constants of the statement that DuckDB computes when it binds. */
const VALUE_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'CONVERSION_ERROR',
  'OUT_OF_RANGE',
  'INVALID_INPUT',
]);

/** What is wrong with the statement itself, if that is why its last rung is refused. */
function refusedBy({ reason, error }: Refutation, failures: string): EngineError {
  if (error !== undefined && VALUE_ERRORS.has(error.code)) return error;
  const message = `the query cannot be planned: ${failures}; ${reason}`;
  return new EngineError('STATEMENT_NOT_SUPPORTED', message);
}
