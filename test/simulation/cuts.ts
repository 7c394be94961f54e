/**
 * Smaller versions of a case: each cut takes one thing away. A case and a list of cuts, as text, is all that somebody else
 * needs to see the same run.
 */
import type { FragmentId } from '../../services/common/ids.ts';
import type { PlanFragment } from '../../services/common/plan/plan-fragment.ts';
import { DEFAULT_SCHEDULER_OPTIONS } from '../../services/coordinator/scheduler/scheduler-options.ts';
import { toClient } from '../support/plan-builders.ts';
import type { Scenario } from './scenario.ts';
import type { SimulationCase } from './simulation-case.ts';
import type { Workload } from './workload.ts';

/** `kind`, `kind:number` or `kind:number:number`. */
export type Cut = string;

/** Cuts of the cluster and of its troubles. */
const SETTINGS: Readonly<Record<string, (scenario: Scenario) => Scenario>> = {
  lossless: (scenario) => withNetwork(scenario, { lossRate: 0 }),
  unrepeated: (scenario) => withNetwork(scenario, { duplicationRate: 0 }),
  punctual: (scenario) => withNetwork(scenario, { lateRate: 0 }),
  prompt: (scenario) => withNetwork(scenario, { maxDelayMs: 1 }),
  'no-handover': (scenario) => ({ ...scenario, handoverRate: 0 }),
  'one-lane': (scenario) => ({ ...scenario, laneCounts: scenario.laneCounts.map(() => 1) }),
  'all-fast': (scenario) => ({
    ...scenario,
    profiles: scenario.profiles.map((profile) => ({ ...profile, maxWorkMs: 4 })),
  }),
  'free-slots': (scenario) => ({
    ...scenario,
    profiles: scenario.profiles.map((profile) => ({ ...profile, slots: Infinity })),
  }),
  'quick-client': (scenario) => ({ ...scenario, clientPauseMs: 1 }),
  'default-options': ({ options, ...scenario }) => ({
    ...scenario,
    options: {
      ...DEFAULT_SCHEDULER_OPTIONS,
      scheduling: options.scheduling,
      executionPolicy: options.executionPolicy,
      retryPolicy: options.retryPolicy,
      hasSpooledExchange: options.hasSpooledExchange,
    },
  }),
};

/** Every cut that this case can take, the deepest first. */
export function cutsOf({ scenario, workload }: SimulationCase): readonly Cut[] {
  const { fragments, splits } = workload;
  return [
    ...fragments.slice(0, -1).map(({ id }) => `root:${id}`),
    ...scenario.faults.map((_, index) => `fault:${index}`),
    ...fragments.flatMap(({ remoteSources }) =>
      remoteSources.map(({ sourceId }) => `remote:${sourceId}`),
    ),
    ...[...splits].flatMap(([sourceId, all]) =>
      [0, 1, Math.floor(all.length / 2), all.length - 1]
        .filter((count) => count >= 0 && count < all.length)
        .map((count) => `splits:${sourceId}:${count}`),
    ),
    ...Array.from({ length: scenario.nodeCount - 1 }, (_, index) => `nodes:${index + 1}`),
    ...Object.keys(SETTINGS),
  ];
}

/** The case without what was cut; undefined = nothing sensible would be left. */
export function applyCuts(drawn: SimulationCase, cuts: readonly Cut[]): SimulationCase | undefined {
  let cut: SimulationCase | undefined = drawn;
  for (const each of cuts) cut = cut === undefined ? undefined : applyCut(cut, each);
  if (cut === undefined) return undefined;
  const faults = drawn.scenario.faults.filter((_, index) => !cuts.includes(`fault:${index}`));
  return { ...cut, scenario: { ...cut.scenario, faults } };
}

