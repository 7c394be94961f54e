/**
 * One run of one case: a query on a cluster, with everything that goes wrong, to its end. The same case gives the same run,
 * to the last message.
 */
import { createHash } from 'node:crypto';
import type { ErrorCode } from '../../services/common/error.ts';
import type { Instant } from '../../services/common/ids.ts';
import { seededRandom } from '../../services/common/random.ts';
import type { Random } from '../../services/common/random.ts';
import { describeQuery } from '../../services/coordinator/scheduler/query-description.ts';
import { createQueryScheduler } from '../../services/coordinator/scheduler/query-scheduler.ts';
import type { SchedulerEffect } from '../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../services/coordinator/scheduler/scheduler-event.ts';
import { whyBlocked } from '../../services/coordinator/scheduler/why-blocked.ts';
import { QUERY_ID } from '../support/scheduler-driver.ts';
import { answerOf } from './answer.ts';
import { AttemptChecker } from './checkers/attempt-checker.ts';
import type { AttemptCheckers } from './checkers/attempt-checker.ts';
import type { Checker, Violations } from './checkers/checker.ts';
import { EndChecker } from './checkers/end-checker.ts';
import { ExchangeChecker } from './checkers/exchange-checker.ts';
import { FilterChecker } from './checkers/filter-checker.ts';
import { OrderChecker } from './checkers/order-checker.ts';
import { checkOutcome } from './checkers/result-checker.ts';
import { checkStatistics } from './checkers/statistics-checker.ts';
import { StoredChecker } from './checkers/stored-checker.ts';
import { SplitChecker } from './checkers/split-checker.ts';
import { FAULT_COUNTS } from './coverage.ts';
import type { Coverage } from './coverage.ts';
import type { CreateEngine, ResultClient } from './cluster-worker.ts';
import { faultTolerantCheckers } from './fault-tolerance.ts';
import { modelEngine } from './model/model-engine.ts';
import { realEngine } from './real/real-engine.ts';
import { ResultGate } from './result-gate.ts';
import type { Fault } from './scenario.ts';
import { drawCase } from './simulation-case.ts';
import type { SimulationCase } from './simulation-case.ts';
import { SimulatedCluster } from './simulated-cluster.ts';
import type { ClusterListener } from './simulated-cluster.ts';
import { SimulatedCoordinator } from './simulated-coordinator.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import { SimulatedSplitSources } from './simulated-split-source.ts';
import { VirtualTime } from './virtual-time.ts';

export interface SimulationReport {
  readonly seed: number;
  /** `finished`, or the code of the query's error. */
  readonly outcome: string;
  readonly eventCount: number;
  readonly virtualMs: number;
  /** Of every event and what was ordered on it, unless nobody wanted it. */
  readonly traceHash: string;
  readonly violations: Violations;
}

export interface SimulationOptions {
  /** Plants a bug between the kernel and the world. */
  readonly tamper?: (effects: readonly SchedulerEffect[]) => readonly SchedulerEffect[];
  /** Hears every turn, for a person who replays a seed. */
  readonly trace?: (line: string) => void;
  /** The kernel's state goes through JSON after every turn, not only where the scenario says so. */
  readonly restoresAlways?: boolean;
  /** Nobody will ask for the hash of the run. */
  readonly withoutHash?: boolean;
  /** Counts what happens. */
  readonly coverage?: Coverage;
}

/** A query that has not ended by then never will. */
const END_LIMIT_MS = 120_000;
/** Everything comes to rest so long after the end. */
const REST_MS = 20_000;
/** With a client that reads, a query ends so soon, whatever went wrong. */
const LATEST_END_MS = 40_000;
/** Only a query whose client is gone ends by it. */
const DEADLINE = 60_000 as Instant;
/** How long the client may go on reading before it hears that the query has failed. */
const MAX_NEWS_DELAY_MS = 300;

/** A run with model workers: thousands of seeds a minute. */
export function simulate(seed: number, options: SimulationOptions = {}): SimulationReport {
  return simulateCase(drawCase(seed), options);
}

