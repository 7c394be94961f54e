import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { EngineError } from '../../../../services/common/error.ts';
import { selectGroup } from '../../../../services/coordinator/admission/group-selection.ts';
import { parseResourceGroups } from '../../../../services/coordinator/admission/resource-groups-config.ts';
import { readResourceGroups } from '../../../../services/coordinator/admission/resource-groups-file.ts';
import { statementKind } from '../../../../services/coordinator/admission/statement-kind.ts';

const LIMITS = { maxRunningQueries: 7, maxQueuedQueries: 9 };
const EXAMPLE = join(import.meta.dirname, '../../../../examples/config/resource-groups.yaml');

const parsed = (text: string) => parseResourceGroups(parse(text), LIMITS);

function errorOf(work: () => unknown): EngineError {
  try {
    work();
  } catch (error) {
    if (error instanceof EngineError) return error;
  }
  throw new Error('an EngineError was expected');
}

/** A file with this group, and all else in order. */
const withGroup = (lines: string) => `
root:
  groups:
    - name: a
${lines.replaceAll(/^/gm, '      ')}
selectors: [{ group: a }]`;

describe("a resource groups' file", () => {
  it('takes what it leaves out from the configuration, and units as everywhere', () => {
    const { root, cpuQuotaPeriodMs } = parsed(
      withGroup('hard_concurrency: 3\nhard_memory: 2GiB\nhard_cpu: 90s'),
    );
    expect(root).toMatchObject({ name: 'root', hardConcurrency: 7, maxQueued: 9, policy: 'fair' });
    expect(root.groups).toMatchObject([
      {
        name: 'a',
        hardConcurrency: 3,
        maxQueued: null,
        hardMemoryBytes: 2 ** 31,
        hardCpuMs: 90_000,
      },
    ]);
    expect(cpuQuotaPeriodMs).toBe(3_600_000);
  });

  it.each([
    ['[]', '', 'it is not a map'],
    ['rot: {}', 'rot', 'there is no such key (it is one of: root, selectors, cpu_quota_period)'],
    ['root: {}', 'selectors', 'so no query would belong anywhere'],
    ['root: { weight: 2 }', 'root.weight', 'there is no such key'],
    ['root: { hard_concurrency: -1 }', 'root.hard_concurrency', 'not a whole number from 0'],
    ['root: { soft_concurrency: 8 }', 'root.soft_concurrency', 'greater than hard_concurrency'],
    ['root: { policy: random }', 'root.policy', "there is no 'random' (it is one of: fair, fifo,"],
    ['root: { hard_memory: 5 apples }', 'root.hard_memory', 'it is not a size such as 64GiB'],
    ['root: { hard_cpu: -1h }', 'root.hard_cpu', 'it is not a duration'],
    ['root: { groups: {} }', 'root.groups', 'it is not a list'],
    ['root: { groups: [{ weight: 1 }] }', 'root.groups[0].name', 'a group needs a name'],
    ['root: { groups: [{ name: a.b }] }', 'root.groups[0].name', 'a group needs a name'],
    [
      'root: { groups: [{ name: a }, { name: a }] }',
      'root.groups[1].name',
      "'a' is the name of root.groups[0] already",
    ],
    [withGroup('weight: 0'), 'root.groups[0].weight', 'from 1 to 10000'],
    [
      withGroup('hard_concurrency: 2\nsoft_concurrency: 3'),
      'root.groups[0].soft_concurrency',
      'lower it, or raise hard_concurrency',
    ],
    [
      withGroup('hard_concurrency: 2\nsoft_memory: 1GB'),
      'root.groups[0].soft_memory',
      'nothing says how far it may be passed',
    ],
    [
      withGroup('soft_cpu: 2h\nhard_cpu: 1h\nhard_concurrency: 2'),
      'root.groups[0].soft_cpu',
      'it is greater than hard_cpu',
    ],
    ['selectors: [{ user: "(", group: root }]', 'selectors[0].user', 'it is no regular expression'],
    ['selectors: [{ user: a }]', 'selectors[0].group', 'a selector names a group'],
    ['selectors: [{ group: a.b }]', 'selectors[0].group', "root has no group 'a'"],
    [
      'root: { groups: [{ name: a }] }\nselectors: [{ group: root }]',
      'selectors[0].group',
      'name one of them: a',
    ],
    [
      'selectors: [{ statement_kinds: [vacuum], group: root }]',
      'selectors[0].statement_kinds[0]',
      "there is no 'vacuum'",
    ],
    [
      'root: { groups: [{ name: "${team}" }] }\nselectors: [{ group: "${team}" }]',
      'selectors[0].group',
      'nothing gives ${team} a value (name a part of user or source so, (?<team>…)',
    ],
    ['cpu_quota_period: 0s\nselectors: [{ group: root }]', 'cpu_quota_period', 'it cannot be 0'],
  ])('refuses %s with its place and a way out', (text, path, message) => {
    const error = errorOf(() => parsed(text));
    expect(error.code).toBe('INVALID_CONFIGURATION');
    expect(error.details).toMatchObject({ path });
    expect(error.message).toContain(message);
  });

  it('refuses a tree that is too deep', () => {
    let group: object = { name: 'x' };
    for (let depth = 0; depth < 9; depth += 1) group = { name: 'x', groups: [group] };
    expect(
      errorOf(() => parseResourceGroups({ root: { groups: [group] } }, LIMITS)).message,
    ).toContain('at most 8 deep');
  });
});

describe('the example', () => {
  const tree = readResourceGroups(EXAMPLE, LIMITS);
  const marks = { user: 'ann', source: '', clientTags: [], statementKind: 'select' } as const;

  it.each([
    [{}, ['interactive', 'ann']],
    [{ source: 'dbt' }, ['etl']],
    [{ source: 'dbt-2' }, ['interactive', 'ann']],
    [
      { clientTags: ['x', 'nightly'], statementKind: statementKind('CREATE TABLE t (i INT)') },
      ['etl'],
    ],
    [{ clientTags: ['nightly'] }, ['interactive', 'ann']],
    [{ user: 'ads-bot' }, ['teams', 'team-ads']],
    [{ user: 'a.b%c' }, ['interactive', 'a%2Eb%25c']],
    [{ user: 'Ads-bot' }, ['interactive', 'Ads-bot']],
  ] as const)('places %j', (changes, names) => {
    expect(selectGroup(tree, { ...marks, ...changes })?.names).toEqual(names);
  });

  it('has no place for a query without a user where a user is wanted', () => {
    expect(selectGroup(tree, { ...marks, user: '' })).toBeUndefined();
  });
});

describe('the kind of a statement', () => {
  it.each([
    ['SELECT 1', 'select'],
    ['-- a comment\n(FROM t)', 'select'],
    ['explain analyze SELECT 1', 'explain'],
    ['INSERT INTO t VALUES (1)', 'insert'],
    ['create table t (i INT)', 'definition'],
    ['SET x = 1', 'session'],
  ] as const)('of %s is %s', (sql, kind) => {
    expect(statementKind(sql)).toBe(kind);
  });
});
