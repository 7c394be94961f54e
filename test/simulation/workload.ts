/**
 * Random queries: plans of every shape the scheduler knows (scans, broadcast and partitioned joins, unions, shared
 * fragments, round robin, limits, small single fragments) over random data.
 */
import type { PartitionId } from '../../services/common/ids.ts';
import type {
  CollectedKey,
  FilteredColumn,
} from '../../services/common/dynamic-filter/dynamic-filter.ts';
import type { FilterId, FragmentId, SourceId } from '../../services/common/ids.ts';
import type {
  FragmentOutput,
  InputTree,
  PlanFragment,
  RemoteSource,
  ScanInput,
} from '../../services/common/plan/plan-fragment.ts';
import type { FileSplit } from '../../services/common/plan/split.ts';
import type { Random } from '../../services/common/random.ts';
import {
  aFixedSource,
  aFragment,
  aRemote,
  aScan,
  bySource,
  toClient,
  toFragment,
} from '../support/plan-builders.ts';

export interface Workload {
  readonly fragments: readonly PlanFragment[];
  /** All splits of each scan, by source. */
  readonly splits: ReadonlyMap<number, readonly FileSplit[]>;
  /** The result has so many rows of the answer. */
  readonly rowLimit: number | undefined;
  /** Some stage may end before it has read everything. */
  readonly endsEarly: boolean;
}

type Scheme = Exclude<FragmentOutput['scheme']['kind'], 'discard'>;

const DELIVERY: Record<Scheme, RemoteSource['delivery']> = {
  single: 'gather',
  hash: 'partitioned',
  broadcast: 'broadcast',
  arbitrary: 'arbitrary',
};

/** A fragment whose consumers are still being decided. */
interface Draft {
  readonly id: number;
  readonly partitioning: PlanFragment['partitioning'];
  readonly scans: number[];
  readonly remotes: RemoteSource[];
  readonly outputs: FragmentOutput[];
  rowLimit?: number;
  collectedKeys: CollectedKey[];
  filteredColumns: FilteredColumn[];
}

/** `filterRandom` draws the joins, `policyRandom` the order in which fragments use their inputs, both apart from all else. */
export interface WorkloadRandoms {
  readonly random: Random;
  readonly filterRandom: Random;
  readonly policyRandom: Random;
}

export function createWorkload(randoms: WorkloadRandoms): Workload {
  return new WorkloadBuilder(randoms).build();
}

/** LIMIT without ORDER BY at the root. */
export function createLimit(randoms: WorkloadRandoms): Workload {
  return new WorkloadBuilder(randoms).buildLimit();
}

class WorkloadBuilder {
  readonly #random: Random;
  readonly #filterRandom: Random;
  readonly #policyRandom: Random;
  readonly #drafts: Draft[] = [];
  readonly #splits = new Map<number, readonly FileSplit[]>();
  #nextSource = 1;
  #rowLimit: number | undefined;
  #endsEarly = false;

  constructor({ random, filterRandom, policyRandom }: WorkloadRandoms) {
    this.#random = random;
    this.#filterRandom = filterRandom;
    this.#policyRandom = policyRandom;
  }

  build(): Workload {
    this.#drawPlan();
    return this.#finish();
  }

  buildLimit(): Workload {
    this.#drawLimit();
    return this.#finish();
  }

