import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseSync, visitorKeys } from 'oxc-parser';
import type { Node, Program } from 'oxc-parser';

export const ROOT = join(import.meta.dirname, '..', '..');

/** A parsed TypeScript or JavaScript file of the repository; `path` is relative to its root. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly program: Program;
  readonly imports: readonly ModuleImport[];
}

/** One `import … from`, `export … from`, `import('…')` or `import('…')` type, with its line. */
export interface ModuleImport {
  readonly specifier: string;
  readonly line: number;
}

export function parseSource(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text);
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`);
  return { path, text, program, imports: findImports(program, text) };
}

/** Every source file below the given folders of the repository, in the order of their paths. */
export function readSources(folders: readonly string[]): readonly SourceFile[] {
  return folders
    .flatMap((folder) => listFiles(folder))
    .filter((path) => /\.(ts|mjs|js)$/.test(path))
    .map((path) => parseSource(path, readFileSync(join(ROOT, path), 'utf8')));
}

/** Paths of all files below a folder of the repository, relative to its root; generated code is left out. */
export function listFiles(folder: string): readonly string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('proto/gen/') && !path.includes('node_modules/'))
    .sort();
}

/** Calls `visit` for every node of the tree, parents first, with the chain of nodes around it. */
export function walk(root: Node, visit: (node: Node, parents: readonly Node[]) => void): void {
  const parents: Node[] = [];
  const step = (node: Node): void => {
    visit(node, parents);
    parents.push(node);
    for (const key of visitorKeys[node.type] ?? []) {
      const children = [Reflect.get(node, key) as Node | readonly (Node | null)[] | null].flat();
      for (const child of children) if (child !== null && child !== undefined) step(child);
    }
    parents.pop();
  };
  step(root);
}

export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function findImports(program: Program, text: string): readonly ModuleImport[] {
  const found: ModuleImport[] = [];
  walk(program, (node) => {
    if (!('source' in node) || node.source === null || node.source.type !== 'Literal') return;
    found.push({ specifier: String(node.source.value), line: lineOf(text, node.start) });
  });
  return found;
}
