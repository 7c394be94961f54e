import type { Clock } from '../../common/clock.ts';
import { Doorbell } from '../../common/doorbell.ts';
import type { ErrorReport } from '../../common/error.ts';
import { EngineError, fromErrorReport } from '../../common/error.ts';
import type { Instant, QueryId, SourceId } from '../../common/ids.ts';
import type { Column } from '../../common/plan/column-type.ts';
import { EXPLAIN_COLUMNS } from '../../common/plan/explain-row.ts';
import type { QueryPlan } from '../../common/plan/plan-fragment.ts';
import { rootFragment } from '../../common/plan/plan-fragment.ts';
import type { QueryShare } from '../../common/sharing/query-share.ts';
import type { SessionProperties } from '../../common/session-properties.ts';
import type { SystemTableName } from '../../common/system/system-tables.ts';
import type { Principal } from '../../common/task/task-status.ts';
import type { AdmissionWait } from '../admission/admission-state.ts';
import type { QueryUsage } from '../admission/admission-events.ts';
import type { QueryPlace } from '../admission/query-admission.ts';
import { NO_PLACE } from '../admission/query-admission.ts';
import type { QueryDescription, StageDetail } from '../scheduler/query-description.ts';
import type { ResultLocation } from '../scheduler/scheduler-effect.ts';
import type { Lease } from './lease.ts';
import type { QueryPhase, QueryReport, ResultUpdate } from './query-report.ts';
import type { ResultCommitment, ResultNews, ResultPosition } from './result-log.ts';
import { NOTHING_READ, ResultLog } from './result-log.ts';

const ORDER: readonly QueryPhase[] = [
  'queued',
  'planning',
  'starting',
  'running',
  'finishing',
  'finished',
  'failed',
];

export interface QueryTraits {
  readonly queryId: QueryId;
  /** Rises with every query. */
  readonly sequence: number;
  readonly sql: string;
  readonly principal: Principal;
  readonly requestId: string;
  readonly properties: SessionProperties;
  /** 32 random bytes. */
  readonly capability: Uint8Array;
  readonly createdAt: Instant;
}

/** What a query's scheduler knows. */
export interface QueryProgress {
  describe(): QueryDescription | undefined;
  describeStages(): readonly StageDetail[];
}

const NOTHING_KNOWN: QueryProgress = { describe: () => undefined, describeStages: () => [] };

export interface QueryDeps {
  readonly clock: Clock;
  readonly lease: Lease;
  /** Told of every phase, once. */
  readonly onPhase: (phase: QueryPhase) => void;
  /** Which group keeps it from beginning; `undefined` = none. */
  readonly whyWaits: () => AdmissionWait | undefined;
}

/** Watchers hear of progress at most so often; of states at once. */
const PROGRESS_INTERVAL_MS = 250;