function applyCut(drawn: SimulationCase, cut: Cut): SimulationCase | undefined {
  const { scenario, workload } = drawn;
  const [kind = '', first = '', second = ''] = cut.split(':');
  switch (kind) {
    case 'fault':
      return drawn;
    case 'nodes':
      if (Number(first) >= scenario.nodeCount) return undefined;
      return { ...drawn, scenario: { ...scenario, nodeCount: Number(first) } };
    case 'splits': {
      const all = workload.splits.get(Number(first)) ?? [];
      if (Number(second) >= all.length) return undefined;
      const splits = new Map(workload.splits).set(Number(first), all.slice(0, Number(second)));
      return { ...drawn, workload: { ...workload, splits } };
    }
    case 'remote':
      return withWorkload(drawn, withoutSource(workload, Number(first)));
    case 'root':
      return withWorkload(drawn, rootedAt(workload, Number(first)));
    default: {
      const change = SETTINGS[kind];
      if (change === undefined) throw new Error(`no such cut: ${cut}`);
      const changed = change(scenario);
      const isSame = JSON.stringify(changed) === JSON.stringify(scenario);
      return isSame ? undefined : { ...drawn, scenario: changed };
    }
  }
}

function withWorkload(
  drawn: SimulationCase,
  workload: Workload | undefined,
): SimulationCase | undefined {
  return workload === undefined ? undefined : { ...drawn, workload };
}

function withNetwork(scenario: Scenario, change: Partial<Scenario['network']>): Scenario {
  return { ...scenario, network: { ...scenario.network, ...change } };
}

/** One input less for the fragment that reads it, if it has another. */
function withoutSource(workload: Workload, sourceId: number): Workload | undefined {
  const reader = workload.fragments.find(({ remoteSources }) =>
    remoteSources.some((source) => source.sourceId === sourceId),
  );
  if (reader === undefined || reader.scans.length + reader.remoteSources.length < 2)
    return undefined;
  const filterIds = reader.scans.flatMap(({ filteredColumns = [] }) =>
    filteredColumns.map(({ filterId }) => filterId),
  );
  const fragments = workload.fragments.map((fragment) => {
    if (fragment === reader) {
      const scans = fragment.scans.map(({ filteredColumns: _left, ...scan }) => scan);
      const remoteSources = fragment.remoteSources.filter((each) => each.sourceId !== sourceId);
      return { ...fragment, scans, remoteSources };
    }
    const outputs = fragment.outputs.filter(
      ({ consumer }) => consumer.kind === 'client' || consumer.sourceId !== sourceId,
    );
    const { collectedKeys = [], ...rest } = fragment;
    const kept = collectedKeys.filter(({ filterId }) => !filterIds.includes(filterId));
    return { ...rest, outputs, ...(kept.length === 0 ? {} : { collectedKeys: kept }) };
  });
  return pruned({ ...workload, fragments });
}

/** What this fragment makes is the result; only what it needs is left. */
function rootedAt(workload: Workload, fragmentId: number): Workload | undefined {
  const last = workload.fragments.findIndex(({ id }) => id === fragmentId);
  const root = workload.fragments[last];
  const kind = root?.partitioning.kind;
  const isFree = root !== undefined && (root.rowLimit === undefined || kind === 'single');
  if (!isFree || kind === 'hash' || kind === 'arbitrary') return undefined;
  const { collectedKeys: _left, ...rest } = root;
  const fragments = [...workload.fragments.slice(0, last), { ...rest, outputs: [toClient()] }];
  return pruned({ ...workload, fragments, rowLimit: root.rowLimit });
}

/** Without outputs that nobody reads, fragments that nobody needs, and scans that nobody makes. */
function pruned(workload: Workload): Workload {
  let fragments: readonly PlanFragment[] = workload.fragments;
  for (let count = -1; count !== fragments.length;) {
    count = fragments.length;
    const ids = new Set<FragmentId>(fragments.map(({ id }) => id));
    fragments = fragments
      .map((fragment) => ({
        ...fragment,
        outputs: fragment.outputs.filter(
          ({ consumer }) => consumer.kind === 'client' || ids.has(consumer.fragmentId),
        ),
      }))
      .filter(({ outputs }) => outputs.length > 0);
  }
  const sources = new Set<number>(
    fragments.flatMap(({ scans }) => scans.map((scan) => scan.sourceId)),
  );
  const splits = new Map([...workload.splits].filter(([sourceId]) => sources.has(sourceId)));
  return { ...workload, fragments, splits };
}
