import { assert } from '../../common/assert.ts';
import type { Clock } from '../../common/clock.ts';
import type { ErrorReport } from '../../common/error.ts';
import { EngineError, ERROR_POLICIES, toErrorReport } from '../../common/error.ts';
import type { QueryId } from '../../common/ids.ts';
import type { Principal, TaskStatus } from '../../common/task/task-status.ts';
import type { ResourceGroupsReport } from '../admission/query-admission.ts';
import { QueryAdmission } from '../admission/query-admission.ts';
import type { ResourceGroupTree } from '../admission/resource-group-tree.ts';
import { statementKind } from '../admission/statement-kind.ts';
import type { NodeEvent } from '../cluster/cluster-effect.ts';
import { EndedQueries } from './ended-queries.ts';
import type { RandomBytes } from './ports.ts';
import type { Query } from './query.ts';
import type { QueryEntry, QueryOwner, QuerySubmission } from './query-factory.ts';
import { QueryFactory } from './query-factory.ts';
import type { PageRequest, QueryPage } from './query-page.ts';
import { listPage } from './query-page.ts';
import type { QueryPhase, QueryReport, ResultUpdate } from './query-report.ts';
import { readAnswer } from './question.ts';
import type { QueryExecution, QueryExecutionDeps } from './query-execution.ts';

export interface QueryRegistryOptions {
  readonly resourceGroups: ResourceGroupTree;
  /** query.client.timeout */
  readonly clientTimeoutMs: number;
  readonly finishedQueryMaxAgeMs: number;
  readonly finishedQueryMaxCount: number;
}

export interface QueryRegistryDeps extends QueryExecutionDeps {
  readonly randomBytes: RandomBytes;
}

/** Submit answers with a plan where there is one so soon. */
const PLAN_PATIENCE_MS = 1_000;

/**
 * All queries that this coordinator runs, has queued or remembers. Every access names a principal; another principal's
 * query does not exist for it.
 */
export class QueryRegistry {
  readonly #deps: QueryRegistryDeps;
  readonly #clock: Clock;
  readonly #admission: QueryAdmission;
  readonly #ended: EndedQueries;
  /** In the order of submission. */
  readonly #entries = new Map<QueryId, QueryEntry>();
  /** Executions whose tasks may still report, a while longer than their queries run. */
  readonly #executions = new Map<QueryId, QueryExecution>();
  readonly #byRequest = new Map<string, Query>();
  readonly #factory: QueryFactory;
  #isClosed = false;

