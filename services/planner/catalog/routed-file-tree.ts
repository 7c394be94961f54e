import { isObjectPath } from '../../common/plan/object-path.ts';
import { type DirectoryEntry, type FileTree } from './ports.ts';
import { type FileIdentity } from './table.ts';

/** The local file system and an object store, by the form of a path. */
export class RoutedFileTree implements FileTree {
  readonly #local: FileTree;
  readonly #objects: FileTree;

  constructor(trees: { readonly local: FileTree; readonly objects: FileTree }) {
    this.#local = trees.local;
    this.#objects = trees.objects;
  }

  async entriesOf(directory: string): Promise<readonly DirectoryEntry[] | undefined> {
    return await this.#treeOf(directory).entriesOf(directory);
  }

  async identityOf(path: string): Promise<FileIdentity | undefined> {
    return await this.#treeOf(path).identityOf(path);
  }

  #treeOf(path: string): FileTree {
    return isObjectPath(path) ? this.#objects : this.#local;
  }
}
