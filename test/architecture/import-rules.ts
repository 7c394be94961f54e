import { basename, dirname, join } from 'node:path';
import type { Node } from 'oxc-parser';
import { layerOf, POLICIES, PURE_PACKAGES, type Layer } from './layers.ts';
import { lineOf, walk, type ModuleImport, type SourceFile } from './source-files.ts';

/** What one import of one file means in this repository. */
interface Import {
  readonly from: string;
  /** Path from the repository's root, or the package (`node:fs`, `pino`, `@grpc/grpc-js`). */
  readonly to: string;
  readonly isRelative: boolean;
  readonly where: string;
}

type ImportRule = (entry: Import) => string | undefined;

const RANK: Readonly<Record<Layer, number>> = { pure: 0, local: 1, io: 2 };
const SERVICES = 'services/';

/** Broken import rules of the given files, as `path:line: what is wrong`. */
export function importViolations(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) =>
    file.imports.flatMap((moduleImport) => {
      const entry = resolveImport(file.path, moduleImport);
      return IMPORT_RULES.map((rule) => rule(entry))
        .filter((message) => message !== undefined)
        .map((message) => `${entry.where}: ${message}`);
    }),
  );
}

/** Files of services/ that the table of layers does not place. */
export function unplacedFiles(files: readonly SourceFile[]): readonly string[] {
  return files
    .map((file) => file.path)
    .filter((path) => path.startsWith(SERVICES) && layer(path) === undefined)
    .map((path) => `${path}: not in test/architecture/layers.ts`);
}

/** Uses of time, chance and process where the layer forbids them. */
export function globalViolations(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) => {
    const found: string[] = [];
    walk(file.program, (node, parents) => {
      const message = forbiddenGlobal(file.path, node, parents);
      if (message === undefined) return;
      found.push(`${file.path}:${lineOf(file.text, node.start)}: ${message}`);
    });
    return found;
  });
}

function layer(path: string): Layer | undefined {
  return path.startsWith(SERVICES) ? layerOf(path.slice(SERVICES.length)) : undefined;
}

function resolveImport(from: string, { specifier, line }: ModuleImport): Import {
  const isRelative = specifier.startsWith('.');
  const to = isRelative ? join(dirname(from), specifier) : packageName(specifier);
  return { from, to, isRelative, where: `${from}:${line}` };
}

