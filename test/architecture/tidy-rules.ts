import { basename } from 'node:path';
import type { Function as FunctionNode, ArrowFunctionExpression, Node } from 'oxc-parser';
import { lineOf, walk, type SourceFile } from './source-files.ts';

/** Limits of the house. A file or function that outgrows one holds two ideas: part them. */
export const LIMITS = {
  fileLines: 400,
  functionLines: 70,
  positionalParameters: 3,
  constructorDependencies: 6,
} as const;

/** Words that say nothing (Helper, Util …) or say something else here (job, executor, vertex). */
const BANNED_WORDS: ReadonlySet<string> = new Set(
  'job executor vertex helper helpers util utils impl base info manager'.split(' '),
);
const ALLOWED_NAMES: ReadonlySet<string> = new Set(['TaskManager', 'task-manager']);

const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config))?\.(ts|mjs|js)$/;
/** Marks of unfinished work, spelled so that this line is none. */
const UNFINISHED = /\b(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b/;

type TidyRule = (file: SourceFile) => readonly string[];

/** Broken rules of the given files, as `path:line: what is wrong`. */
export function tidyViolations(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) =>
    TIDY_RULES.flatMap((rule) => rule(file).map((message) => `${file.path}${message}`)),
  );
}

const at = (file: SourceFile, node: { readonly start: number }, message: string): string =>
  `:${lineOf(file.text, node.start)}: ${message}`;

const fileLength: TidyRule = ({ text }) => {
  const lines = text.trimEnd().split('\n').length;
  return lines > LIMITS.fileLines ? [`: ${lines} lines, at most ${LIMITS.fileLines}`] : [];
};

const fileName: TidyRule = ({ path }) => {
  const name = basename(path);
  const found: string[] = [];
  if (!KEBAB_CASE.test(name)) found.push(': file names are kebab-case');
  if (name.startsWith('index.')) found.push(': no barrels: name the file by what it exports');
  const banned = bannedWord(name.replace(/\..*$/, ''));
  if (banned !== undefined) found.push(`: banned word in the file name: ${banned}`);
  return found;
};

const unfinishedWork: TidyRule = ({ text }) =>
  text
    .split('\n')
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => UNFINISHED.test(line))
    .map(({ number, line }) => `:${number}: unfinished: ${line.trim()}`);

type AnyFunction = FunctionNode | ArrowFunctionExpression;

const isFunction = (node: Node): node is AnyFunction =>
  node.type === 'FunctionDeclaration' ||
  node.type === 'FunctionExpression' ||
  node.type === 'ArrowFunctionExpression';

const functions: TidyRule = (file) => {
  const found: string[] = [];
  walk(file.program, (node, parents) => {
    if (!isFunction(node)) return;
    const parent = parents.at(-1);
    const lines = file.text.slice(node.start, node.end).split('\n').length;
    if (lines > LIMITS.functionLines && !isTestSuite(parent)) {
      found.push(at(file, node, `function of ${lines} lines, at most ${LIMITS.functionLines}`));
    }
    // The parameters of an inline callback are the callee's choice.
    const isCallback = parent?.type === 'CallExpression' || parent?.type === 'NewExpression';
    const parameters = node.params.length;
    if (parameters > LIMITS.positionalParameters && !isCallback) {
      found.push(
        at(file, node, `${parameters} positional parameters: group what belongs together`),
      );
    }
  });
  return found;
};

/** `describe` blocks only group. */
function isTestSuite(parent: Node | undefined): boolean {
  if (parent?.type !== 'CallExpression') return false;
  let callee: Node = parent.callee;
  while (callee.type === 'MemberExpression' || callee.type === 'CallExpression') {
    callee = callee.type === 'MemberExpression' ? callee.object : callee.callee;
  }
  return callee.type === 'Identifier' && callee.name === 'describe';
}

/** Collaborators travel in one object whose type is called …Deps (style by example, 14). */
const dependencies: TidyRule = (file) => {
  const found: string[] = [];
  walk(file.program, (node) => {
    if (node.type !== 'TSInterfaceDeclaration' || !node.id.name.endsWith('Deps')) return;
    const count = node.body.body.length;
    if (count <= LIMITS.constructorDependencies) return;
    found.push(at(file, node, `${count} dependencies, at most ${LIMITS.constructorDependencies}`));
  });
  return found;
};

const exportsAndCasts: TidyRule = (file) => {
  const found: string[] = [];
  walk(file.program, (node) => {
    if (node.type === 'ExportDefaultDeclaration' && !file.path.endsWith('.config.ts')) {
      found.push(at(file, node, 'no default exports'));
    }
    if (node.type === 'TSAnyKeyword') found.push(at(file, node, 'no any'));
    if (node.type !== 'ExportNamedDeclaration') return;
    for (const name of exportedNames(node)) {
      const banned = bannedWord(name);
      if (banned !== undefined) found.push(at(file, node, `banned word in ${name}: ${banned}`));
    }
  });
  return found;
};

function exportedNames(node: Extract<Node, { type: 'ExportNamedDeclaration' }>): readonly string[] {
  const { declaration } = node;
  if (declaration === null) {
    return node.specifiers.map(({ exported }) =>
      exported.type === 'Literal' ? exported.value : exported.name,
    );
  }
  if (declaration.type === 'VariableDeclaration') {
    return declaration.declarations.flatMap(({ id }) =>
      id.type === 'Identifier' ? [id.name] : [],
    );
  }
  return 'id' in declaration && declaration.id?.type === 'Identifier' ? [declaration.id.name] : [];
}

function bannedWord(name: string): string | undefined {
  if (ALLOWED_NAMES.has(name)) return undefined;
  const words = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').split(/[^A-Za-z0-9]+/);
  return words.find((word) => BANNED_WORDS.has(word.toLowerCase()));
}

const TIDY_RULES: readonly TidyRule[] = [
  fileLength,
  fileName,
  unfinishedWork,
  functions,
  dependencies,
  exportsAndCasts,
];

/** Paths of somebody's machine; a repository that names them works only there. */
const MACHINE_PATH = /(?<![\w.~-])\/(?:work|root|home|Users)\/[\w./-]+/;

/** Lines of a text file that name a path of a particular machine. */
export function machinePaths(path: string, text: string): readonly string[] {
  return text
    .split('\n')
    .map((line, index) => `${path}:${index + 1}: ${MACHINE_PATH.exec(line)?.[0] ?? ''}`)
    .filter((violation) => !violation.endsWith(': '));
}
