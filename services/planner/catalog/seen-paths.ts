import { type Instant } from '../../common/ids.ts';
import { isObjectPath } from '../../common/plan/object-path.ts';
import { type SeenPath } from '../../common/plan/plan-fragment.ts';
import { type PathChanges } from '../../common/path-changes.ts';
import { type DirectoryEntry, type FileTree } from './ports.ts';
import { type FileIdentity } from './table.ts';

/** To look at more is no less work than to ask the planner again. */
const MAX_PATHS = 64;
/**
 * A change this young may be followed by another one with the same time, as file systems count in ticks, the
 * coarsest in two seconds (the rule of git's index for "racily clean" entries).
 */
const MIN_AGE_MS = 2_500;

/** A file tree that remembers what was looked at, and as of when: the answers hold until one of those changes. */
export class SeenPaths implements FileTree {
  readonly #tree: FileTree;
  readonly #changes: PathChanges;
  readonly #now: Instant;
  readonly #seen = new Map<string, number>();
  #isWhole = true;

  constructor(tree: FileTree, changes: PathChanges, now: Instant) {
    this.#tree = tree;
    this.#changes = changes;
    this.#now = now;
  }

  /** `undefined` when a change of something that was looked at could go unseen. */
  get all(): readonly SeenPath[] | undefined {
    if (!this.#isWhole) return undefined;
    return [...this.#seen].map(([path, changedAtMs]) => ({ path, changedAtMs }));
  }

  async entriesOf(directory: string): Promise<readonly DirectoryEntry[] | undefined> {
    await this.#see(directory);
    return await this.#tree.entriesOf(directory);
  }

  async identityOf(path: string): Promise<FileIdentity | undefined> {
    await this.#see(path);
    return await this.#tree.identityOf(path);
  }

  /** Before the look itself, so that a change between the two shows. */
  async #see(path: string): Promise<void> {
    if (this.#seen.has(path) || !this.#isWhole) return;
    const changedAtMs = isObjectPath(path) ? undefined : await this.#changes.changedAtMs(path);
    const isFirm = changedAtMs !== undefined && this.#now - changedAtMs >= MIN_AGE_MS;
    if (!isFirm || this.#seen.size >= MAX_PATHS) this.#isWhole = false;
    else this.#seen.set(path, changedAtMs);
  }
}
