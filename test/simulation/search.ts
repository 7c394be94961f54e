/** Many seeds, on several threads: each takes a few seeds at a time and says which broke a law. */
import { Worker } from 'node:worker_threads';
import { Coverage } from './coverage.ts';
import type { Counts } from './coverage.ts';
import { simulate, simulateWorkers } from './simulator.ts';
import type { SimulationReport } from './simulator.ts';

/** `model`: small models of workers; `workers`: the real worker code. */
export type EngineKind = 'model' | 'workers';

export interface SearchOrder {
  readonly from: number;
  readonly count: number;
  readonly engines: readonly EngineKind[];
  /** Each seed runs twice, the second time with the kernel's state through JSON after every turn: both must be alike. */
  readonly restores: boolean;
  /** What happens is counted. */
  readonly counts: boolean;
}

export interface Failure {
  readonly engine: EngineKind;
  readonly report: SimulationReport;
}

export interface SearchResult {
  /** Seeds that kept every law on every engine. */
  readonly passed: number;
  readonly failures: readonly Failure[];
  readonly events: number;
  readonly virtualMs: number;
  readonly outcomes: ReadonlyMap<string, number>;
  readonly counts: Counts;
}

const CHUNK = 50;
/** What a seed leaves behind is dead before it is full. */
const YOUNG_GENERATION_MB = 96;
/** A search that keeps failing has said enough. */
const MAX_FAILURES = 20;

const NOTHING: SearchResult = {
  passed: 0,
  failures: [],
  events: 0,
  virtualMs: 0,
  outcomes: new Map(),
  counts: new Map(),
};

/** Deals the seeds to threads that run the compiled `search-thread.ts`; the result does not depend on who took what. */
export async function searchOnThreads(order: SearchOrder, threads: number): Promise<SearchResult> {
  let next = order.from;
  let total = NOTHING;
  const takeTurns = async (): Promise<void> => {
    const url = new URL('./search-thread.js', import.meta.url);
    const thread = new Worker(url, {
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    try {
      while (next < order.from + order.count && total.failures.length < MAX_FAILURES) {
        const from = next;
        const count = Math.min(CHUNK, order.from + order.count - from);
        next += count;
        const part = await ask(thread, { ...order, from, count });
        total = added(total, part);
      }
    } finally {
      await thread.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, threads) }, takeTurns));
  const failures = total.failures.toSorted((a, b) => a.report.seed - b.report.seed);
  return { ...total, failures };
}

function ask(thread: Worker, order: SearchOrder): Promise<SearchResult> {
  return new Promise((resolve, reject) => {
    thread.removeAllListeners();
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.postMessage(order);
  });
}

/** One thread's part. */
export async function searchHere(order: SearchOrder): Promise<SearchResult> {
  let total = NOTHING;
  const coverage = new Coverage();
  for (let seed = order.from; seed < order.from + order.count; seed += 1) {
    let failure: Failure | undefined;
    for (const engine of order.engines) {
      const report = await runSeed(engine, seed, {
        ...(order.restores ? { restores: true } : {}),
        ...(order.counts ? { coverage } : {}),
      });
      total = { ...total, ...tallied(total, report) };
      if (report.violations.length > 0) failure ??= { engine, report };
    }
    total =
      failure === undefined
        ? { ...total, passed: total.passed + 1 }
        : { ...total, failures: [...total.failures, failure] };
  }
  return { ...total, counts: coverage.counts };
}

async function runSeed(
  engine: EngineKind,
  seed: number,
  { restores = false, ...counted }: { readonly restores?: boolean; readonly coverage?: Coverage },
): Promise<SimulationReport> {
  const run = engine === 'model' ? simulate : simulateWorkers;
  const report = await run(seed, { withoutHash: !restores, ...counted });
  if (!restores) return report;
  const restored = await run(seed, { restoresAlways: true });
  if (restored.traceHash === report.traceHash) return restored;
  const violations = ['restore: the run went on differently from a restored state'];
  return { ...restored, violations: [...violations, ...restored.violations] };
}

function tallied(
  { events, virtualMs, outcomes }: SearchResult,
  report: SimulationReport,
): Pick<SearchResult, 'events' | 'virtualMs' | 'outcomes'> {
  const count = (outcomes.get(report.outcome) ?? 0) + 1;
  return {
    events: events + report.eventCount,
    virtualMs: virtualMs + report.virtualMs,
    outcomes: new Map(outcomes).set(report.outcome, count),
  };
}

function added(one: SearchResult, other: SearchResult): SearchResult {
  return {
    passed: one.passed + other.passed,
    failures: [...one.failures, ...other.failures],
    events: one.events + other.events,
    virtualMs: one.virtualMs + other.virtualMs,
    outcomes: summed(one.outcomes, other.outcomes),
    counts: summed(one.counts, other.counts),
  };
}

function summed(one: Counts, other: Counts): Counts {
  const sum = new Map(one);
  for (const [name, count] of other) sum.set(name, (sum.get(name) ?? 0) + count);
  return sum;
}
