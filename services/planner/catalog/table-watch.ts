import { type Clock } from '../../common/clock.ts';
import { type PathChanges } from '../../common/path-changes.ts';
import { type TablesSeen } from '../planning/ports.ts';
import { type FileCatalogs } from './file-catalogs.ts';
import { SeenPaths } from './seen-paths.ts';
import { sameFiles, type Table } from './table.ts';

export interface TableWatchDeps {
  readonly catalogs: FileCatalogs;
  readonly changes: PathChanges;
  readonly clock: Clock;
}

/** Tells whether tables are what they were, and which files and folders need to stay as they are for that. */
export class TableWatch {
  readonly #deps: TableWatchDeps;

  constructor(deps: TableWatchDeps) {
    this.#deps = deps;
  }

  async lookAgain(tables: readonly Table[]): Promise<TablesSeen> {
    const { catalogs, changes, clock } = this.#deps;
    const seen = new SeenPaths(catalogs.tree, changes, clock.now());
    const watched = catalogs.through(seen);
    for (const table of tables) {
      const now = await watched.findTable(table.name);
      const isSame =
        now !== undefined && now.format === table.format && sameFiles(now.files, table.files);
      if (!isSame) return { areSame: false };
    }
    return { areSame: true, seen: seen.all };
  }
}
