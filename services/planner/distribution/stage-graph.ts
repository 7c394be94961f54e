import { assert } from '../../common/assert.ts';
import { type ColumnType } from '../../common/plan/column-type.ts';
import { type LogicalPlan, type Remote, type RemoteId } from '../logical/logical-plan.ts';
import { walkPlan } from '../logical/plan-children.ts';
import { rowsOf } from './estimate.ts';
import { type Layout } from './layout.ts';
import {
  type Exchange,
  type PhysicalPlan,
  type Stage,
  type StageIndex,
  type StageInput,
  type StagePartitioning,
} from './physical-plan.ts';
import { type Branch } from './placed.ts';

/** Rows that closed stages offer to consumers. */
export interface Produced {
  readonly producers: readonly StageIndex[];
  readonly columns: readonly ColumnType[];
  readonly estimatedRows: number;
  readonly rowLimit?: number;
}

interface StageDraft {
  readonly body: LogicalPlan;
  readonly partitioning: StagePartitioning;
  readonly layout?: Layout;
  readonly rowLimit?: number;
}

/** Collects the stages of a query while they are cut off, and the inputs between them. */
export class StageGraph {
  readonly #stages: StageDraft[] = [];
  readonly #produced = new Map<RemoteId, Produced>();
  readonly #exchanges = new Map<RemoteId, Exchange>();
  #nextSourceId: number;

  /** `nextSourceId` and above are free: no scan of the plan has such an id. */
  constructor(nextSourceId: number) {
    this.#nextSourceId = nextSourceId;
  }

  /** An id for another scan or remote input, unique in the query. */
  newSourceId(): number {
    this.#nextSourceId += 1;
    return this.#nextSourceId - 1;
  }

  /** Ends a stage above the branch. */
  close(branch: Branch): StageIndex {
    const { body, location, rowLimit } = branch;
    const partitioning = location.kind === 'anywhere' ? 'single' : location.kind;
    assert(partitioning !== 'pending', 'a stage is closed once its input is settled');
    this.#stages.push({
      body,
      partitioning,
      ...(location.kind === 'layout' ? { layout: location.layout } : {}),
      ...(rowLimit === undefined ? {} : { rowLimit }),
    });
    return this.#stages.length - 1;
  }

  /** A leaf that reads produced rows; without an exchange, `settle` has to follow before the plan is finished. */
  read(produced: Produced, exchange?: Exchange): Remote {
    const remoteId = this.newSourceId();
    this.#produced.set(remoteId, produced);
    if (exchange !== undefined) this.#exchanges.set(remoteId, exchange);
    const { columns, estimatedRows } = produced;
    return { kind: 'remote', remoteId, columns, estimatedRows };
  }

  settle(remoteId: RemoteId, exchange: Exchange): void {
    assert(!this.#exchanges.has(remoteId), `input ${remoteId} is settled once`);
    this.#exchanges.set(remoteId, exchange);
  }

  /** Bodies of the stages whose rows the body reads, however far away. */
  bodiesBelow(body: LogicalPlan): readonly LogicalPlan[] {
    const reached = new Set<StageIndex>();
    const todo = [body];
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      for (const node of walkPlan(next)) {
        if (node.kind !== 'remote') continue;
        for (const producer of this.producedBy(node.remoteId).producers) {
          const stage = this.#stages[producer];
          if (stage === undefined || reached.has(producer)) continue;
          reached.add(producer);
          todo.push(stage.body);
        }
      }
    }
    return [...reached].flatMap((stage) => this.#stages[stage]?.body ?? []);
  }

  producedBy(remoteId: RemoteId): Produced {
    const produced = this.#produced.get(remoteId);
    assert(produced !== undefined, `input ${remoteId} has producers`);
    return produced;
  }

  /** The plan whose result is the given stage's; stages that nothing reads are dropped. */
  finish(root: StageIndex): PhysicalPlan {
    const stages = this.#stages.map((draft): Stage => ({
      ...draft,
      inputs: this.#inputsOf(draft.body),
    }));
    const kept = reachableFrom(root, stages);
    const renumbered = new Map(kept.map((stage, index) => [stage, index]));
    const indexOf = (stage: StageIndex): StageIndex => {
      const index = renumbered.get(stage);
      assert(index !== undefined, `stage ${stage} is kept`);
      return index;
    };
    return {
      stages: kept.map((index) => {
        const stage = stages[index];
        assert(stage !== undefined, `stage ${index} exists`);
        const inputs = stage.inputs.map((input) => ({
          ...input,
          producers: input.producers.map(indexOf),
        }));
        return { ...stage, inputs };
      }),
    };
  }

  #inputsOf(body: LogicalPlan): readonly StageInput[] {
    const inputs: StageInput[] = [];
    for (const node of walkPlan(body)) {
      if (node.kind !== 'remote') continue;
      const exchange = this.#exchanges.get(node.remoteId);
      assert(exchange !== undefined, `input ${node.remoteId} is settled`);
      const { producers, columns, rowLimit } = this.producedBy(node.remoteId);
      inputs.push({
        remoteId: node.remoteId,
        producers,
        exchange,
        columns,
        estimatedRows: rowsOf(node),
        ...(rowLimit === undefined ? {} : { rowLimit }),
      });
    }
    return inputs;
  }
}

/** Stages that the root reads, however far away, in their order; the root is the last of them. */
function reachableFrom(root: StageIndex, stages: readonly Stage[]): readonly StageIndex[] {
  const reached = new Set<StageIndex>([root]);
  for (let index = root; index >= 0; index -= 1) {
    if (!reached.has(index)) continue;
    for (const input of stages[index]?.inputs ?? []) {
      for (const producer of input.producers) reached.add(producer);
    }
  }
  return [...reached].sort((a, b) => a - b);
}