  constructor(options: QueryRegistryOptions, deps: QueryRegistryDeps) {
    this.#deps = deps;
    this.#clock = deps.clock;
    this.#admission = new QueryAdmission(options.resourceGroups, {
      clock: deps.clock,
      onAdmitted: (queryId) => this.#onAdmitted(queryId),
      onRefused: (queryId, error) => this.#entries.get(queryId)?.execution.cancel(error),
      onChanged: () => this.#onAdmissionChanged(),
      usages: () => [...this.#executions.values()].map(({ query }) => query.usage()),
    });
    this.#ended = new EndedQueries(
      { maxAgeMs: options.finishedQueryMaxAgeMs, maxCount: options.finishedQueryMaxCount },
      { clock: deps.clock, onForgotten: (query) => this.#forget(query) },
    );
    const owner: QueryOwner = {
      onPhase: (queryId, phase) => this.#onPhase(queryId, phase),
      onLeaseExpired: (queryId, isShortened) => this.#onLeaseExpired(queryId, isShortened),
      whyWaits: (queryId) => this.#admission.whyWaits(queryId),
      ask: (submission, asker, signal) => this.#ask(submission, asker, signal),
    };
    this.#factory = new QueryFactory(options.clientTimeoutMs, { ...deps, owner });
  }

  /**
   * Admits a statement and returns at once: it may be queued, planning or failed by then. The same request id of the same
   * principal gives the same query. @throws EngineError INVALID_SESSION_PROPERTY, QUERY_QUEUE_FULL,
   * RESOURCE_GROUP_NOT_FOUND, SHUTTING_DOWN
   */
  submit(submission: QuerySubmission): QueryReport {
    const known = this.#byRequest.get(requestKey(submission));
    if (known !== undefined) {
      known.lease.renew();
      return known.report();
    }
    if (this.#isClosed) throw new EngineError('SHUTTING_DOWN', 'the coordinator is shutting down');
    const entry = this.#factory.create(submission);
    const { query } = entry;
    this.#entries.set(query.traits.queryId, entry);
    if (submission.requestId !== '') this.#byRequest.set(requestKey(submission), query);
    try {
      this.#enqueue(query);
      query.stand(this.#admission.placeOf(query.traits.queryId));
    } catch (error) {
      this.#forget(query);
      entry.execution.cancel(toErrorReport(error));
      throw error;
    }
    return query.report();
  }

  /** Where queries belong from now on; those that are here move. */
  reloadResourceGroups(tree: ResourceGroupTree): void {
    this.#admission.reload(tree);
    for (const { query } of this.#entries.values())
      query.stand(this.#admission.placeOf(query.traits.queryId));
  }

  /** The file of resource groups cannot be used as it is; the ones before it stay. */
  noteBrokenResourceGroups(error: ErrorReport): void {
    this.#admission.noteBrokenFile(error);
  }

  resourceGroups(): ResourceGroupsReport {
    return this.#admission.report();
  }

  /** @throws EngineError QUERY_NOT_FOUND, as do all that name a query */
  get(queryId: string, principal: Principal): QueryReport {
    const { query } = this.#find(queryId, principal);
    query.lease.renew();
    return query.tell();
  }

  /** The principal's queries, newest first. @throws EngineError INVALID_REQUEST for a page token that is none */
  list(principal: Principal, page: PageRequest): QueryPage {
    return listPage(this.queriesOf(principal), page);
  }

  /** The principal's queries, in the order of submission. */
  queriesOf(principal: Principal): readonly Query[] {
    const all = [...this.#entries.values()].map((entry) => entry.query);
    return all.filter((query) => query.traits.principal.name === principal.name);
  }

  find(queryId: string, principal: Principal): Query {
    return this.#find(queryId, principal).query;
  }

  /** Resolves when the query is not being planned any more; a planner that takes long is not waited for. */
  async untilPlanned(queryId: string, principal: Principal, signal: AbortSignal): Promise<void> {
    const patience = new AbortController();
    const cancelTimer = this.#clock.schedule(PLAN_PATIENCE_MS, () => patience.abort());
    try {
      const { query } = this.#find(queryId, principal);
      await query.untilPlanned(AbortSignal.any([signal, patience.signal]));
    } catch (error) {
      if (!patience.signal.aborted) throw error;
    } finally {
      cancelTimer();
    }
  }

  /** The query that was submitted with this request id. @throws EngineError QUERY_NOT_FOUND */
  queryOfRequest(requestId: string, principal: Principal): string {
    const query = this.#byRequest.get(requestKey({ principal, requestId }));
    if (query !== undefined) return query.traits.queryId;
    throw new EngineError('QUERY_NOT_FOUND', `there is no query of the request ${requestId}`, {
      details: { request_id: requestId },
    });
  }

  watch(queryId: string, principal: Principal, signal: AbortSignal): AsyncIterable<QueryReport> {
    return this.#find(queryId, principal).query.watch(signal);
  }

  watchResults(
    queryId: string,
    principal: Principal,
    signal: AbortSignal,
  ): AsyncIterable<ResultUpdate> {
    return this.#find(queryId, principal).query.watchResults(signal);
  }

  /** What `watchResults` says, for one who may become a reader. */
  previewResults(
    queryId: string,
    principal: Principal,
    signal: AbortSignal,
  ): AsyncIterable<ResultUpdate> {
    return this.#find(queryId, principal).query.previewResults(signal);
  }

  /** `leaseMs` 0 = query.client.timeout. */
  renewLease(queryId: string, principal: Principal, leaseMs: number): void {
    this.#find(queryId, principal).query.lease.renew(leaseMs);
  }

  releaseResult(queryId: string, principal: Principal): void {
    const { query, execution } = this.#find(queryId, principal);
    query.lease.renew();
    execution.release();
  }

  /** Answers when the query has ended; cancelling an ended query changes nothing. */
  async cancel(queryId: string, principal: Principal, error: ErrorReport): Promise<QueryReport> {
    const entry = this.#find(queryId, principal);
    await this.#cancel(entry, error);
    return entry.query.tell();
  }

  onTaskStatus(status: TaskStatus): void {
    this.#executions.get(status.taskId.queryId)?.post({ kind: 'task-status', status });
  }

  onNodeEvent(event: NodeEvent): void {
    for (const execution of this.#executions.values()) execution.post(event);
  }

  /**
   * Admits nothing more and waits for the running queries, and for results that are being read. When the signal is aborted
   * the others end as SHUTTING_DOWN.
   */
  async close(signal: AbortSignal): Promise<void> {
    this.#isClosed = true;
    const live = [...this.#entries.values()].filter(({ query }) => !query.isEnded);
    const idle = live.filter(
      ({ query }) =>
        query.phase === 'queued' || (query.phase === 'finishing' && !query.isBeingRead),
    );
    const error = { code: 'SHUTTING_DOWN', message: 'the coordinator is shutting down' } as const;
    const cancelAll = (entries: readonly QueryEntry[]): Promise<unknown> =>
      Promise.all(entries.map((entry) => this.#cancel(entry, error)));
    await cancelAll(idle);
    await Promise.race([Promise.all(live.map(({ query }) => endOf(query))), aborted(signal)]);
    await cancelAll(live);
    this.#ended.close();
    this.#admission.close();
    for (const { query } of this.#entries.values()) query.lease.close();
  }

  /** Runs a query of its own for another one, which holds the place in the admission, and the share, for both. */
  async #ask(submission: QuerySubmission, asker: Query, signal: AbortSignal): Promise<Uint8Array> {
    const entry = this.#factory.create(submission);
    entry.query.stand(asker.place);
    this.#entries.set(entry.query.traits.queryId, entry);
    this.#start(entry);
    try {
      return await readAnswer(entry.query, signal);
    } catch (error) {
      entry.execution.cancel({ code: 'QUERY_CANCELLED', message: 'nobody waits for the answer' });
      throw error;
    } finally {
      entry.execution.release();
    }
  }

  #enqueue({ traits }: Query): void {
    const { queryId, sequence, sql, principal, properties } = traits;
    this.#admission.submit({
      queryId,
      arrival: sequence,
      priority: properties.query_priority,
      marks: {
        user: principal.name,
        source: properties.source,
        clientTags: properties.client_tags,
        statementKind: statementKind(sql),
      },
    });
  }

  #onAdmitted(queryId: QueryId): void {
    const entry = this.#entries.get(queryId);
    assert(entry !== undefined, 'a query is known until it has left');
    entry.query.stand(this.#admission.placeOf(queryId));
    this.#start(entry);
  }

  /** What waits may wait for something else now. */
  #onAdmissionChanged(): void {
    for (const { query } of this.#entries.values())
      if (query.phase === 'queued') query.onProgress();
  }

  #start(entry: QueryEntry): void {
    const { execution, inputs } = entry;
    const { queryId } = entry.query.traits;
    assert(inputs !== undefined, 'a query starts once');
    entry.inputs = undefined;
    this.#executions.set(queryId, execution);
    void execution.run(inputs).then(() => this.#executions.delete(queryId));
  }

  #onPhase(queryId: QueryId, phase: QueryPhase): void {
    const entry = this.#entries.get(queryId);
    if (entry === undefined) return;
    const isEnd = phase === 'finished' || phase === 'failed';
    // A computed result that waits for its reader uses no slot, and holds up nobody.
    if (isEnd || phase === 'finishing') {
      this.#admission.leave(queryId, entry.query.usage().cpuMs);
    }
    if (!isEnd) return;
    this.#logEnd(entry.query);
    this.#ended.add(entry.query);
  }

  /** Users hear of their own errors; operators of what the cluster is to blame for. */
  #logEnd(query: Query): void {
    const { queryId, phase, elapsedMs, error } = query.report();
    const { log } = this.#deps;
    const isInternal = error !== undefined && ERROR_POLICIES[error.code].type === 'internal';
    if (isInternal) log.warn({ queryId, error }, 'a query has failed');
    else log.debug({ queryId, phase, elapsedMs, code: error?.code }, 'a query has ended');
  }

  #onLeaseExpired(queryId: QueryId, isShortened: boolean): void {
    const entry = this.#entries.get(queryId);
    if (entry === undefined) return;
    const { query, execution } = entry;
    if (query.isEnded) {
      query.results.release();
      this.#ended.prune();
    } else if (query.phase === 'finishing' && !isShortened) {
      // All was computed, and nobody said that it was not read.
      execution.release();
    } else {
      const message = isShortened
        ? 'the client hung up in the middle of the result and did not come back'
        : 'no client has asked about the query for longer than query_client_timeout';
      execution.cancel({ code: 'QUERY_ABANDONED', message });
    }
  }

  async #cancel({ query, execution }: QueryEntry, error: ErrorReport): Promise<void> {
    if (query.isEnded) return;
    execution.cancel(error);
    await endOf(query);
  }

  #find(queryId: string, principal: Principal): QueryEntry {
    const entry = this.#entries.get(queryId as QueryId);
    if (entry?.query.traits.principal.name === principal.name) return entry;
    throw new EngineError('QUERY_NOT_FOUND', `there is no query ${queryId}`, {
      details: { query_id: queryId },
    });
  }

  #forget({ traits, lease }: Query): void {
    lease.close();
    this.#entries.delete(traits.queryId);
    this.#byRequest.delete(requestKey(traits));
  }
}

function requestKey(request: {
  readonly principal: Principal;
  readonly requestId: string;
}): string {
  return `${request.requestId}\n${request.principal.name}`;
}

function endOf(query: Query): Promise<void> {
  return aborted(query.ended);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
}
