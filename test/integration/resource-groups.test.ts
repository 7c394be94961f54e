import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, type ServiceError, status as grpcStatus } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QuotaFailure } from '../../proto/gen/google/rpc/error_details.ts';
import { Status } from '../../proto/gen/google/rpc/status.ts';
import { AdmissionFactor, QueryServiceClient, QueryState } from '../../proto/gen/skein/v1/query.ts';
import { eventually } from '../support/process-tree.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';
import { SLOW_JOIN } from '../support/slow-statements.ts';

const fileOf = (concurrency: number) => `
root:
  groups:
    - name: hogs
      hard_concurrency: ${concurrency}
      max_queued: 1
    - name: others
selectors:
  - source: hog
    group: hogs
  - group: others
`;

const HOG = { source: 'hog', distribution: 'always' };

let directory: string;
let file: string;
let cluster: Cluster;
let client: SkeinClient;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'skein-groups-'));
  file = join(directory, 'groups.yaml');
  writeFileSync(file, fileOf(1));
  cluster = await startServe({ environment: { SKEIN_RESOURCE_GROUPS_FILE: file } });
  client = new SkeinClient(cluster.address);
});
afterAll(async () => {
  client[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
  rmSync(directory, { recursive: true });
});

async function submitHogs(count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i += 1) ids.push((await client.submit(SLOW_JOIN, HOG)).queryId);
  return ids;
}

const groupRow = (name: string, columns: string) =>
  client
    .run(`SELECT ${columns} FROM system.resource_groups WHERE resource_group = '${name}'`)
    .then(({ rows }) => rows[0]);

describe('resource groups', () => {
  it('hold up their own queries only, and say so everywhere', async () => {
    const [first = '', second = ''] = await submitHogs(2);
    const waiting = await client.get(second);
    expect(waiting.state).toBe(QueryState.QUERY_STATE_QUEUED);
    expect(waiting.resourceGroup).toBe('root.hogs');
    expect(waiting.progress?.admissionWait).toEqual({
      resourceGroup: 'root.hogs',
      factor: AdmissionFactor.ADMISSION_FACTOR_CONCURRENCY,
    });
    const told = `SELECT resource_group, waits_in_group, waits_for FROM system.queries WHERE query_id = '${second}'`;
    expect((await client.run(told)).rows).toEqual([['root.hogs', 'root.hogs', 'concurrency']]);
    expect(await groupRow('root.hogs', 'running, queued, hard_concurrency')).toEqual([
      '1',
      '1',
      '1',
    ]);
    await client.cancel(first);
    await client.until(second, QueryState.QUERY_STATE_RUNNING);
    await client.cancel(second);
  });

  it('refuse beyond their queue, and name themselves as the quota', async () => {
    const ids = await submitHogs(2);
    const service = new QueryServiceClient(cluster.address, credentials.createInsecure());
    const request = {
      sql: 'SELECT 1',
      sessionProperties: HOG,
      sessionDefaults: {},
      requestId: '',
      session: new Uint8Array(),
      parameters: new Uint8Array(),
    };
    const error = await new Promise<ServiceError | null>((resolve) => {
      service.submitQuery(request, resolve);
    });
    service.close();
    expect(error?.code).toBe(grpcStatus.RESOURCE_EXHAUSTED);
    const [bytes] = error?.metadata.get('grpc-status-details-bin') ?? [];
    const { details } = Status.decode(bytes as Buffer);
    const types = details.map(({ typeUrl }) => typeUrl.split('.').at(-1));
    expect(types).toEqual(['ErrorInfo', 'RetryInfo', 'QuotaFailure']);
    expect(QuotaFailure.decode(details[2]!.value).violations[0]?.subject).toBe(
      'resource_group:root.hogs',
    );
    for (const id of ids) await client.cancel(id);
  });

  it('change with their file, at once for those that wait; a broken file changes nothing', async () => {
    const [first = '', second = ''] = await submitHogs(2);
    writeFileSync(file, fileOf(-1));
    const error = await eventually(async () => {
      const [text] = (await groupRow('root', 'file_error')) ?? [];
      return text ?? undefined;
    }, 'the error of the file is shown');
    expect(error).toContain('root.groups[0].hard_concurrency: it is not a whole number');
    expect((await client.get(second)).state).toBe(QueryState.QUERY_STATE_QUEUED);
    writeFileSync(file, fileOf(2));
    await client.until(second, QueryState.QUERY_STATE_RUNNING);
    expect((await client.get(first)).state).toBe(QueryState.QUERY_STATE_RUNNING);
    expect(await groupRow('root', 'file_error')).toEqual([null]);
    for (const id of [first, second]) await client.cancel(id);
  });
});
