/**
 * The content of a resource groups' file as a tree. Whatever is wrong in it is refused with its place in the file and a way out;
 * nothing unknown is passed over.
 */
import { EngineError } from '../../common/error.ts';
import { SHARING_POLICIES } from '../../common/sharing/sharing-policy.ts';
import { parseBytes, parseDurationMs } from '../../common/setting.ts';
import { ConfigMap, configError } from './config-map.ts';
import { COMMON_VALUES, namedParts, templateValues } from './group-selection.ts';
import type {
  GroupSelector,
  ResourceGroup,
  ResourceGroupTree,
  RootLimits,
} from './resource-group-tree.ts';
import { DEFAULT_CPU_QUOTA_PERIOD_MS, ROOT_NAME, STATEMENT_KINDS } from './resource-group-tree.ts';

const FILE_KEYS = ['root', 'selectors', 'cpu_quota_period'];
const LIMIT_KEYS = [
  'policy',
  'hard_concurrency',
  'soft_concurrency',
  'max_queued',
  'soft_memory',
  'hard_memory',
  'soft_cpu',
  'hard_cpu',
  'groups',
];
const SIBLING_KEYS = ['name', 'weight', 'min_share', 'priority'];
const SELECTOR_KEYS = ['user', 'source', 'client_tags', 'statement_kinds', 'group'];
const MAX_DEPTH = 8;

const SIZE = { parse: parseBytes, form: 'a size such as 64GiB' };
const TIME = { parse: parseDurationMs, form: 'a duration such as 30m' };

/** @throws EngineError INVALID_CONFIGURATION; `details.path` is the place in the file */
export function parseResourceGroups(content: unknown, limits: RootLimits): ResourceGroupTree {
  const file = new ConfigMap(content, '', FILE_KEYS);
  const rootMap = file.map('root', LIMIT_KEYS);
  const stated = parseGroup(rootMap, ROOT_NAME, 1);
  const root: ResourceGroup = {
    ...stated,
    hardConcurrency: stated.hardConcurrency ?? limits.maxRunningQueries,
    maxQueued: stated.maxQueued ?? limits.maxQueuedQueries,
  };
  checkLimits(rootMap, root);
  const selectors = file.list('selectors').map((each, index) => {
    return parseSelector(new ConfigMap(each, `selectors[${index}]`, SELECTOR_KEYS), root);
  });
  if (selectors.length === 0) {
    throw configError('selectors', 'there is none, so no query would belong anywhere', {
      wayOut: 'a selector without conditions takes all: - group: NAME',
    });
  }
  const cpuQuotaPeriodMs = file.measure('cpu_quota_period', TIME) ?? DEFAULT_CPU_QUOTA_PERIOD_MS;
  if (cpuQuotaPeriodMs === 0) throw configError('cpu_quota_period', 'it cannot be 0');
  return { root, selectors, cpuQuotaPeriodMs };
}

function parseGroup(map: ConfigMap, name: string, depth: number): ResourceGroup {
  const group: ResourceGroup = {
    name,
    policy: map.choice('policy', SHARING_POLICIES) ?? 'fair',
    weight: map.integer('weight', { min: 1, max: 10_000 }) ?? 1,
    minShare: map.integer('min_share', { min: 0, max: 100_000 }) ?? 0,
    priority: map.integer('priority', { min: 0, max: 10_000 }) ?? 0,
    hardConcurrency: map.integer('hard_concurrency', { min: 0, max: 100_000 }),
    softConcurrency: map.integer('soft_concurrency', { min: 0, max: 100_000 }),
    maxQueued: map.integer('max_queued', { min: 0, max: 1_000_000 }),
    softMemoryBytes: map.measure('soft_memory', SIZE),
    hardMemoryBytes: map.measure('hard_memory', SIZE),
    softCpuMs: map.measure('soft_cpu', TIME),
    hardCpuMs: map.measure('hard_cpu', TIME),
    groups: parseChildren(map, depth),
  };
  if (depth > 1) checkLimits(map, group);
  return group;
}

