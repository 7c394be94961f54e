import { EngineError } from '../../common/error.ts';
import type {
  BufferAccess,
  BufferServer,
  PageReply,
  PageRequest,
} from '../../common/exchange/page-source.ts';
import type { QueryId, SourceId } from '../../common/ids.ts';
import { formatTaskId } from '../../common/ids.ts';
import type { Page } from '../../common/page/page.ts';
import { pagesOfRows } from '../../common/page/row-pages.ts';
import { systemColumns, type SystemTableName } from '../../common/system/system-tables.ts';
import type { Principal } from '../../common/task/task-status.ts';
import type { Query } from '../query/query.ts';
import type { ClusterSnapshot } from './cluster-snapshot.ts';
import { systemRows } from './system-rows.ts';

export interface SystemBuffersDeps {
  /** @throws EngineError QUERY_NOT_FOUND */
  readonly findQuery: (queryId: QueryId, principal: Principal) => Query;
  /** What the principal may see, now. */
  readonly snapshotFor: (principal: Principal) => ClusterSnapshot;
  /** Compares secrets in constant time. */
  readonly sameSecret: (a: Uint8Array, b: Uint8Array) => boolean;
}

/**
 * The tables of the catalog `system` as buffers: what a running query's sources read. All of a query see one snapshot,
 * taken when the first of them begins, and kept until the query has ended.
 */
export class SystemBuffers implements BufferServer {
  readonly #deps: SystemBuffersDeps;
  readonly #snapshots = new Map<QueryId, QuerySnapshotPages>();

  constructor(deps: SystemBuffersDeps) {
    this.#deps = deps;
  }

  async fetchPages(access: BufferAccess, request: PageRequest): Promise<PageReply> {
    const { query, table } = this.#find(access);
    const all = this.#pagesOf(query).pagesOf(table);
    const pages: Page[] = [];
    let bytes = 0;
    for (const page of all.slice(request.token)) {
      if (pages.length > 0 && bytes + page.byteLength > request.maxBytes) break;
      pages.push(page);
      bytes += page.byteLength;
    }
    const { token } = request;
    return { token, pages, complete: token + pages.length >= all.length, isOwned: false };
  }

  /** Pages stay until the query has ended: they are shared. */
  async acknowledge(access: BufferAccess): Promise<void> {
    this.#find(access);
  }

  async destroy(): Promise<void> {
    return undefined;
  }

  #find({ location, ticket }: BufferAccess): {
    readonly query: Query;
    readonly table: SystemTableName;
  } {
    const { taskId, bufferId } = location;
    const query = this.#deps.findQuery(taskId.queryId, ticket.principal);
    if (!this.#deps.sameSecret(ticket.capability, query.traits.capability)) {
      const task = formatTaskId(taskId);
      throw new EngineError('PERMISSION_DENIED', `no right to the pages of task ${task}`);
    }
    const table = query.systemSources.get(bufferId as number as SourceId);
    if (table !== undefined && !query.isEnded) return { query, table };
    const task = formatTaskId(taskId);
    throw new EngineError('TASK_NOT_FOUND', `task ${task} reads no table of the coordinator`, {
      details: { task_id: task },
    });
  }

  #pagesOf({ traits, ended }: Query): QuerySnapshotPages {
    const { queryId, principal } = traits;
    const known = this.#snapshots.get(queryId);
    if (known !== undefined) return known;
    const taken = new QuerySnapshotPages(this.#deps.snapshotFor(principal));
    this.#snapshots.set(queryId, taken);
    ended.addEventListener('abort', () => this.#snapshots.delete(queryId), { once: true });
    return taken;
  }
}

/** Made when a table is first read. */
class QuerySnapshotPages {
  readonly #snapshot: ClusterSnapshot;
  readonly #pages = new Map<SystemTableName, readonly Page[]>();

  constructor(snapshot: ClusterSnapshot) {
    this.#snapshot = snapshot;
  }

  pagesOf(table: SystemTableName): readonly Page[] {
    const known = this.#pages.get(table);
    if (known !== undefined) return known;
    const pages = pagesOfRows(systemColumns(table), systemRows(this.#snapshot, table));
    this.#pages.set(table, pages);
    return pages;
  }
}
