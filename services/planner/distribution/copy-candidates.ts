/** Joins of which one side is read by every task that has rows of the other. */
import { walkPlan } from '../logical/plan-children.ts';
import { originalOf } from '../logical/logical-plan.ts';
import { copiedBody, type CopiedBody, type CopiedScan } from './copied-scan.ts';
import { stageCost } from './cost.ts';
import { bytesOf } from './estimate.ts';
import { withCopies } from './layout.ts';
import { onlyBranch, SINGLE, type Branch, type Location, type Placed } from './placed.ts';
import { type DistributionOptions } from './placer.ts';
import { shareLayout } from './share-layout.ts';

/** One side where it is, the other in each of its tasks. */
export interface CopiedJoin {
  readonly kind: 'copied';
  readonly copied: 'left' | 'right' | 'both';
  /** Of the rows of the side that is not copied, from now on. */
  readonly location: Location;
}

export interface CopyCandidate {
  readonly placement: CopiedJoin;
  readonly cost: number;
  readonly copiedBytes: number;
}

interface Sides {
  readonly left: Placed;
  readonly right: Placed;
}

/** `mayCopy`: the sides of which each task may have all rows. */
export function copyCandidates(
  sides: Sides,
  mayCopy: readonly ('left' | 'right')[],
  options: DistributionOptions,
): readonly CopyCandidate[] {
  const copies = {
    left: copiedBody(sides.left, options.replicated),
    right: copiedBody(sides.right, options.replicated),
  };
  const candidates = mayCopy.flatMap((side): readonly CopyCandidate[] => {
    const copy = copies[side];
    const other = onlyBranch(sides[side === 'left' ? 'right' : 'left']);
    if (copy === undefined || other === undefined) return [];
    return candidateFor(side, { copy, other }, options);
  });
  return [...candidates, ...inOneTask(copies, options)];
}

/** Both sides read where they are joined, when that is less work than a stage for one of them. */
function inOneTask(
  { left, right }: Readonly<Record<'left' | 'right', CopiedBody | undefined>>,
  options: DistributionOptions,
): readonly CopyCandidate[] {
  if (left === undefined || right === undefined || options.sharesSmallWork) return [];
  const copiedBytes = bytesOf(left.body) + bytesOf(right.body);
  if (left.work + right.work + copiedBytes > stageCost(options)) return [];
  const cost = extraWork(left, options) + extraWork(right, options) + copiedBytes;
  return [{ placement: { kind: 'copied', copied: 'both', location: SINGLE }, cost, copiedBytes }];
}

function candidateFor(
  copied: 'left' | 'right',
  { copy, other }: { readonly copy: CopiedBody; readonly other: Branch },
  options: DistributionOptions,
): readonly CopyCandidate[] {
  const location = locationWith(copy.scans, other, options);
  if (location === undefined) return [];
  const share = location.kind === 'layout' ? 1 / options.taskCount : 1;
  const copiedBytes = bytesOf(copy.body);
  const cost = extraWork(copy, options) + copiedBytes + bytesOf(other.body) * share;
  return [{ placement: { kind: 'copied', copied, location }, cost, copiedBytes }];
}

/** What the tasks do more than if each of them did its share. */
function extraWork({ work }: CopiedBody, { taskCount }: DistributionOptions): number {
  return work * (1 - 1 / taskCount);
}

/** The branch's tasks, when they can read scans of their own. */
function locationWith(
  copies: readonly CopiedScan[],
  { body, location }: Branch,
  { replicated, taskCount }: DistributionOptions,
): Location | undefined {
  switch (location.kind) {
    case 'single':
      return location;
    case 'layout':
      return { ...location, layout: withCopies(location.layout, copies) };
    case 'source': {
      const [scan] = [...walkPlan(body)].filter((node) => node.kind === 'scan');
      const layout = scan && shareLayout(scan, replicated.get(originalOf(scan)), taskCount);
      return layout && { kind: 'layout', layout: withCopies(layout, copies), keys: [] };
    }
    default:
      return undefined;
  }
}