/** One query, from admission until it is forgotten: what is known of it, and who waits to hear more. */
export class Query {
  readonly traits: QueryTraits;
  readonly lease: Lease;
  readonly results = new ResultLog();
  readonly #clock: Clock;
  readonly #onPhase: QueryDeps['onPhase'];
  readonly #whyWaits: QueryDeps['whyWaits'];
  readonly #changes = new Doorbell();
  readonly #ended = new AbortController();
  #phase: QueryPhase = 'queued';
  #error: ErrorReport | undefined;
  #endedAt: Instant | undefined;
  #plan: Pick<QueryPlan, 'rung' | 'rungReason' | 'session'> & {
    readonly columns: readonly Column[];
  } = {
    rung: 'whole',
    rungReason: '',
    columns: [],
  };
  #progress: QueryProgress = NOTHING_KNOWN;
  readonly #systemSources = new Map<SourceId, SystemTableName>();
  /** When it entered its phases. */
  readonly #phaseTimes = new Map<QueryPhase, Instant>();
  #version = 0;
  #watchers = 0;
  #resultWatchers = 0;
  #isProgressDue = false;
  #isDelivered = false;
  #place = NO_PLACE;

  constructor(traits: QueryTraits, deps: QueryDeps) {
    this.traits = traits;
    this.#clock = deps.clock;
    this.lease = deps.lease;
    this.#onPhase = deps.onPhase;
    this.#whyWaits = deps.whyWaits;
  }

  get phase(): QueryPhase {
    return this.#phase;
  }

  /** Its resource group, which it keeps when it has left it. */
  get place(): QueryPlace {
    return this.#place;
  }

  /** What its tasks may say of their turn for slots. */
  get share(): QueryShare {
    const { sequence, properties } = this.traits;
    return { arrival: sequence, priority: properties.query_priority, groups: this.#place.share };
  }

  /** `undefined`: it stays where it was. */
  stand(place: QueryPlace | undefined): void {
    this.#place = place ?? this.#place;
  }

  /** Sources of its plan that read the coordinator's own tables. */
  get systemSources(): ReadonlyMap<SourceId, SystemTableName> {
    return this.#systemSources;
  }

  get isEnded(): boolean {
    return this.#phase === 'finished' || this.#phase === 'failed';
  }

  get endedAt(): Instant | undefined {
    return this.#endedAt;
  }

  /** Aborted when the query has ended. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Somebody reads the result at this moment. */
  get isBeingRead(): boolean {
    return this.#resultWatchers > 0;
  }

  /** The owner knows how it ended and needs it no more; other ended queries are not forgotten lightly. */
  get isSettled(): boolean {
    const isTaken = this.#phase === 'finished' && this.results.isReleased;
    return this.#isDelivered || isTaken || this.lease.isExpired;
  }

  /** `progress`: what the scheduler knows from now on. */
  onPlanned(plan: QueryPlan, progress: QueryProgress): void {
    const { rung, rungReason, analysis, session } = plan;
    const columns = analysis === undefined ? rootFragment(plan).columns : EXPLAIN_COLUMNS;
    this.#plan = { rung, rungReason, columns, ...(session === undefined ? {} : { session }) };
    for (const { sourceId, systemTable } of plan.fragments.flatMap((each) => each.remoteSources)) {
      if (systemTable !== undefined) this.#systemSources.set(sourceId, systemTable);
    }
    this.#progress = progress;
  }

  addResults(locations: readonly ResultLocation[], noMore: boolean): void {
    this.results.add(locations, noMore);
    this.#changes.ring();
  }

  /** Another attempt voids what was known of the result; a commitment lets it be shown. */
  changeResult(attempt: number, commitment: ResultCommitment): void {
    this.results.change(attempt, commitment);
    this.#changes.ring();
  }

  /** Steps back and steps behind the end are ignored: they come late. */
  moveTo(phase: Exclude<QueryPhase, 'failed'>): void {
    this.#move(phase);
  }

  /** The first end counts. */
  fail(error: ErrorReport): void {
    if (this.isEnded) return;
    this.#error = error;
    this.results.release();
    this.#move('failed');
  }

  /** Counts have changed; watchers hear of it soon. */
  onProgress(): void {
    if (this.#isProgressDue || this.#watchers === 0) return;
    this.#isProgressDue = true;
    this.#clock.schedule(PROGRESS_INTERVAL_MS, () => {
      this.#isProgressDue = false;
      this.#bump();
    });
  }

  /** The scheduler is gone: what it knows at the end is kept. */
  onSchedulerGone(): void {
    const last = this.#progress.describe();
    const stages = this.#progress.describeStages();
    this.#progress = { describe: () => last, describeStages: () => stages };
    this.#bump();
  }

  /** Its stages with all their tasks; grows with their number. */
  describeStages(): readonly StageDetail[] {
    return this.#progress.describeStages();
  }

  /** What it takes now, and has taken of processors. */
  usage(): QueryUsage {
    const stages = this.#progress.describe()?.stages ?? [];
    return {
      queryId: this.traits.queryId,
      memoryBytes: stages.reduce((sum, { stats }) => sum + stats.memoryBytes, 0),
      cpuMs: stages.reduce((sum, { stats }) => sum + stats.cpuMs, 0),
    };
  }

  report(): QueryReport {
    const { queryId, sql, principal, createdAt } = this.traits;
    const description = this.#progress.describe();
    const end = this.#endedAt;
    const now = end ?? this.#clock.now();
    const wait = this.#phase === 'queued' ? this.#whyWaits() : undefined;
    const planningAt = this.#phaseTimes.get('planning') ?? now;
    return {
      queryId,
      phase: this.#phase,
      ...(this.#error === undefined ? {} : { error: this.#error }),
      sql,
      principal,
      createdAt,
      ...(end === undefined ? {} : { endedAt: end }),
      elapsedMs: now - createdAt,
      queuedMs: planningAt - createdAt,
      planningMs: (this.#phaseTimes.get('starting') ?? now) - planningAt,
      rung: description === undefined ? '' : this.#plan.rung,
      rungReason: description === undefined ? '' : this.#plan.rungReason,
      stages: description?.stages ?? [],
      peakMemoryBytes: description?.peakMemoryBytes ?? 0,
      blockedReason: this.#blockedReason(description),
      resourceGroup: this.#place.resourceGroup,
      ...(wait === undefined ? {} : { admissionWait: wait }),
      ...(this.#plan.session === undefined ? {} : { session: this.#plan.session }),
    };
  }

  /** The report for its owner, who knows then how it ended. */
  tell(): QueryReport {
    this.#isDelivered ||= this.#phase === 'failed';
    return this.report();
  }

  /** Resolves when the query is not being planned any more; rejects when the signal is aborted first. */
  async untilPlanned(signal: AbortSignal): Promise<void> {
    while (this.#phase === 'planning') await this.#changes.wait(signal);
  }

  /** The query whenever it changes; a slow reader sees the latest only. Ends after the end of the query. */
  async *watch(signal: AbortSignal): AsyncGenerator<QueryReport, void, void> {
    const release = this.lease.hold();
    this.#watchers += 1;
    try {
      let seen = -1;
      while (!signal.aborted) {
        if (seen !== this.#version) {
          seen = this.#version;
          yield this.tell();
        } else if (this.isEnded) {
          return;
        } else {
          await this.#changes.wait(signal);
        }
      }
    } finally {
      this.#watchers -= 1;
      release();
    }
  }

  /**
   * What becomes known of the result, from the start, for each reader anew. Ends when the query has finished and all was
   * said; fails with the query's error, with RESULT_TOKEN_EXPIRED when the result is gone.
   */
  async *watchResults(signal: AbortSignal): AsyncGenerator<ResultUpdate, void, void> {
    this.#resultWatchers += 1;
    try {
      yield* this.#tellResults(signal, () => (this.#isDelivered = true));
    } finally {
      this.#resultWatchers -= 1;
    }
  }

  /** The same for one who may become a reader: that it has been told all says nothing about the query's owner. */
  previewResults(signal: AbortSignal): AsyncGenerator<ResultUpdate, void, void> {
    return this.#tellResults(signal, () => undefined);
  }

  async *#tellResults(
    signal: AbortSignal,
    onEndTold: () => void,
  ): AsyncGenerator<ResultUpdate, void, void> {
    const release = this.lease.hold();
    try {
      let seen: ResultPosition = NOTHING_READ;
      while (!signal.aborted) {
        if (this.#error !== undefined) {
          onEndTold();
          this.#throwError(this.#error);
        }
        const news: ResultNews | undefined = this.results.read(seen);
        if (news !== undefined) {
          seen = news;
          yield this.#resultUpdate(news);
        } else if (this.isEnded) {
          onEndTold();
          return this.#checkWhole(seen.noMore);
        } else {
          await this.#changes.wait(signal);
        }
      }
    } finally {
      release();
    }
  }

  #resultUpdate({ attempt, locations, noMore, commitment }: ResultNews): ResultUpdate {
    return {
      attempt,
      columns: this.#plan.columns,
      capability: this.traits.capability,
      locations,
      noMoreLocations: noMore,
      commitment,
      resultReplayBytes: this.traits.properties.result_replay_bytes,
      timeZone: this.traits.properties.time_zone,
    };
  }

  #throwError(error: ErrorReport): never {
    const details = { ...error.details, query_id: this.traits.queryId };
    throw fromErrorReport({ ...error, details });
  }

  #checkWhole(wasWhole: boolean): void {
    if (wasWhole) return;
    throw new EngineError('RESULT_TOKEN_EXPIRED', 'the result of the query was released', {
      details: { query_id: this.traits.queryId },
    });
  }

  #move(phase: QueryPhase): void {
    if (this.isEnded || ORDER.indexOf(phase) <= ORDER.indexOf(this.#phase)) return;
    this.#phase = phase;
    this.#phaseTimes.set(phase, this.#clock.now());
    if (this.isEnded) {
      this.#endedAt = this.#clock.now();
      this.#ended.abort(phase);
    }
    this.#bump();
    this.#onPhase(phase);
  }

  #bump(): void {
    this.#version += 1;
    this.#changes.ring();
  }

  #blockedReason(description: QueryDescription | undefined): string {
    if (this.#phase === 'queued') return 'waiting-for-admission';
    if (this.#phase === 'planning') return 'waiting-for-plan';
    const reason = description?.blockedReason ?? 'none';
    return reason === 'none' ? '' : reason;
  }
}