  #finish(): Workload {
    for (const draft of this.#drafts) this.#drawFilter(draft);
    const fragments = this.#drafts.map((draft) => this.#toFragment(draft));
    const splits = this.#splits;
    return { fragments, splits, rowLimit: this.#rowLimit, endsEarly: this.#endsEarly };
  }

  #drawPlan(): void {
    if (this.#happens(0.1)) return this.#drawSmallQuery();
    if (this.#happens(0.1)) return this.#drawLimit();
    let open = [this.#scanFragment([])];
    const steps = this.#random.below(5);
    for (let step = 0; step < steps; step += 1) open = this.#drawStep(open);
    const [only] = open;
    // The root may follow its splits itself: several root tasks.
    const isRoot = open.length === 1 && only?.outputs.length === 0 && this.#happens(0.4);
    if (only === undefined || isRoot) {
      only?.outputs.push(toClient());
      return;
    }
    const root = this.#fixedFragment('single', open);
    root.outputs.push(toClient());
  }

  #drawStep(open: readonly Draft[]): Draft[] {
    const inputs = this.#pick(open);
    const rest = open.filter((draft) => !inputs.includes(draft) || this.#happens(0.15));
    const kind = this.#random.below(11);
    if (kind === 10) return [...open, this.#limitedFragment()];
    if (kind < 2) return [...open, this.#scanFragment([])];
    if (kind < 5) return [...rest, this.#scanFragment(inputs)];
    if (kind < 8) return [...rest, this.#fixedFragment('hash', inputs)];
    return [...rest, this.#fixedFragment(kind < 9 ? 'arbitrary' : 'single', inputs)];
  }

  /** One fragment on one worker, over its own files. */
  #drawSmallQuery(): void {
    const draft = this.#draft({ kind: 'single' });
    const scans = this.#random.below(3);
    for (let scan = 0; scan < scans; scan += 1) this.#addScan(draft);
    draft.outputs.push(toClient());
  }

  /** LIMIT without ORDER BY at the root. */
  #drawLimit(): void {
    const limit = this.#limitedFragment();
    this.#rowLimit = limit.rowLimit;
    limit.outputs.push(toClient());
  }

  /** A scan under a limit, which stops it (T18). */
  #limitedFragment(): Draft {
    this.#endsEarly = true;
    const scan = this.#scanFragment([]);
    scan.rowLimit = 1 + this.#random.below(20);
    const limit = this.#draft({ kind: 'single' });
    limit.rowLimit = scan.rowLimit;
    this.#link([scan], limit, 'single');
    return limit;
  }

  /** A scan that reads its inputs whole (broadcast join) or shares them out. */
  #scanFragment(inputs: readonly Draft[]): Draft {
    const sourceId = this.#nextSource;
    const draft = this.#draft(bySource(sourceId));
    this.#addScan(draft);
    if (this.#happens(0.1)) this.#addScan(draft);
    for (const input of inputs)
      this.#link([input], draft, this.#happens(0.8) ? 'broadcast' : 'arbitrary');
    return draft;
  }

  #fixedFragment(kind: 'hash' | 'arbitrary' | 'single', inputs: readonly Draft[]): Draft {
    const draft = this.#draft({ kind });
    const scheme = kind === 'single' ? 'single' : kind;
    if (inputs.length > 1 && this.#happens(0.3)) {
      this.#link(inputs, draft, scheme);
      return draft;
    }
    inputs.forEach((input, index) => {
      const isBuild = index > 0 && this.#happens(0.3);
      this.#link([input], draft, isBuild ? 'broadcast' : scheme);
      // A shared fragment may feed the same reader twice.
      if (this.#happens(0.1)) this.#link([input], draft, 'broadcast');
    });
    return draft;
  }

  #link(producers: readonly Draft[], consumer: Draft, scheme: Scheme): void {
    const sourceId = this.#nextSource;
    this.#nextSource += 1;
    const ids = producers.map((producer) => producer.id);
    consumer.remotes.push(aRemote(sourceId, ids, DELIVERY[scheme]));
    for (const producer of producers)
      producer.outputs.push(toFragment(consumer.id, sourceId, scheme));
  }

  #addScan(draft: Draft): void {
    const sourceId = this.#nextSource;
    this.#nextSource += 1;
    draft.scans.push(sourceId);
    const count = this.#happens(0.2) ? 0 : this.#random.below(this.#happens(0.2) ? 60 : 12);
    const splits = Array.from({ length: count }, (_, index): FileSplit => ({
      kind: 'file',
      path: `/data/${sourceId}`,
      sizeBytes: 0,
      modifiedAtMs: 0,
      firstRow: index * 10,
      rowCount: this.#random.below(6),
      bytes: this.#random.below(64 * 1024 * 1024),
      ...partitionOf(draft, index),
    }));
    this.#splits.set(sourceId, splits);
  }

  /** Some scans that read one broadcast input join with it, and are filtered by its keys. */
  #drawFilter(draft: Draft): void {
    const [remote, ...others] = draft.remotes;
    const isScan = draft.partitioning.kind === 'source' && draft.scans.length === 1;
    if (!isScan || remote?.delivery !== 'broadcast' || others.length > 0) return;
    const producers = this.#drafts.filter(({ id }) => remote.producers.includes(id as FragmentId));
    const isCut = producers.some(({ rowLimit }) => rowLimit !== undefined);
    if (isCut || this.#filterRandom.next() < 0.2) return;
    const filterId = draft.id as FilterId;
    const type = { id: 'BIGINT' } as const;
    for (const { collectedKeys } of producers) {
      collectedKeys.push({ filterId, column: 0, type, bloomBits: 0, collectsValues: true });
    }
    const testsRows = this.#filterRandom.next() < 0.6;
    const isAwaited = this.#filterRandom.next() < 0.7;
    draft.filteredColumns.push({
      filterId,
      column: 0,
      type,
      keepsNulls: false,
      isAwaited,
      testsRows,
    });
  }

  #draft(partitioning: Draft['partitioning']): Draft {
    const draft: Draft = {
      id: this.#drafts.length,
      partitioning,
      scans: [],
      remotes: [],
      outputs: [],
      collectedKeys: [],
      filteredColumns: [],
    };
    this.#drafts.push(draft);
    return draft;
  }

  /** One to three of the open fragments, in order. */
  #pick(open: readonly Draft[]): Draft[] {
    const count = 1 + this.#random.below(Math.min(3, open.length));
    const first = this.#random.below(open.length - count + 1);
    return open.slice(first, first + count);
  }

  #toFragment(draft: Draft): PlanFragment {
    // Statements that run batch by batch read what is broadcast to them again and again, and nothing else.
    const isLeaf =
      draft.partitioning.kind === 'source' &&
      draft.remotes.every((remote) => remote.delivery === 'broadcast');
    const isIncremental = isLeaf && this.#happens(0.9);
    const partitionCount = fixedPartitions(draft);
    return aFragment(draft.id, {
      partitioning: isScaled(draft) ? { kind: 'scaled-writer' } : draft.partitioning,
      scans: draft.scans.map((sourceId) => ({ ...aScan(sourceId), ...filteredBy(draft) })),
      ...(draft.collectedKeys.length === 0 ? {} : { collectedKeys: draft.collectedKeys }),
      remoteSources: draft.remotes,
      ...drawInputTree(draft, this.#policyRandom),
      outputs: draft.outputs,
      inputMode: isIncremental ? 'incremental' : 'complete',
      ...(partitionCount === undefined ? {} : aFixedSource(partitionCount, draft.scans)),
      ...(draft.rowLimit === undefined ? {} : { rowLimit: draft.rowLimit }),
    });
  }

  #happens(rate: number): boolean {
    return this.#random.next() < rate;
  }
}