function packageName(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

const serviceOf = (path: string): string | undefined => /^services\/([^/]+)\//.exec(path)?.[1];
const isIn = (path: string, folder: string): boolean => path.includes(`/${folder}/`);
/** Where processes are put together: each service's main.ts, what they share, and the clusters of the command. */
const isCompositionRoot = (path: string): boolean =>
  path.endsWith('/main.ts') || /^services\/(cli\/(embedded|serve)|common\/process)\//.test(path);

const IMPORT_RULES: readonly ImportRule[] = [
  // 1. io → local → pure, never back.
  ({ from, to }) => {
    const own = layer(from);
    const other = layer(to);
    if (own === undefined || other === undefined || RANK[own] >= RANK[other]) return undefined;
    return `[${own}] must not import [${other}] ${to}`;
  },
  ({ from, to, isRelative }) => {
    if (isRelative || layer(from) === undefined || layer(from) === 'io') return undefined;
    return PURE_PACKAGES.includes(to) ? undefined : `[${layer(from)}] must not import ${to}`;
  },
  // 2. Services share services/common and talk through proto/.
  ({ from, to }) => {
    const [own, other] = [serviceOf(from), serviceOf(to)];
    if (own === undefined || other === undefined || own === other || other === 'common') {
      return undefined;
    }
    if (from.startsWith('services/cli/embedded/') && /\/(main|config)\.ts$/.test(to)) {
      return undefined;
    }
    return `services/${own} must not import services/${other}`;
  },
  // 3. Wire types, gRPC, DuckDB and the logger stay at their edges.
  ({ from, to }) => {
    const allowed = serviceOf(from) === undefined || isIn(from, 'rpc') || isIn(from, 'flight');
    return to.startsWith('proto/gen/') && !allowed
      ? 'wire types only in rpc/ and flight/'
      : undefined;
  },
  edgePackage(/^@grpc\//, (path) => isIn(path, 'rpc')),
  edgePackage(/^@duckdb\//, (path) => isIn(path, 'duckdb')),
  edgePackage(/^pino$/, isCompositionRoot),
  edgePackage(/^node:timers/, (path) => path === 'services/common/system-clock.ts'),
  // 5. Sibling policies do not know each other; explicit file names; nothing imports tests.
  ({ from, to }) => {
    const policies = POLICIES[dirname(from).slice(SERVICES.length)] ?? [];
    const isSibling = dirname(from) === dirname(to) && policies.includes(basename(to));
    return isSibling ? `a policy must not know its sibling ${to}` : undefined;
  },
  ({ to, isRelative }) =>
    isRelative && !/\.(ts|mjs|js|json)$/.test(to) ? `${to} needs a file extension` : undefined,
  ({ from, to }) =>
    /^(test|bench)\//.test(to) && !/^(test|bench)\//.test(from)
      ? `must not import ${to}`
      : undefined,
];

/** A package that only files of one kind may import, within services/. */
function edgePackage(name: RegExp, mayImport: (path: string) => boolean): ImportRule {
  return ({ from, to }) =>
    name.test(to) && from.startsWith(SERVICES) && !mayImport(from)
      ? `${to} is not for this folder`
      : undefined;
}

/** Names that pure and local code must not use; local code has the timers of its Clock. */
const IMPURE_GLOBALS: ReadonlySet<string> = new Set([
  'process',
  'crypto',
  'performance',
  'fetch',
  'globalThis',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
]);
/** Microtasks and abort signals order work in memory, so local code may use them. */
const LOCAL_GLOBALS: ReadonlySet<string> = new Set(['queueMicrotask', 'setImmediate']);

function forbiddenGlobal(path: string, node: Node, parents: readonly Node[]): string | undefined {
  const own = layer(path);
  if (own === undefined || path === 'services/common/system-clock.ts') return undefined;
  if (readsClock(node)) return 'only system-clock.ts reads the time';
  if (readsEnvironment(node)) {
    const mayRead = path.endsWith('/config.ts') || isCompositionRoot(path);
    return mayRead ? undefined : 'only config.ts reads the environment';
  }
  if (own === 'io') return undefined;
  if (isMember(node, 'Math', 'random')) return `[${own}] takes a Random`;
  if (node.type !== 'Identifier' || !IMPURE_GLOBALS.has(node.name)) return undefined;
  if (own === 'local' && LOCAL_GLOBALS.has(node.name)) return undefined;
  return isReference(node, parents.at(-1)) ? `[${own}] must not use ${node.name}` : undefined;
}

/** Date.now(), Date() and new Date() without arguments; new Date(instant) only computes. */
function readsClock(node: Node): boolean {
  if (isMember(node, 'Date', 'now')) return true;
  if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return false;
  if (node.callee.type !== 'Identifier' || node.callee.name !== 'Date') return false;
  return node.type === 'CallExpression' || node.arguments.length === 0;
}

const readsEnvironment = (node: Node): boolean => isMember(node, 'process', 'env');

function isMember(node: Node, object: string, property: string): boolean {
  return (
    node.type === 'MemberExpression' &&
    node.object.type === 'Identifier' &&
    node.object.name === object &&
    node.property.type === 'Identifier' &&
    node.property.name === property
  );
}

/** Whether an identifier is a use of a variable, not the name of a property, key or member. */
function isReference(node: Node, parent: Node | undefined): boolean {
  if (parent === undefined) return false;
  if (parent.type === 'MemberExpression') return parent.object === node || parent.computed;
  if (parent.type === 'Property') return parent.value === node || parent.computed;
  const declares = ['MethodDefinition', 'PropertyDefinition', 'TSPropertySignature'];
  return !declares.includes(parent.type) && !parent.type.startsWith('TS');
}
