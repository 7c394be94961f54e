import { assert } from '../../common/assert.ts';
import type { Clock } from '../../common/clock.ts';
import type { ErrorReport } from '../../common/error.ts';
import { EngineError, ERROR_POLICIES } from '../../common/error.ts';
import type { QueryId } from '../../common/ids.ts';
import { formatQueryId } from '../../common/ids.ts';
import { parseSessionProperties } from '../../common/session-properties.ts';
import type { SessionState } from '../../common/session-state.ts';
import type { Principal, TaskStatus } from '../../common/task/task-status.ts';
import type { NodeEvent } from '../cluster/cluster-effect.ts';
import { chooseDiscipline } from '../scheduler/disciplines.ts';
import { Admission } from './admission.ts';
import { EndedQueries } from './ended-queries.ts';
import { Lease } from './lease.ts';
import type { RandomBytes } from './ports.ts';
import { Query } from './query.ts';
import type { PageRequest, QueryPage } from './query-page.ts';
import { listPage } from './query-page.ts';
import type { QueryPhase, QueryReport, ResultUpdate } from './query-report.ts';
import { readAnswer } from './question.ts';
import type { PlanInputs, QueryExecutionDeps } from './query-execution.ts';
import { QueryExecution } from './query-execution.ts';

export interface QueryRegistryOptions {
  readonly maxRunningQueries: number;
  readonly maxQueuedQueries: number;
  /** query.client.timeout */
  readonly clientTimeoutMs: number;
  readonly finishedQueryMaxAgeMs: number;
  readonly finishedQueryMaxCount: number;
}

export interface QueryRegistryDeps extends QueryExecutionDeps {
  readonly randomBytes: RandomBytes;
}

export interface QuerySubmission {
  readonly sql: string;
  readonly principal: Principal;
  /** All that hold for the statement. */
  readonly sessionProperties: Readonly<Record<string, string>>;
  readonly session: SessionState;
  /** Empty = none. */
  readonly requestId: string;
  readonly parameters: Uint8Array;
}

const CAPABILITY_BYTES = 32;
const INCARNATION_LENGTH = 5;
/** Submit answers with a plan where there is one so soon. */
const PLAN_PATIENCE_MS = 1_000;

interface Entry {
  readonly query: Query;
  readonly execution: QueryExecution;
  /** Until it starts. */
  inputs: PlanInputs | undefined;
}

/**
 * All queries that this coordinator runs, has queued or remembers. Every access names a principal; another principal's
 * query does not exist for it.
 */
export class QueryRegistry {
  readonly #options: QueryRegistryOptions;
  readonly #deps: QueryRegistryDeps;
  readonly #clock: Clock;
  readonly #admission: Admission<Entry>;
  readonly #ended: EndedQueries;
  /** In the order of submission. */
  readonly #entries = new Map<QueryId, Entry>();
  /** Executions whose tasks may still report, a while longer than their queries run. */
  readonly #executions = new Map<QueryId, QueryExecution>();
  readonly #byRequest = new Map<string, Query>();
  readonly #incarnation: string;
  #sequence = 0;
  #isClosed = false;

  constructor(options: QueryRegistryOptions, deps: QueryRegistryDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#clock = deps.clock;
    this.#admission = new Admission({
      maxRunning: options.maxRunningQueries,
      maxQueued: options.maxQueuedQueries,
    });
    this.#ended = new EndedQueries(
      { maxAgeMs: options.finishedQueryMaxAgeMs, maxCount: options.finishedQueryMaxCount },
      { clock: deps.clock, onForgotten: (query) => this.#forget(query) },
    );
    this.#incarnation = incarnationOf(deps.randomBytes(INCARNATION_LENGTH));
  }

  /**
   * Admits a statement and returns at once: it may be queued, planning or failed by then. The same request id of the same
   * principal gives the same query. @throws EngineError INVALID_SESSION_PROPERTY, QUERY_QUEUE_FULL, SHUTTING_DOWN
   */
  submit(submission: QuerySubmission): QueryReport {
    const known = this.#byRequest.get(requestKey(submission));
    if (known !== undefined) {
      known.lease.renew();
      return known.report();
    }
    if (this.#isClosed) throw new EngineError('SHUTTING_DOWN', 'the coordinator is shutting down');
    if (this.#admission.isFull) {
      const message = `${this.#options.maxQueuedQueries} queries wait already (max_queued_queries)`;
      throw new EngineError('QUERY_QUEUE_FULL', message);
    }
    const entry = this.#createEntry(submission);
    const { query } = entry;
    this.#entries.set(query.traits.queryId, entry);
    if (submission.requestId !== '') this.#byRequest.set(requestKey(submission), query);
    if (this.#admission.admit(entry)) this.#start(entry);
    return query.report();
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
    const cancelAll = (entries: readonly Entry[]): Promise<unknown> =>
      Promise.all(entries.map((entry) => this.#cancel(entry, error)));
    await cancelAll(idle);
    await Promise.race([Promise.all(live.map(({ query }) => endOf(query))), aborted(signal)]);
    await cancelAll(live);
    this.#ended.close();
    for (const { query } of this.#entries.values()) query.lease.close();
  }

  #createEntry(submission: QuerySubmission): Entry {
    const { sql, principal, requestId, sessionProperties, session, parameters } = submission;
    const properties = parseSessionProperties(sessionProperties);
    chooseDiscipline(properties);
    const { randomBytes } = this.#deps;
    const createdAt = this.#clock.now();
    this.#sequence += 1;
    const sequence = this.#sequence;
    const queryId = formatQueryId(createdAt, sequence, this.#incarnation);
    const random = randomBytes(CAPABILITY_BYTES + 3);
    const capability = random.slice(0, CAPABILITY_BYTES);
    const [a = 0, b = 0, c = 0] = random.subarray(CAPABILITY_BYTES);
    const lease = new Lease({
      clock: this.#clock,
      defaultMs: this.#options.clientTimeoutMs,
      onExpired: (isShortened) => this.#onLeaseExpired(queryId, isShortened),
    });
    const traits = {
      queryId,
      sequence,
      sql,
      principal,
      requestId,
      properties,
      capability,
      createdAt,
    };
    const query = new Query(traits, {
      clock: this.#clock,
      lease,
      onPhase: (phase) => this.#onPhase(queryId, phase),
    });
    const inputs = { sessionProperties, session, parameters, seed: a + (b << 8) + (c << 16) };
    const execution = new QueryExecution(query, this.#deps, async (question, about, signal) => {
      return await this.#ask({ ...submission, ...about, sql: question, requestId: '' }, signal);
    });
    return { query, execution, inputs };
  }

  /** Runs a query of its own for another one, which holds the place in the admission for both. */
  async #ask(submission: QuerySubmission, signal: AbortSignal): Promise<Uint8Array> {
    const entry = this.#createEntry({ ...submission, parameters: new Uint8Array() });
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

  #start(entry: Entry): void {
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
      const next = this.#admission.leave(entry);
      if (next !== undefined) this.#start(next);
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

  async #cancel({ query, execution }: Entry, error: ErrorReport): Promise<void> {
    if (query.isEnded) return;
    execution.cancel(error);
    await endOf(query);
  }

  #find(queryId: string, principal: Principal): Entry {
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

/** Five characters of [a-z0-9]. */
function incarnationOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte % 36).toString(36)).join('');
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