/** Some scan fragments read their files by partitions: drawn from nothing, so that old seeds mean what they meant. */
function fixedPartitions({ id, partitioning }: Draft): number | undefined {
  return partitioning.kind === 'source' && id % 3 === 2 ? 1 + (id % 4) : undefined;
}

function partitionOf(draft: Draft, index: number): { partition?: PartitionId } {
  const count = fixedPartitions(draft);
  return count === undefined ? {} : { partition: ((index * 7) % count) as PartitionId };
}

/** Some that share pages alone have as many tasks as the rows need. */
function isScaled({ id, partitioning, remotes }: Draft): boolean {
  const isShared = remotes.every(({ delivery }) => delivery === 'arbitrary');
  return partitioning.kind === 'arbitrary' && isShared && id % 2 === 0;
}

/** Any order in which inputs may be used up; broadcast ones are mostly built on. */
function drawInputTree(draft: Draft, random: Random): Pick<PlanFragment, 'inputTree'> {
  const sources = [
    ...draft.scans.map((sourceId) => ({ sourceId: sourceId as SourceId, isBuild: false })),
    ...draft.remotes.map(({ sourceId, delivery }) => ({
      sourceId,
      isBuild: delivery === 'broadcast',
    })),
  ];
  let tree: InputTree | undefined;
  for (const { sourceId, isBuild } of sources) {
    const source = { kind: 'source', sourceId } as const;
    if (tree === undefined) tree = source;
    else if (random.next() < 0.2) tree = { kind: 'together', inputs: [tree, source] };
    else if (isBuild || random.next() < 0.7) tree = { kind: 'join', probe: tree, build: source };
    else tree = { kind: 'join', probe: source, build: tree };
    if (random.next() < 0.15) tree = { kind: 'aggregate', input: tree };
  }
  return tree === undefined ? {} : { inputTree: tree };
}

function filteredBy({ filteredColumns }: Draft): Pick<ScanInput, 'filteredColumns'> {
  return filteredColumns.length === 0 ? {} : { filteredColumns };
}
