import { type Clock } from '../../common/clock.ts';
import { type Instant } from '../../common/ids.ts';
import { type DirectoryEntry, type FileTree, type ObjectLister, type TextFiles } from './ports.ts';
import { type FileIdentity } from './table.ts';

/** One statement looks at a listing several times; the next one makes another. */
const LISTING_MAX_AGE_MS = 500;

/** What lies below a prefix, to be found by name: each object is looked up, and each folder listed. */
interface Listing {
  readonly objects: ReadonlyMap<string, FileIdentity>;
  /** By folder, what is in it: whether each name is a folder itself. */
  readonly folders: ReadonlyMap<string, ReadonlyMap<string, boolean>>;
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
  readonly #listings = new Map<
    string,
    { readonly madeAt: Instant; readonly listing: Promise<Listing> }
  >();

  constructor(deps: ObjectTreeDeps) {
    this.#deps = deps;
  }

  async entriesOf(directory: string): Promise<readonly DirectoryEntry[] | undefined> {
    const entries = (await this.#listingNear(directory)).folders.get(directory);
    return entries && [...entries].map(([name, isDirectory]) => ({ name, isDirectory }));
  }

  async identityOf(path: string): Promise<FileIdentity | undefined> {
    return (await this.#listingNear(path)).objects.get(path);
  }

  async readText(path: string): Promise<string | undefined> {
    const isThere = (await this.identityOf(path)) !== undefined;
    return isThere ? await this.#deps.lister.readText(path) : undefined;
  }

  async #listingNear(path: string): Promise<Listing> {
    const { prefixes, clock, lister } = this.#deps;
    const prefix = prefixes.find((one) => path === one || path.startsWith(`${one}/`));
    if (prefix === undefined) return listingOf([], '');
    const known = this.#listings.get(prefix);
    if (known !== undefined && clock.now() - known.madeAt <= LISTING_MAX_AGE_MS) {
      return await known.listing;
    }
    const listing = lister.listObjects(prefix).then((objects) => listingOf(objects, prefix));
    const made = { madeAt: clock.now(), listing };
    this.#listings.set(prefix, made);
    try {
      return await listing;
    } catch (error) {
      // The next look is another try.
      if (this.#listings.get(prefix) === made) this.#listings.delete(prefix);
      throw error;
    }
  }
}

function listingOf(objects: readonly FileIdentity[], prefix: string): Listing {
  const folders = new Map<string, Map<string, boolean>>();
  for (const { path } of objects) {
    let isDirectory = false;
    // A folder that is known is known to those around it too.
    for (let end = path.length; end > prefix.length; isDirectory = true) {
      const start = path.lastIndexOf('/', end - 1);
      const folder = path.slice(0, start);
      const entries = folders.get(folder) ?? new Map<string, boolean>();
      const name = path.slice(start + 1, end);
      const isKnown = entries.get(name) === true;
      entries.set(name, isDirectory || isKnown);
      folders.set(folder, entries);
      if (isKnown) break;
      end = start;
    }
  }
  return { objects: new Map(objects.map((object) => [object.path, object])), folders };
}