export function simulateCase(
  drawn: SimulationCase,
  options: SimulationOptions = {},
): SimulationReport {
  return new Simulation(drawn, modelEngine, options).run();
}

/** A run with the real task manager, output buffers, input queues and exchange clients; only DuckDB and sockets are not. */
export function simulateWorkers(
  seed: number,
  options: SimulationOptions = {},
): Promise<SimulationReport> {
  return simulateWorkersCase(drawCase(seed), options);
}

export function simulateWorkersCase(
  drawn: SimulationCase,
  options: SimulationOptions = {},
): Promise<SimulationReport> {
  return new Simulation(drawn, realEngine, options).runSettled();
}

class Simulation {
  readonly #case: SimulationCase;
  readonly #options: SimulationOptions;
  readonly #random: Random;
  readonly #handoverRandom: Random;
  readonly #time = new VirtualTime();
  readonly #network: SimulatedNetwork;
  readonly #violations: Violations = [];
  readonly #checkers: readonly Checker[];
  readonly #attemptChecker: AttemptChecker;
  readonly #gate: ResultGate;
  readonly #hash = createHash('sha256');
  readonly #cluster: SimulatedCluster;
  readonly #sources: SimulatedSplitSources;
  readonly #client: ResultClient;
  #coordinator: SimulatedCoordinator | undefined;
  #eventCount = 0;
  #endedAt = 0;

