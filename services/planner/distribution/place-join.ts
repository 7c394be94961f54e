import { assert, assertNever } from '../../common/assert.ts';
import { type LogicalPlan } from '../logical/logical-plan.ts';
import { type CopiedJoin } from './copy-candidates.ts';
import { toBroadcast, toHash, toOneStage, toSingle } from './exchange.ts';
import {
  joinCandidates,
  joinTypeOf,
  type AnyKindOfJoin,
  type JoinSides,
  type LayoutJoin,
  type PartitionedJoin,
} from './join-candidates.ts';
import { mergeHashKeys, remapHashKeys, type HashKey } from './partitioning.ts';
import {
  deliveredKeys,
  onlyBranch,
  withKeys,
  type Branch,
  type Location,
  type Placed,
} from './placed.ts';
import { type Placer } from './placer.ts';

/** Puts a join where its rows meet at the least cost. The order of the sides stays: DuckDB builds on the right. */
export function placeJoin(placer: Placer, plan: AnyKindOfJoin): Placed {
  const sides = { left: placer.place(plan.left), right: placer.place(plan.right) };
  const [first, ...others] = joinCandidates(plan, sides, placer.options);
  const { placement } = others.reduce((best, next) => (next.cost < best.cost ? next : best), first);
  switch (placement.kind) {
    case 'together':
      return inOneTask(placer, plan, sides);
    case 'broadcast-right':
      return withBroadcastRight(placer, plan, sides);
    case 'broadcast-left':
      return withBroadcastLeft(placer, plan, sides);
    case 'layout':
      return byLayout(plan, placement);
    case 'copied':
      return withCopy(plan, sides, placement);
    case 'partitioned':
      return partitioned(placer, plan, { sides, placement });
    default:
      return assertNever(placement);
  }
}

/** Both sides in one stage, whose tasks read the same part of the key's values of all scans. */
function byLayout(plan: AnyKindOfJoin, { left, right, layout }: LayoutJoin): Placed {
  const keys = keysBehind(plan, left.keys, right.keys);
  const body = bodyOf(plan, left.body, right.body);
  return { branches: [{ body, location: { kind: 'layout', layout, keys } }] };
}

/** One side, or both, read by each task of the stage for itself. */
function withCopy(
  plan: AnyKindOfJoin,
  { left, right }: JoinSides,
  { copied, location }: CopiedJoin,
): Placed {
  const [leftBranch, rightBranch] = [onlyBranch(left), onlyBranch(right)];
  assert(
    leftBranch !== undefined && rightBranch !== undefined,
    'a side that is read is one branch',
  );
  const positions = copied === 'left' ? rightPositions : leftPositions;
  return {
    branches: [
      {
        body: bodyOf(plan, leftBranch.body, rightBranch.body),
        location: throughOutput(location, (column) => positions(plan, column)),
      },
    ],
  };
}

function inOneTask({ graph }: Placer, plan: AnyKindOfJoin, sides: JoinSides): Placed {
  const left = toSingle(graph, sides.left);
  const right = toSingle(graph, sides.right);
  return { branches: [{ body: bodyOf(plan, left.body, right.body), location: left.location }] };
}

/** Each branch of the left side meets all rows of the right side in its own stage. */
function withBroadcastRight({ graph }: Placer, plan: AnyKindOfJoin, sides: JoinSides): Placed {
  const { branches } = sides.left;
  const copies = toBroadcast(graph, sides.right, branches.length);
  return {
    branches: copies.map((right, index): Branch => {
      const left = toOneStage(graph, { branches: branches.slice(index, index + 1) });
      const location = throughOutput(left.location, (column) => leftPositions(plan, column));
      return { body: bodyOf(plan, left.body, right), location };
    }),
  };
}

function withBroadcastLeft({ graph }: Placer, plan: AnyKindOfJoin, sides: JoinSides): Placed {
  const { branches } = sides.right;
  const copies = toBroadcast(graph, sides.left, branches.length);
  return {
    branches: copies.map((left, index): Branch => {
      const right = toOneStage(graph, { branches: branches.slice(index, index + 1) });
      const location = throughOutput(right.location, (column) => rightPositions(plan, column));
      return { body: bodyOf(plan, left, right.body), location };
    }),
  };
}

interface Partitioned {
  readonly sides: JoinSides;
  readonly placement: PartitionedJoin;
}

function partitioned(
  { graph }: Placer,
  plan: AnyKindOfJoin,
  { sides, placement }: Partitioned,
): Placed {
  const { pairs } = placement;
  const left = placement.movesLeft
    ? toHash(
        graph,
        sides.left,
        pairs.map((pair) => pair.left),
      )
    : toOneStage(graph, sides.left);
  const right = placement.movesRight
    ? toHash(
        graph,
        sides.right,
        pairs.map((pair) => pair.right),
      )
    : toOneStage(graph, sides.right);
  const keys = keysBehind(plan, deliveredKeys(left), deliveredKeys(right));
  return {
    branches: [{ body: bodyOf(plan, left.body, right.body), location: { kind: 'hash', keys } }],
  };
}

/** A side whose rows may come out as NULLs of a miss tells nothing about the task of its row. */
function keysBehind(
  plan: AnyKindOfJoin,
  left: readonly HashKey[],
  right: readonly HashKey[],
): readonly HashKey[] {
  const leftKeys = remapHashKeys(left, (column) => leftPositions(plan, column));
  const rightKeys = remapHashKeys(right, (column) => rightPositions(plan, column));
  switch (joinTypeOf(plan)) {
    case 'inner':
      return mergeHashKeys(leftKeys, rightKeys);
    case 'left':
    case 'semi':
    case 'anti':
    case 'mark':
    case 'single':
      return leftKeys;
    case 'right':
    case 'right-semi':
    case 'right-anti':
      return rightKeys;
    default:
      return [];
  }
}

function throughOutput(
  location: Location,
  toPositions: (column: number) => readonly number[],
): Location {
  return withKeys(location, (keys) => remapHashKeys(keys, toPositions));
}

function leftPositions(plan: AnyKindOfJoin, column: number): readonly number[] {
  return plan.kind === 'cross-product' ? [column] : placesOf(column, plan.output.left, 0);
}

function rightPositions(plan: AnyKindOfJoin, column: number): readonly number[] {
  return plan.kind === 'cross-product'
    ? [plan.left.columns.length + column]
    : placesOf(column, plan.output.right, plan.output.left.length);
}

function placesOf(column: number, output: readonly number[], first: number): readonly number[] {
  return output.flatMap((source, index) => (source === column ? [first + index] : []));
}

function bodyOf(plan: AnyKindOfJoin, left: LogicalPlan, right: LogicalPlan): LogicalPlan {
  return { ...plan, left, right };
}
