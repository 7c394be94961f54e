import { type Clock } from '../../common/clock.ts';
import { type Instant } from '../../common/ids.ts';
import { type DirectoryEntry, type FileTree, type ObjectLister, type TextFiles } from './ports.ts';
import { type FileIdentity } from './table.ts';

/** One statement looks at a listing several times; the next one makes another. */
const LISTING_MAX_AGE_MS = 500;

interface Listing {
  readonly madeAt: Instant;
  readonly objects: Promise<readonly FileIdentity[]>;
}

export interface ObjectTreeDeps {
  readonly lister: ObjectLister;
  readonly clock: Clock;
  /** Prefixes without a slash at the end; whatever is looked for lies below one of them. */
  readonly prefixes: readonly string[];
}

/** The objects of a store as files in folders, by the slashes in their names. A prefix is listed as a whole. */
export class ObjectTree implements FileTree, TextFiles {
  readonly #deps: ObjectTreeDeps;
  readonly #listings = new Map<string, Listing>();

  constructor(deps: ObjectTreeDeps) {
    this.#deps = deps;
  }

  async entriesOf(directory: string): Promise<readonly DirectoryEntry[] | undefined> {
    const entries = new Map<string, boolean>();
    const start = `${directory}/`;
    for (const { path } of await this.#objectsNear(directory)) {
      if (!path.startsWith(start)) continue;
      const [name = '', ...below] = path.slice(start.length).split('/');
      entries.set(name, below.length > 0);
    }
    if (entries.size === 0) return undefined;
    return [...entries].map(([name, isDirectory]) => ({ name, isDirectory }));
  }

  async identityOf(path: string): Promise<FileIdentity | undefined> {
    return (await this.#objectsNear(path)).find((object) => object.path === path);
  }

  async readText(path: string): Promise<string | undefined> {
    const isThere = (await this.identityOf(path)) !== undefined;
    return isThere ? await this.#deps.lister.readText(path) : undefined;
  }

  async #objectsNear(path: string): Promise<readonly FileIdentity[]> {
    const { prefixes, clock, lister } = this.#deps;
    const prefix = prefixes.find((one) => path === one || path.startsWith(`${one}/`));
    if (prefix === undefined) return [];
    const known = this.#listings.get(prefix);
    if (known !== undefined && clock.now() - known.madeAt <= LISTING_MAX_AGE_MS) {
      return await known.objects;
    }
    const objects = lister.listObjects(prefix);
    this.#listings.set(prefix, { madeAt: clock.now(), objects });
    return await objects;
  }
}