function parseChildren(map: ConfigMap, depth: number): readonly ResourceGroup[] {
  const seen = new Map<string, string>();
  return map.list('groups').map((each, index) => {
    const path = map.pathOf(`groups[${index}]`);
    if (depth >= MAX_DEPTH) throw configError(path, `groups lie at most ${MAX_DEPTH} deep`);
    const child = new ConfigMap(each, path, [...SIBLING_KEYS, ...LIMIT_KEYS]);
    const name = groupName(child);
    const first = seen.get(name);
    if (first !== undefined) {
      throw configError(`${path}.name`, `'${name}' is the name of ${first} already`, {
        wayOut: 'siblings have names of their own',
      });
    }
    seen.set(name, path);
    return parseGroup(child, name, depth + 1);
  });
}

function groupName(map: ConfigMap): string {
  const name = map.text('name');
  if (name !== undefined && /^(?:[\w-]|\$\{\w+\}){1,64}$/.test(name)) return name;
  throw configError(map.pathOf('name'), 'a group needs a name', {
    wayOut: 'letters, digits, _ and -, and ${USER}, ${SOURCE} or a named part of a selector',
  });
}

/** A limit that can never be met, or never matter, is a mistake. */
function checkLimits(map: ConfigMap, group: ResourceGroup): void {
  const pairs = [
    ['concurrency', group.softConcurrency, group.hardConcurrency],
    ['memory', group.softMemoryBytes, group.hardMemoryBytes],
    ['cpu', group.softCpuMs, group.hardCpuMs],
  ] as const;
  for (const [what, soft, hard] of pairs) {
    const softKey = `soft_${what}`;
    const hardKey = `hard_${what}`;
    if (soft === null) continue;
    if (hard !== null && soft > hard) {
      throw configError(map.pathOf(softKey), `it is greater than ${hardKey}`, {
        wayOut: `lower it, or raise ${hardKey}`,
      });
    }
    if (what === 'concurrency') continue;
    if (hard === null || group.hardConcurrency === null) {
      throw configError(map.pathOf(softKey), 'nothing says how far it may be passed', {
        wayOut: `from ${softKey} to ${hardKey} hard_concurrency falls to 1: give both`,
      });
    }
  }
}

function parseSelector(map: ConfigMap, root: ResourceGroup): GroupSelector {
  const user = map.pattern('user');
  const source = map.pattern('source');
  const statementKinds = map.choices('statement_kinds', STATEMENT_KINDS);
  const group = parseGroupPath(map, root);
  const known = [...COMMON_VALUES, ...namedParts(user ?? ''), ...namedParts(source ?? '')];
  for (const value of group.flatMap(templateValues)) {
    if (known.includes(value)) continue;
    throw configError(map.pathOf('group'), `nothing gives \${${value}} a value`, {
      wayOut: `name a part of user or source so, (?<${value}>…), or take one of: ${known.join(', ')}`,
    });
  }
  return {
    ...(user === undefined ? {} : { user }),
    ...(source === undefined ? {} : { source }),
    clientTags: map.texts('client_tags') ?? [],
    ...(statementKinds === undefined ? {} : { statementKinds }),
    group,
  };
}

/** Names of groups from below the root; `root` alone where that has no children. */
function parseGroupPath(map: ConfigMap, root: ResourceGroup): readonly string[] {
  const text = map.text('group');
  const path = map.pathOf('group');
  if (text === undefined) throw configError(path, 'a selector names a group');
  const names = text === ROOT_NAME ? [] : text.split('.');
  let group = root;
  for (const name of names) {
    const next = group.groups.find((child) => child.name === name);
    if (next === undefined) {
      const children = group.groups.map((child) => child.name).join(', ') || 'none';
      throw configError(path, `${group.name} has no group '${name}'`, {
        wayOut: `its groups are: ${children}`,
      });
    }
    group = next;
  }
  if (group.groups.length === 0) return names;
  throw configError(path, `'${text}' has groups, and queries are in groups without any`, {
    wayOut: `name one of them: ${group.groups.map((child) => child.name).join(', ')}`,
  });
}

/** The same error, which also names the file. */
export function inFile(error: EngineError, file: string): EngineError {
  const details = { ...error.details, file };
  return new EngineError(error.code, `${file}: ${error.message}`, { details, cause: error });
}
