import { isObjectPath } from '../../common/plan/object-path.ts';
import { type DirectoryEntry, type FileTree, type TextFiles } from './ports.ts';
import { type FileIdentity } from './table.ts';

/** The local file system and an object store, by the form of a path. */
export class RoutedFileTree implements FileTree, TextFiles {
  readonly #local: FileTree & TextFiles;
  readonly #objects: FileTree & TextFiles;

  constructor(trees: {
    readonly local: FileTree & TextFiles;
    readonly objects: FileTree & TextFiles;
  }) {
    this.#local = trees.local;
    this.#objects = trees.objects;
  }

  async entriesOf(directory: string): Promise<readonly DirectoryEntry[] | undefined> {
    return await this.#treeOf(directory).entriesOf(directory);
  }

  async identityOf(path: string): Promise<FileIdentity | undefined> {
    return await this.#treeOf(path).identityOf(path);
  }

  async readText(path: string): Promise<string | undefined> {
    return await this.#treeOf(path).readText(path);
  }

  #treeOf(path: string): FileTree & TextFiles {
    return isObjectPath(path) ? this.#objects : this.#local;
  }
}
