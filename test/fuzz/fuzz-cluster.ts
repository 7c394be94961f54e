/** Statements through real processes: gateway, coordinator, planner and workers over loopback. */
import { type Cluster, startServe } from '../support/skein-process.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { type TableAnswer } from '../support/table-answers.ts';
import { type FuzzQuery } from './fuzz-oracle.ts';

const WORKER_COUNT = 2;

export class FuzzCluster implements AsyncDisposable {
  readonly #cluster: Cluster;
  readonly #client: SkeinClient;

  private constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#client = new SkeinClient(cluster.address);
  }

  static async start(directory: string): Promise<FuzzCluster> {
    return new FuzzCluster(await startServe({ workers: WORKER_COUNT, catalog: directory }));
  }

  /** Every column as the text that DuckDB makes of it: what Arrow and its reader make of types is tested elsewhere. */
  async rows(
    { sql, options }: FuzzQuery,
    parameters: Uint8Array = new Uint8Array(),
  ): Promise<TableAnswer['rows']> {
    const texts = `SELECT COLUMNS(*)::VARCHAR FROM (${sql})`;
    const properties = {
      ...options.properties,
      task_concurrency: String(Math.ceil(options.taskCount / WORKER_COUNT)),
    };
    const { queryId } = await this.#client.submit(texts, properties, { parameters });
    return (await this.#client.readText(queryId)).rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    await this.#cluster.stop();
  }
}