  constructor(drawn: SimulationCase, createEngine: CreateEngine, options: SimulationOptions) {
    this.#case = drawn;
    this.#options = options;
    options.coverage?.beginRun();
    const { seed, scenario, workload } = drawn;
    this.#random = seededRandom(seed);
    this.#handoverRandom = seededRandom(~seed);
    const random = this.#random;
    const time = this.#time;
    const network = new SimulatedNetwork(time, random, scenario.network);
    this.#network = network;
    const deliver = (event: SchedulerEvent) => this.#deliver(event);
    const listener: ClusterListener = {
      onSplitDone: (split) => this.#attemptChecker.onSplitDone(split),
      onFault: (kind) => this.#note(kind),
    };
    const deps = { time, network, random, scenario, deliver, listener };
    this.#cluster = new SimulatedCluster(deps, createEngine);
    // A task that lacks memory may be the last straw of its partition.
    if (scenario.memory !== undefined) this.#cluster.misfortune.injected.add('OUT_OF_MEMORY');
    this.#attemptChecker = new AttemptChecker((attempt) => this.#createCheckers(attempt));
    this.#checkers = [
      this.#attemptChecker,
      new EndChecker(workload, scenario.options, this.#violations),
    ];
    const { splits } = workload;
    const { injected } = this.#cluster.misfortune;
    const onFailure = (code: ErrorCode): void => {
      injected.add(code);
      this.#note('split-failure');
    };
    this.#sources = new SimulatedSplitSources({ time, random, splits, deliver, onFailure });
    this.#client = this.#cluster.engine.createClient({
      pauseMs: scenario.clientPauseMs,
      release: () => deliver({ kind: 'result-released' }),
    });
    this.#gate = new ResultGate(this.#client, this.#violations);
  }

  #createCheckers(firstAttempt: number): AttemptCheckers {
    const { scenario, workload } = this.#case;
    const splits = new SplitChecker(workload, scenario.options, this.#violations);
    const { retryPolicy } = scenario.options;
    const violations = this.#violations;
    const all = [
      new OrderChecker(workload.fragments, { retryPolicy, firstAttempt }, violations),
      splits,
      new FilterChecker(workload, scenario.options, violations),
      ...(retryPolicy === 'stage' || retryPolicy === 'task'
        ? []
        : [new ExchangeChecker(workload, violations)]),
      ...(retryPolicy === 'stage' || retryPolicy === 'region'
        ? [new StoredChecker(workload, violations)]
        : []),
      ...faultTolerantCheckers(this.#case, violations),
    ];
    return { all, onSplitDone: (split) => splits.onSplitDone(split) };
  }

  run(): SimulationReport {
    try {
      for (const phase of this.#phases()) this.#time.run(phase.limitMs, phase.isDone);
    } catch (error) {
      this.#noteCrash(error);
    }
    return this.#report();
  }

  async runSettled(): Promise<SimulationReport> {
    try {
      for (const phase of this.#phases()) {
        await this.#time.runSettled(phase.limitMs, phase.isDone);
      }
    } catch (error) {
      this.#noteCrash(error);
    }
    return this.#report();
  }

  /** First to the query's end, through the time of faults and beyond; then until everything has come to rest. */
  *#phases(): Generator<{ readonly limitMs: number; readonly isDone: () => boolean }> {
    for (const { atMs, fault } of this.#case.scenario.faults) {
      this.#time.after(atMs, () => this.#inflict(fault));
    }
    this.#time.after(this.#case.scenario.healsAtMs, () => this.#network.heal());
    this.#startQuery();
    yield { limitMs: END_LIMIT_MS, isDone: () => this.#coordinator?.end !== undefined };
    this.#endedAt = this.#time.now();
    const isLate = this.#endedAt > LATEST_END_MS && !this.#client.isGone;
    if (isLate) this.#violations.push(`liveness: ended only after ${LATEST_END_MS} ms`);
    if (this.#coordinator?.end === undefined) return this.#noteHang();
    if (this.#coordinator.end.kind === 'fail-query') {
      this.#time.after(this.#random.below(MAX_NEWS_DELAY_MS), () => this.#client.stop());
    }
    yield { limitMs: this.#endedAt + REST_MS, isDone: () => false };
    this.#checkRest();
  }

  #report(): SimulationReport {
    this.#noteWhole();
    return {
      seed: this.#case.seed,
      outcome: this.#outcome(),
      eventCount: this.#eventCount,
      virtualMs: this.#endedAt,
      traceHash: this.#hash.digest('hex'),
      violations: this.#violations,
    };
  }

  #noteCrash(error: unknown): void {
    this.#violations.push(`crash: ${error instanceof Error ? (error.stack ?? '') : String(error)}`);
  }

  #startQuery(): void {
    const created = createQueryScheduler(
      {
        queryId: QUERY_ID,
        fragments: this.#case.workload.fragments,
        nodes: this.#cluster.nodes(),
        deadline: DEADLINE,
        options: this.#case.scenario.options,
      },
      this.#time.now(),
    );
    this.#coordinator = new SimulatedCoordinator(created, {
      time: this.#time,
      tamper: this.#options.tamper ?? ((effects) => effects),
      isHandover: () => this.#isHandover(),
      ports: {
        sendToWorker: (order) => this.#cluster.send(order),
        loadSplits: (order) => this.#sources.load(order),
        changeResult: (change) => this.#gate.change(change),
        rewindSource: (sourceId) => this.#sources.rewind(sourceId),
        addResults: (results) => this.#gate.add(results),
        onTurn: (event, effects) => this.#observe(event, effects),
      },
    });
  }

  #isHandover(): boolean {
    if (this.#options.restoresAlways === true) return true;
    const { handoverRate } = this.#case.scenario;
    const isDue = handoverRate > 0 && this.#handoverRandom.next() < handoverRate;
    if (isDue) this.#options.coverage?.note('fault: coordinator handed over');
    return isDue;
  }

  #deliver(event: SchedulerEvent): void {
    this.#coordinator?.deliver(event);
  }

  #observe(event: SchedulerEvent | 'created', effects: readonly SchedulerEffect[]): void {
    this.#eventCount += 1;
    this.#record(event, effects);
    for (const checker of this.#checkers) checker.onTurn(event, effects);
    const state = this.#coordinator?.state;
    if (state !== undefined) this.#options.coverage?.onTurn(effects, state);
  }

  #record(event: SchedulerEvent | 'created', effects: readonly SchedulerEffect[]): void {
    const { trace, withoutHash = false } = this.#options;
    if (withoutHash && trace === undefined) return;
    const line = JSON.stringify([this.#time.now(), event, effects.map(withoutFragment)]);
    this.#hash.update(line);
    trace?.(line);
  }

  #inflict(fault: Fault): void {
    const { injected } = this.#cluster.misfortune;
    switch (fault.kind) {
      case 'crash':
        return this.#cluster.crash(fault.node, fault.restarts);
      case 'false-loss':
        return this.#cluster.loseFalsely(fault.node, fault.goesOnMs);
      case 'partition':
        return this.#cluster.partition(fault.node, fault.durationMs);
      case 'pause':
        return this.#cluster.pause(fault.node, fault.durationMs);
      case 'join':
        return this.#cluster.join();
      case 'drain':
        return this.#cluster.drain(fault.node);
      case 'task-failure':
        return this.#cluster.failTask(fault.code);
      case 'spool-loss':
        return this.#cluster.loseSpooled();
      case 'client-stall':
        injected.add('QUERY_TIMEOUT');
        this.#note(fault.kind);
        return this.#client.stop();
      case 'split-failure':
        return this.#sources.fail(fault.count);
      case 'lost-output':
        return this.#cluster.loseOutput({ how: fault.how, stages: this.#storedStages() });
      case 'cancel': {
        injected.add('QUERY_CANCELLED');
        this.#note(fault.kind);
        const error = { code: 'QUERY_CANCELLED', message: 'cancelled by the user' } as const;
        return this.#deliver({ kind: 'cancel-requested', error });
      }
      default:
        throw new Error('unknown fault');
    }
  }

  #note(kind: Fault['kind']): void {
    this.#options.coverage?.note(FAULT_COUNTS[kind]);
  }

  /** Those that other stages read: first what comes out otherwise when it is made again, then the others. */
  #storedStages(): readonly (readonly number[])[] {
    const inner = this.#case.workload.fragments.slice(0, -1);
    const [open, steady] = [true, false].map((isOpen) =>
      inner.filter(({ determinism }) => (determinism === 'indeterminate') === isOpen),
    );
    const groups = [open ?? [], steady ?? []].filter((fragments) => fragments.length > 0);
    return groups.map((fragments) => fragments.map(({ id }) => id));
  }

  #noteWhole(): void {
    const { coverage } = this.#options;
    const { lost, repeated, late } = this.#network.counts;
    coverage?.note('fault: message lost', lost);
    coverage?.note('fault: message came twice', repeated);
    coverage?.note('fault: message came late', late);
  }

  #checkRest(): void {
    const end = this.#coordinator?.end;
    const error = end?.kind === 'fail-query' ? end.error : undefined;
    const outcome = {
      error,
      isComplete: this.#client.isComplete(),
      isShown: this.#gate.isShown,
      rows: this.#client.rows(),
    };
    if (error === undefined && !this.#client.isGone && !outcome.isComplete) {
      this.#violations.push('result: the query has finished, the client has not seen the end');
    }
    const { workload } = this.#case;
    const expectedRows = answerOf(workload, this.#cluster.engine.marksEmptyScans);
    const expected = { expectedRows, rowLimit: workload.rowLimit };
    this.#violations.push(...checkOutcome(expected, outcome, this.#cluster.misfortune));
    for (const checker of this.#checkers) checker.onRest?.(error === undefined);
    const state = this.#coordinator?.state;
    if (error === undefined && state !== undefined)
      this.#violations.push(...checkStatistics(workload, describeQuery(state).stages));
    this.#violations.push(...this.#cluster.leftovers());
  }

  #noteHang(): void {
    const state = this.#coordinator?.state;
    const reasons = state === undefined ? 'no coordinator' : JSON.stringify(whyBlocked(state));
    this.#violations.push(`liveness: the query did not end: ${reasons}`);
  }

  #outcome(): string {
    const end = this.#coordinator?.end;
    if (end === undefined) return 'hanging';
    return end.kind === 'fail-query' ? end.error.code : 'finished';
  }
}

/** Fragments are the same all along; without them a trace can be read. */
function withoutFragment(effect: SchedulerEffect): SchedulerEffect {
  if (effect.kind !== 'update-task' || effect.fragment === undefined) return effect;
  const { fragment: _left, ...rest } = effect;
  return rest;
}
