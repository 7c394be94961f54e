import { assertNever } from '../../common/assert.ts';
import { MAX_BLOOM_BITS } from '../../common/dynamic-filter/bloom-filter.ts';
import type { DynamicFilter } from '../../common/dynamic-filter/dynamic-filter.ts';
import type { Split, SplitAssignment } from '../../common/plan/split.ts';
import type { TaskUpdate } from '../../common/task/task-status.ts';

/** Of the splits in one update. A fragment has most of a message for itself (method-limits.ts). */
const MAX_SPLIT_BYTES = 1024 * 1024;
/** Numbers, tags and lengths of one split. */
const SPLIT_OVERHEAD_BYTES = 128;
const MAX_BYTES_PER_CHARACTER = 3;

/**
 * Cuts what a task is told into updates that each fit a message of the control stream (T35): the splits in their order over
 * as many as it takes, all else in the first. A source ends with the update that holds its last split.
 */
export function updatePieces(
  update: TaskUpdate,
  maxSplitBytes = MAX_SPLIT_BYTES,
): readonly TaskUpdate[] {
  const { fragment, share, dynamicFilters = [], ...terms } = update;
  const [first = [], ...others] = cutAssignments(update.splitAssignments, maxSplitBytes);
  const [fewFilters = [], ...moreFilters] = cutFilters(dynamicFilters);
  if (others.length === 0 && moreFilters.length === 0) return [update];
  const nothing = { ...terms, splitAssignments: [], outputBuffers: [] };
  return [
    {
      ...terms,
      ...(fragment === undefined ? {} : { fragment }),
      ...(share === undefined ? {} : { share }),
      ...(fewFilters.length === 0 ? {} : { dynamicFilters: fewFilters }),
      splitAssignments: first,
    },
    ...moreFilters.map((filters) => ({ ...nothing, dynamicFilters: filters })),
    ...others.map((splitAssignments) => ({ ...nothing, splitAssignments })),
  ];
}

/** Two bloom filters of the largest size fit. */
const MAX_FILTER_WORDS = (2 * MAX_BLOOM_BITS) / 32;

function cutFilters(filters: readonly DynamicFilter[]): readonly (readonly DynamicFilter[])[] {
  const pieces: DynamicFilter[][] = [[]];
  let words = 0;
  for (const filter of filters) {
    const { domain } = filter;
    const ownWords = domain.kind === 'some' ? (domain.bloom?.length ?? 0) : 0;
    if (words > 0 && words + ownWords > MAX_FILTER_WORDS) {
      pieces.push([]);
      words = 0;
    }
    pieces.at(-1)?.push(filter);
    words += ownWords;
  }
  return pieces;
}

function cutAssignments(
  assignments: readonly SplitAssignment[],
  maxSplitBytes: number,
): readonly (readonly SplitAssignment[])[] {
  const pieces: SplitAssignment[][] = [[]];
  let bytes = 0;
  for (const { sourceId, splits, noMoreSplits } of assignments) {
    let begin = 0;
    splits.forEach((split, index) => {
      const splitBytes = maxBytesOf(split);
      if (bytes > 0 && bytes + splitBytes > maxSplitBytes) {
        const part = splits.slice(begin, index);
        pieces.at(-1)?.push({ sourceId, splits: part, noMoreSplits: false });
        pieces.push([]);
        begin = index;
        bytes = 0;
      }
      bytes += splitBytes;
    });
    pieces.at(-1)?.push({ sourceId, splits: splits.slice(begin), noMoreSplits });
  }
  return pieces;
}

/** At least what the split takes on the wire. */
function maxBytesOf({ input }: Split): number {
  switch (input.kind) {
    case 'file': {
      const { options = '', missing = [] } = input.reading ?? {};
      const texts = [input.path, options, ...missing];
      const characters = texts.reduce((sum, text) => sum + text.length, 0);
      return SPLIT_OVERHEAD_BYTES + MAX_BYTES_PER_CHARACTER * characters;
    }
    case 'remote': {
      const { taskId, nodeId, nodeInstanceId, address } = input.location;
      const texts = [taskId.queryId, nodeId, nodeInstanceId, address];
      const characters = texts.reduce((sum, text) => sum + text.length, 0);
      return SPLIT_OVERHEAD_BYTES + MAX_BYTES_PER_CHARACTER * characters;
    }
    case 'empty':
      return SPLIT_OVERHEAD_BYTES;
    default:
      return assertNever(input);
  }
}
