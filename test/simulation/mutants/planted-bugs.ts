/** Bugs between the kernel and the world, where real ones would show: would the checkers notice? */
import type { DynamicFilter } from '../../../services/common/dynamic-filter/dynamic-filter.ts';
import type { KeyDomain } from '../../../services/common/dynamic-filter/key-domain.ts';
import type { PlanFragment } from '../../../services/common/plan/plan-fragment.ts';
import type {
  OutputLocation,
  Split,
  SplitAssignment,
} from '../../../services/common/plan/split.ts';
import type { SchedulerEffect } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { EffectOf } from '../../support/scheduler-driver.ts';

export type Tamper = (effects: readonly SchedulerEffect[]) => readonly SchedulerEffect[];
type Update = EffectOf<'update-task'>;

function updates(change: (update: Update) => Update): Tamper {
  return (effects) =>
    effects.map((effect) => (effect.kind === 'update-task' ? change(effect) : effect));
}

function assignments(change: (assignment: SplitAssignment) => SplitAssignment): Tamper {
  return updates((update) => ({
    ...update,
    splitAssignments: update.splitAssignments.map(change),
  }));
}

/** As a scheduler would number them that never meant the missing or doubled ones. */
function renumber(): (key: string, splits: readonly Split[]) => readonly Split[] {
  const next = new Map<string, number>();
  return (key, splits) =>
    splits.map((split) => {
      const sequenceId = next.get(key) ?? 0;
      next.set(key, sequenceId + 1);
      return { ...split, sequenceId };
    });
}

function renumbered(change: (splits: readonly Split[]) => readonly Split[]): Tamper {
  const number = renumber();
  return updates((update) => ({
    ...update,
    splitAssignments: update.splitAssignments.map((assignment) => ({
      ...assignment,
      splits: number(
        `${update.taskId.stageId}.${update.taskId.partitionId}.${assignment.sourceId}`,
        change(assignment.splits),
      ),
    })),
  }));
}

const without =
  (kind: SchedulerEffect['kind']): Tamper =>
  (effects) =>
    effects.filter((effect) => effect.kind !== kind);

function filtersOf({ scans }: PlanFragment, domain: KeyDomain): readonly DynamicFilter[] {
  return scans.flatMap(({ filteredColumns = [] }) =>
    filteredColumns.map(({ filterId }) => ({ filterId, version: 1, domain })),
  );
}

function withFirstAttempt(location: OutputLocation): OutputLocation {
  return { ...location, taskId: { ...location.taskId, attempt: 0 } };
}

const AN_EMPTY_FILTER = { index: 0, form: 'integer', keepsNulls: false } as const;

function withoutLastValue(domain: KeyDomain): KeyDomain {
  return domain.kind === 'some' && domain.values !== undefined
    ? { ...domain, values: domain.values.slice(0, -1) }
    : domain;
}

