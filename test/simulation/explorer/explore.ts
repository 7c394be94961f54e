/**
 * Visits every world that a small configuration can become, in every order of events, each once. Where an order makes no
 * difference that anybody could see, one is enough: orders to workers arrive at once (`orders.ts`); a status that an newer one has
 * overtaken is dropped, after a look that it changes nothing; and what a worker does by itself comes first where no fault is
 * left that could come before it (`isLocal`): until its status arrives, nobody knows when it was.
 */
import { createHash } from 'node:crypto';
import { actionsOf } from './actions.ts';
import type { Action } from './actions.ts';
import { beginWorld } from './orders.ts';
import { isStored, isThere, LawBroken } from './world.ts';
import type { Configuration, KnownTask, World } from './world.ts';

export interface Exploration {
  readonly name: string;
  readonly states: number;
  readonly transitions: number;
  /** Ends of queries that were seen, and how often. */
  readonly ends: ReadonlyMap<string, number>;
  /** Every world was visited; else the bound was reached. */
  readonly isWhole: boolean;
  /** A broken law, and the way to it. */
  readonly violation: { readonly law: string; readonly path: readonly string[] } | undefined;
}

interface Visit {
  readonly world: string;
  /** How it came about, newest first. */
  readonly path: Step | undefined;
}

interface Step {
  readonly name: string;
  readonly before: Step | undefined;
}

export function explore(configuration: Configuration, maxStates: number): Exploration {
  return new Explorer(configuration, maxStates).run();
}

class Explorer {
  readonly #configuration: Configuration;
  readonly #maxStates: number;
  readonly #seen = new Set<string>();
  readonly #waiting: Visit[] = [];
  readonly #ends = new Map<string, number>();
  #transitions = 0;
  #violation: Exploration['violation'];

  constructor(configuration: Configuration, maxStates: number) {
    this.#configuration = configuration;
    this.#maxStates = maxStates;
  }

  run(): Exploration {
    this.#try(undefined, () => this.#reach(beginWorld(this.#configuration), undefined));
    for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop()) {
      if (this.#violation !== undefined || this.#seen.size > this.#maxStates) break;
      this.#visit(next);
    }
    return {
      name: this.#configuration.name,
      states: this.#seen.size,
      transitions: this.#transitions,
      ends: this.#ends,
      isWhole: this.#seen.size <= this.#maxStates,
      violation: this.#violation,
    };
  }

  #visit({ world, path }: Visit): void {
    const here = JSON.parse(world) as World;
    const actions = actionsOf(here, this.#configuration);
    if (actions.length === 0) this.#checkEnd(here, path);
    const local = here.faults.length === 0 ? actions.find(isLocal) : undefined;
    for (const action of local === undefined ? actions : [local]) {
      const step = { name: action.name, before: path };
      this.#try(step, () => {
        const next = JSON.parse(world) as World;
        this.#transitions += 1;
        action.act(next);
        this.#reach(next, step);
      });
    }
  }

  #reach(world: World, path: Step | undefined): void {
    const text = JSON.stringify(world);
    const hash = createHash('sha1').update(text).digest('base64url').slice(0, 16);
    if (this.#seen.has(hash)) return;
    this.#seen.add(hash);
    this.#waiting.push({ world: text, path });
  }

  /** Nothing can happen any more: the query has ended, as it must. */
  #checkEnd(world: World, path: Step | undefined): void {
    this.#try(path, () => {
      const { end } = world;
      if (end === null) throw new LawBroken('nothing can happen, and the query has not ended (I7)');
      this.#ends.set(end, (this.#ends.get(end) ?? 0) + 1);
      const sources = Object.keys(this.#configuration.splits).length;
      if (world.closed.length !== sources) throw new LawBroken('a source was not closed (I4)');
      const kept = world.tasks.find((task) => isKept(world, task));
      if (kept !== undefined) throw new LawBroken(`${kept.key} was not released (I42)`);
      if (end === 'finished') this.#checkRows(world);
      else this.#checkCause(world, end);
    });
  }

  #checkRows(world: World): void {
    const rows = world.tasks.filter(({ key }) => world.taken.includes(key)).flatMap((t) => t.rows);
    const { fragments, splits } = this.#configuration;
    const built = new Set(
      fragments.flatMap(({ remoteSources }) =>
        remoteSources
          .filter(({ delivery }) => delivery === 'broadcast')
          .flatMap((s) => s.producers),
      ),
    );
    const expected = fragments
      .filter(({ id }) => !built.has(id))
      .flatMap(({ scans }) => scans)
      .flatMap(({ sourceId }) =>
        Array.from({ length: splits[sourceId] ?? 0 }, (_, row) => sourceId * 100 + row),
      );
    const limit = fragments.at(-1)?.rowLimit;
    const isRight =
      limit === undefined
        ? rows.toSorted((a, b) => a - b).join() === expected.toSorted((a, b) => a - b).join()
        : rows.length === Math.min(limit, expected.length);
    if (!isRight) throw new LawBroken(`finished with rows ${rows.join()} (I30)`);
  }

  #checkCause(world: World, end: string): void {
    const { faults } = world;
    const isRetried = this.#configuration.options.retryPolicy !== 'none';
    const isShown = world.isCommitted && world.announced.length > 0;
    if (isRetried && RETRYABLE.includes(end) && !isShown)
      throw new LawBroken(`${end} was not overcome (F10)`);
    const causes: Readonly<Record<string, string>> = {
      NODE_LOST: 'node-lost',
      NO_NODES_AVAILABLE: 'node-lost',
      INVALID_INPUT: 'task-failure',
      SOURCE_READ_FAILED: 'read-failure',
      QUERY_CANCELLED: 'cancel',
    };
    const happened = this.#configuration.faults.filter((fault) => !faults.includes(fault));
    if (!happened.some((fault) => fault === causes[end]))
      throw new LawBroken(`failed: ${end} (I3)`);
  }

  #try(step: Step | undefined, act: () => void): void {
    if (this.#violation !== undefined) return;
    try {
      act();
    } catch (error) {
      const law = error instanceof Error ? error.message : String(error);
      const path: string[] = [];
      for (let at = step; at !== undefined; at = at.before) path.unshift(at.name);
      this.#violation = { law, path };
    }
  }
}

/** Once is not too often. */
const RETRYABLE: readonly string[] = [
  'NODE_LOST',
  'NO_NODES_AVAILABLE',
  'SOURCE_READ_FAILED',
  'OUT_OF_MEMORY',
  'OUTPUT_PAGE_LOST',
];

/** Stored pages on a worker that lives, which nobody has released. */
function isKept(world: World, task: KnownTask): boolean {
  const isHeld = isStored(task) && task.state === 'finished' && isThere(world, task);
  return isHeld && !world.released.includes(task.key);
}

function isLocal({ name }: Action): boolean {
  return name.startsWith('compute ') || name.startsWith('finish ') || name.startsWith('read ');
}
