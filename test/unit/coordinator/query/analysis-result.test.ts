import { describe, expect, it } from 'vitest';
import { NO_TASK_STATS } from '../../../../services/common/task/task-status.ts';
import type { ResultUpdate } from '../../../../services/coordinator/query/query-report.ts';
import { ALICE, aPlan, RegistryFixture } from '../../../support/coordinator-fakes.ts';

const never = new AbortController().signal;

describe('EXPLAIN ANALYZE', () => {
  async function analyzed(): Promise<{
    readonly world: RegistryFixture;
    readonly queryId: string;
  }> {
    const world = new RegistryFixture();
    const { queryId } = world.submit();
    await world.planner.answer(0, aPlan({ analysis: 'json' }));
    await world.report('running');
    return { world, queryId };
  }

  it('answers when all tasks have told how they ended, with pages of its own', async () => {
    const { world, queryId } = await analyzed();
    expect(world.workers.updates[0]?.update.isProfiled).toBe(true);
    const updates: ResultUpdate[] = [];
    const watching = (async () => {
      for await (const update of world.registry.watchResults(queryId, ALICE, never)) {
        updates.push(update);
      }
    })();
    await world.report('finished', {
      inlinePages: [],
      stats: { ...NO_TASK_STATS, outputRows: 17 },
    });
    await watching;
    expect(world.registry.get(queryId, ALICE).phase).toBe('finished');
    const [update, ...others] = updates;
    expect(others).toEqual([]);
    expect(update).toMatchObject({ noMoreLocations: true });
    expect(update?.columns.map(({ name }) => name)).toEqual(['explain_key', 'explain_value']);
    const text = Buffer.concat(update?.locations[0]?.inlinePages ?? []).toString('utf8');
    expect(text).toContain('"rows": 17');
  });

  it('fails as the statement fails', async () => {
    const { world, queryId } = await analyzed();
    const error = { code: 'CONVERSION_ERROR', message: 'no number' } as const;
    await world.report('failed', { error });
    expect(world.registry.get(queryId, ALICE)).toMatchObject({ phase: 'failed', error });
  });
});
