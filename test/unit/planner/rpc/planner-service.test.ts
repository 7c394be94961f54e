import { describe, expect, it, onTestFinished } from 'vitest';
import {
  PlannerServiceService as METHODS,
  PlanResponse,
} from '../../../../proto/gen/skein/internal/v1/planner.ts';
import { EngineError } from '../../../../services/common/error.ts';
import type { SourceId } from '../../../../services/common/ids.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import type { QueryPlan, ScanFile } from '../../../../services/common/plan/plan-fragment.ts';
import { RpcChannel } from '../../../../services/common/rpc/channel.ts';
import {
  channelCredentials,
  serverCredentials,
} from '../../../../services/common/rpc/credentials.ts';
import { planFromWire } from '../../../../services/common/rpc/query-plan-wire.ts';
import { RpcServer } from '../../../../services/common/rpc/server.ts';
import { systemClock } from '../../../../services/common/system-clock.ts';
import type {
  PlanningRequest,
  StatementPlanner,
} from '../../../../services/planner/planning/ports.ts';
import { addPlannerService } from '../../../../services/planner/rpc/planner-service.ts';
import { aFragment, aScanFragment, toClient } from '../../../support/plan-builders.ts';

const MIB = 1024 * 1024;

describe('PlannerService', () => {
  it('streams a plan of any size in messages below 1 MiB', async () => {
    const plan = planOfFiles(20_000);
    const channel = await serve(fakePlanner(() => plan));
    const sizes: number[] = [];
    const responses = channel.serverStream(METHODS.plan, aRequest(), callOptions());
    const received = await planFromWire(measured(responses, sizes));
    expect(received).toEqual(plan);
    expect(Math.max(...sizes)).toBeLessThan(MIB);
  });

  it('keeps its messages below 1 MiB when the paths are long', async () => {
    const plan = planOfFiles(2_000, '/long'.repeat(800));
    const channel = await serve(fakePlanner(() => plan));
    const sizes: number[] = [];
    const responses = channel.serverStream(METHODS.plan, aRequest(), callOptions());
    expect(await planFromWire(measured(responses, sizes))).toEqual(plan);
    expect(Math.max(...sizes)).toBeLessThan(MIB);
  });

  it('blames the statement for fragments that no message holds', async () => {
    const plan = { ...planOfFiles(1), fragments: [aFragment(0, { sql: 'x'.repeat(7 * MIB) })] };
    const channel = await serve(fakePlanner(() => plan));
    const planned = planFromWire(channel.serverStream(METHODS.plan, aRequest(), callOptions()));
    await expect(planned).rejects.toMatchObject({ code: 'STATEMENT_TOO_LARGE' });
  });

  it('answers what is wrong with a statement, and fails only by its own faults', async () => {
    const error = new EngineError('COLUMN_NOT_FOUND', 'no column x', { position: 7 });
    const channel = await serve(
      fakePlanner(() => {
        throw error;
      }),
    );
    const planned = planFromWire(channel.serverStream(METHODS.plan, aRequest(), callOptions()));
    await expect(planned).rejects.toMatchObject({ code: 'COLUMN_NOT_FOUND', position: 7 });
  });

  it('reads session properties and the shape of the cluster', async () => {
    const seen: PlanningRequest[] = [];
    const channel = await serve(
      fakePlanner((request) => {
        seen.push(request);
        return { fragments: [aFragment(0)], scans: [], rung: 'small', rungReason: '' };
      }),
    );
    const request = { ...aRequest(), sessionProperties: { distribution: 'always' } };
    await planFromWire(channel.serverStream(METHODS.plan, request, callOptions()));
    expect(seen[0]).toMatchObject({
      sql: 'SELECT 1',
      session: { distribution: 'always' },
      cluster: { workerCount: 3, tasksPerWorker: 2 },
    });
    const wrong = { ...aRequest(), sessionProperties: { distribution: 'sometimes' } };
    await expect(
      planFromWire(channel.serverStream(METHODS.plan, wrong, callOptions())),
    ).rejects.toMatchObject({ code: 'INVALID_SESSION_PROPERTY' });
  });

  it('lists tables with the types of their columns as DuckDB names them', async () => {
    const channel = await serve(fakePlanner(() => planOfFiles(1)));
    const listed = await channel.unary(
      METHODS.listTables,
      { principal: { name: 'ada' }, catalog: '' },
      callOptions(),
    );
    expect(listed.tables).toEqual([
      {
        catalog: '',
        schema: 'main',
        name: 'prices',
        columns: [{ name: 'price', type: 'DECIMAL(15,2)' }],
      },
    ]);
  });
});

const callOptions = () => ({ timeoutMs: 10_000, signal: new AbortController().signal });

function aRequest() {
  return {
    queryId: '20260315_142501_00042_k7f3a',
    sql: 'SELECT 1',
    principal: { name: 'ada' },
    sessionProperties: {},
    session: undefined,
    answers: new Uint8Array(),
    parameters: new Uint8Array(),
    workerCount: 3,
    tasksPerWorker: 2,
  };
}

function fakePlanner(plan: (request: PlanningRequest) => QueryPlan): StatementPlanner {
  return {
    plan: async (request) => plan(request),
    listTables: async () => [
      {
        catalog: '',
        schema: 'main',
        name: 'prices',
        columns: [{ name: 'price', type: { id: 'DECIMAL', width: 15, scale: 2 } }],
      },
    ],
  };
}

async function serve(planner: StatementPlanner): Promise<RpcChannel> {
  const server = new RpcServer({
    credentials: serverCredentials(undefined),
    clock: systemClock,
    log: silentLogger,
  });
  addPlannerService(server, planner);
  const port = await server.listen('127.0.0.1:0');
  const channel = new RpcChannel({
    address: `127.0.0.1:${port}`,
    credentials: channelCredentials(undefined),
    clock: systemClock,
    peer: { unavailable: 'PLANNER_FAILED', details: {} },
  });
  onTestFinished(async () => {
    channel.close();
    await server.shutdown({ graceMs: 1_000 });
  });
  return channel;
}

/** Passes messages on, noting how long each is on the wire. */
async function* measured(
  responses: AsyncIterable<PlanResponse>,
  sizes: number[],
): AsyncGenerator<PlanResponse> {
  for await (const response of responses) {
    sizes.push(PlanResponse.encode(response).finish().length);
    yield response;
  }
}

function planOfFiles(fileCount: number, directory = '/data/lineitem'): QueryPlan {
  const files = Array.from({ length: fileCount }, (_, index): ScanFile => ({
    path: `${directory}/part-${index}.parquet`,
    sizeBytes: 1_000_000 + index,
    modifiedAtMs: 1_700_000_000_000 + index,
    rowGroups: [
      { firstRow: 0, rowCount: 122_880, bytes: 400_000 },
      { firstRow: 122_880, rowCount: 1_000, bytes: 4_000 },
    ],
  }));
  return {
    fragments: [aScanFragment(0, { sourceId: 0, output: toClient() })],
    scans: [
      {
        sourceId: 0 as SourceId,
        files,
        totalRows: fileCount * 123_880,
        totalBytes: fileCount * 404_000,
      },
    ],
    rung: 'distributed',
    rungReason: '1 stage, 1 with several tasks',
  };
}
