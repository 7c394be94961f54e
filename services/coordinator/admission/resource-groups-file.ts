/** The resource groups' file: read at the start, and again whenever it changes. */
import { readFileSync, statSync } from 'node:fs';
import { parse } from 'yaml';
import type { Clock } from '../../common/clock.ts';
import { EngineError, toErrorReport } from '../../common/error.ts';
import type { ErrorReport } from '../../common/error.ts';
import type { Logger } from '../../common/logger.ts';
import type { ResourceGroupTree, RootLimits } from './resource-group-tree.ts';
import { inFile, parseResourceGroups } from './resource-groups-config.ts';

/** @throws EngineError INVALID_CONFIGURATION, with file and place */
export function readResourceGroups(path: string, limits: RootLimits): ResourceGroupTree {
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `cannot read the resource groups' file ${path}: ${reason}`;
    throw new EngineError('INVALID_CONFIGURATION', message, { details: { file: path }, cause });
  }
  try {
    return parseResourceGroups(content, limits);
  } catch (error) {
    throw error instanceof EngineError ? inFile(error, path) : error;
  }
}

export interface ResourceGroupsFileDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly onTree: (tree: ResourceGroupTree) => void;
  /** The file as it is now cannot be used: the tree before it stays. */
  readonly onBroken: (error: ErrorReport) => void;
}

const LOOK_INTERVAL_MS = 1_000;

/** Looks at the file every second: a watch of the system would miss files that are put in place of others (config maps). */
export class ResourceGroupsFile {
  readonly tree: ResourceGroupTree;
  readonly #path: string;
  readonly #limits: RootLimits;
  #stamp: string;
  #isClosed = false;
  #cancelLook: () => void = () => undefined;

  /** @throws EngineError INVALID_CONFIGURATION */
  constructor(path: string, limits: RootLimits) {
    this.#path = path;
    this.#limits = limits;
    this.#stamp = stampOf(path);
    this.tree = readResourceGroups(path, limits);
  }

  /** From now on each change of the file is taken, or told of. */
  watch(deps: ResourceGroupsFileDeps): void {
    this.#cancelLook = deps.clock.schedule(LOOK_INTERVAL_MS, () => {
      if (this.#isClosed) return;
      this.#look(deps);
      this.watch(deps);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelLook();
  }

  #look({ log, onTree, onBroken }: ResourceGroupsFileDeps): void {
    const stamp = stampOf(this.#path);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    let tree: ResourceGroupTree;
    try {
      tree = readResourceGroups(this.#path, this.#limits);
    } catch (error) {
      const report = toErrorReport(error);
      log.error({ file: this.#path, error: report }, 'the resource groups stay as they were');
      onBroken(report);
      return;
    }
    onTree(tree);
    log.info({ file: this.#path }, 'the resource groups were reloaded');
  }
}

/** Another text whenever the file was written or replaced; empty = it is not there. */
function stampOf(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? '' : [stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join(' ');
}
