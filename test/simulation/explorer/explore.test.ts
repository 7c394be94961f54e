import { describe, expect, it } from 'vitest';
import { CONFIGURATIONS } from './configurations.ts';
import { explore } from './explore.ts';

const named = (name: string) => CONFIGURATIONS.filter((each) => each.name === name);

describe('the explorer', () => {
  it('visits every world of a small query, each way to its end', () => {
    const [configuration] = named('empty scan, task-failure, all-at-once');
    const found = configuration === undefined ? undefined : explore(configuration, 10_000);
    expect(found).toMatchObject({ isWhole: true, violation: undefined });
    expect([...(found?.ends.keys() ?? [])].toSorted()).toEqual(['INVALID_INPUT', 'finished']);
  });

  it.each(CONFIGURATIONS)('finds no broken law in the first worlds: $name', (configuration) => {
    expect(explore(configuration, 60).violation).toBeUndefined();
  });

  it('shows the way to a broken law', () => {
    const [configuration] = named('scan, cancel, all-at-once');
    if (configuration === undefined) throw new Error('no such configuration');
    const [scan, ...others] = configuration.fragments;
    // A plan whose consumer waits for a producer that does not feed it cannot end.
    const deaf = { ...configuration, faults: [], fragments: [...others, scan ?? others[0]] };
    const found = explore(
      { ...deaf, fragments: deaf.fragments.filter((f) => f !== undefined) },
      100,
    );
    expect(found.violation?.law).toMatch(/failed: INTERNAL_ERROR/);
  });
});