export const PLANTED_BUGS: Record<string, () => Tamper> = {
  'a file split is given twice': () =>
    renumbered((splits) => {
      const [first] = splits;
      return first?.input.kind === 'file' ? [...splits, first] : splits;
    }),
  'a split of a partition is given to the task of another': () =>
    renumbered((splits) =>
      splits.map((split) =>
        split.input.kind === 'file' && split.input.partition !== undefined
          ? { ...split, input: { ...split.input, partition: 99 as never } }
          : split,
      ),
    ),
  'the last file split is forgotten': () =>
    renumbered((splits) => (splits.at(-1)?.input.kind === 'file' ? splits.slice(0, -1) : splits)),
  'a remote split is forgotten': () =>
    renumbered((splits) => (splits.at(-1)?.input.kind === 'remote' ? splits.slice(0, -1) : splits)),
  'a remote split is made twice': () =>
    renumbered((splits) => {
      const [first] = splits;
      return first?.input.kind === 'remote' ? [...splits, first] : splits;
    }),
  'a source ends with its first splits': () =>
    assignments((assignment) => ({
      ...assignment,
      noMoreSplits: assignment.noMoreSplits || assignment.splits.length > 0,
    })),
  'readers of a broadcast are declared complete too early': () =>
    updates((update) => ({
      ...update,
      outputBuffers: update.outputBuffers.map((buffers) => ({ ...buffers, noMoreBufferIds: true })),
    })),
  'readers are never declared complete': () =>
    updates((update) => ({
      ...update,
      outputBuffers: update.outputBuffers.map((buffers) => ({
        ...buffers,
        noMoreBufferIds: buffers.kind === 'partitioned',
      })),
    })),
  'producers are not told of readers that have ended': () =>
    updates((update) => ({
      ...update,
      outputBuffers: update.outputBuffers.map((buffers) => ({
        ...buffers,
        abandonedBufferIds: [],
      })),
    })),
  'consumers read the wrong buffer': () =>
    assignments((assignment) => ({
      ...assignment,
      splits: assignment.splits.map((split) =>
        split.input.kind === 'remote'
          ? {
              ...split,
              input: {
                ...split.input,
                location: { ...split.input.location, bufferId: 0 as never },
              },
            }
          : split,
      ),
    })),
  'a failed query looks finished': () => (effects) =>
    effects.map((effect) => (effect.kind === 'fail-query' ? { kind: 'finish-query' } : effect)),
  'a query ends before its result was announced': () => without('add-result-locations'),
  'tasks of a failed query are not stopped': () => without('stop-task'),
  'split sources are not closed': () => without('close-split-source'),
  'a failing task is cancelled instead of aborted': () => (effects) =>
    effects.map((effect) => (effect.kind === 'stop-task' ? { ...effect, stop: 'cancel' } : effect)),
  'a dynamic filter is taken for complete before it is': () =>
    updates((update) =>
      update.fragment === undefined
        ? update
        : { ...update, dynamicFilters: filtersOf(update.fragment, { kind: 'none' }) },
    ),
  'splits are left out by a filter that is not complete': () => (effects) =>
    effects.map((effect) =>
      effect.kind === 'load-splits'
        ? { ...effect, filters: [{ ...AN_EMPTY_FILTER, domain: { kind: 'none' } }] }
        : effect,
    ),
  'a dynamic filter lacks the keys of a task': () =>
    updates((update) => ({
      ...update,
      dynamicFilters: (update.dynamicFilters ?? []).map((filter) => ({
        ...filter,
        domain: withoutLastValue(filter.domain),
      })),
    })),
  'stored outputs are not released': () => without('release-output'),
  'stored outputs are released twice': () => (effects) =>
    effects.flatMap<SchedulerEffect>((effect) =>
      effect.kind === 'release-output' ? [effect, effect] : [effect],
    ),
  'an attempt reads what an earlier one has left': () =>
    assignments((assignment) => ({
      ...assignment,
      splits: assignment.splits.map(({ input, ...split }) =>
        input.kind === 'remote'
          ? { ...split, input: { ...input, location: withFirstAttempt(input.location) } }
          : { ...split, input },
      ),
    })),
  'spooled outputs are read from their workers': () =>
    assignments((assignment) => ({
      ...assignment,
      splits: assignment.splits.map((split) => {
        if (split.input.kind !== 'remote') return split;
        const { isSpooled: _left, ...location } = split.input.location;
        return { ...split, input: { kind: 'remote', location } };
      }),
    })),
  'a result that may be retried is shown at once': () => (effects) =>
    effects.map((effect) =>
      effect.kind === 'change-result' ? { ...effect, commitment: 'committed' } : effect,
    ),
  'a result that was withheld is never shown': () => (effects) =>
    effects.filter((effect) => effect.kind !== 'change-result' || effect.commitment === 'withheld'),
  'split sources of another attempt do not begin again': () => without('rewind-split-source'),
  'timers are not armed': () => without('arm-timer'),
};
