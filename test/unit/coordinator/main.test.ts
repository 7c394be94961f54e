/** A whole coordinator over gRPC, between a gateway, a planner and a worker that the test plays. */
import { fileURLToPath } from 'node:url';
import { credentials } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  HealthCheckResponse_ServingStatus,
  HealthService,
} from '../../../proto/gen/grpc/health/v1/health.ts';
import { PlanResponse } from '../../../proto/gen/skein/internal/v1/planner.ts';
import {
  QueryCoordinatorServiceService as QUERIES,
  QueryState,
  type WatchResultsResponse,
} from '../../../proto/gen/skein/internal/v1/query_coordinator.ts';
import {
  type ConnectRequest,
  WorkerControlServiceService as CONTROL,
} from '../../../proto/gen/skein/internal/v1/worker_control.ts';
import { readConfig } from '../../../services/common/config/read-config.ts';
import { silentLogger } from '../../../services/common/logger.ts';
import { RpcChannel } from '../../../services/common/rpc/channel.ts';
import { planToWire } from '../../../services/common/rpc/query-plan-wire.ts';
import { taskStatusToWire, taskUpdateFromWire } from '../../../services/common/rpc/task-wire.ts';
import { systemClock } from '../../../services/common/system-clock.ts';
import { NO_TASK_STATS } from '../../../services/common/task/task-status.ts';
import { PROTOCOL_VERSION } from '../../../services/common/version.ts';
import { coordinatorConfig, startCoordinator } from '../../../services/coordinator/main.ts';
import { aPlan } from '../../support/coordinator-fakes.ts';
import type { NodeId, NodeInstanceId } from '../../../services/common/ids.ts';

const FAKE_PLANNER = fileURLToPath(new URL('../../support/fake-planner.mjs', import.meta.url));
const [PLANNED] = [...planToWire(aPlan())];
const ANSWER = Buffer.from(PlanResponse.encode(PLANNED!).finish()).toString('base64');
const NODE = { nodeId: 'w1' as NodeId, nodeInstanceId: 'run-1' as NodeInstanceId };
const PAGE = Uint8Array.of(1, 2, 3);
const principal = { name: 'alice' };
const soon = { timeoutMs: 20_000, signal: new AbortController().signal };

interface Running {
  readonly channel: RpcChannel;
  readonly failed: Promise<never>;
  readonly close: () => Promise<void>;
}

async function start(answer = ANSWER): Promise<Running> {
  const flags = { coordinator_port: '0', log_level: 'silent' };
  const config = coordinatorConfig(readConfig('coordinator', { file: {}, environment: {}, flags }));
  const coordinator = await startCoordinator(
    // The fake planner takes its answer where the real one takes its catalog.
    { ...config, planner: { ...config.planner, catalog: answer } },
    { clock: systemClock, log: silentLogger, plannerEntry: FAKE_PLANNER },
  );
  const channel = new RpcChannel({
    address: coordinator.address,
    credentials: credentials.createInsecure(),
    clock: systemClock,
    peer: { unavailable: 'COORDINATOR_UNAVAILABLE', details: {} },
  });
  onTestFinished(() => channel.close());
  return { channel, failed: coordinator.failed, close: () => coordinator.close(1_000) };
}

/** A worker that answers every task with one inline page, and every order to stop with its end. */
function playWorker(channel: RpcChannel): void {
  const outgoing: ConnectRequest[] = [
    {
      sequence: 0n,
      message: {
        $case: 'hello',
        value: {
          ...NODE,
          protocolVersion: PROTOCOL_VERSION,
          address: '127.0.0.1:1',
          version: '0',
          cores: 1,
          memoryBytes: 0n,
          taskConcurrency: 1,
          hashFingerprint: 'f',
          labels: [],
          location: [],
          duckdbVersion: 'v',
          receivedSequence: 0n,
        },
      },
    },
  ];
  const leaving = new AbortController();
  let wake = (): void => undefined;
  onTestFinished(() => leaving.abort(new Error('the test is over')));
  async function* requests(): AsyncGenerator<ConnectRequest> {
    while (!leaving.signal.aborted) {
      const next = outgoing.shift();
      if (next === undefined) await new Promise<void>((resolve) => (wake = resolve));
      else yield next;
    }
  }
  const work = async (): Promise<void> => {
    let sequence = 0n;
    for await (const { message } of channel.bidi(CONTROL.connect, requests(), leaving)) {
      if (message?.$case !== 'task') continue;
      sequence += 1n;
      const value = taskStatusToWire({
        ...NODE,
        taskId: taskUpdateFromWire(message.value).taskId,
        version: 1,
        state: 'finished',
        outputs: [],
        queuedSplitWeight: 0,
        receivedSplits: [],
        blockedReason: 'none',
        stats: { ...NO_TASK_STATS, outputRows: 1 },
        inlinePages: [PAGE],
      });
      outgoing.push({ sequence, message: { $case: 'taskStatus', value } });
      wake();
    }
  };
  work().catch(() => undefined);
}

async function submit(channel: RpcChannel, sql: string): Promise<string> {
  const request = {
    sql,
    principal,
    sessionProperties: {},
    session: undefined,
    requestId: '',
    parameters: new Uint8Array(),
  };
  for await (const { query } of channel.serverStream(QUERIES.submit, request, soon)) {
    return query?.queryId ?? '';
  }
  throw new Error('Submit answered nothing');
}

async function results(channel: RpcChannel, queryId: string): Promise<WatchResultsResponse[]> {
  const messages: WatchResultsResponse[] = [];
  for await (const message of channel.serverStream(
    QUERIES.watchResults,
    { queryId, principal },
    soon,
  )) {
    messages.push(message);
  }
  return messages;
}

describe('a coordinator', { timeout: 30_000 }, () => {
  it('takes a statement to its inline result', async () => {
    const { channel, close } = await start();
    playWorker(channel);
    await expect
      .poll(
        async () => (await channel.unary(QUERIES.listNodes, { principal }, soon)).nodes.length,
        {
          timeout: 20_000,
        },
      )
      .toBe(2);
    const queryId = await submit(channel, 'SELECT 1');
    const messages = await results(channel, queryId);
    // On a busy machine the task may have been announced before its pages were here.
    const inline = messages.flatMap(({ locations }) => locations.filter((each) => each.isInline));
    expect(inline.map((each) => each.inlinePages.map((page) => [...page]))).toEqual([[[1, 2, 3]]]);
    expect(messages.at(-1)?.noMoreLocations).toBe(true);
    expect(messages[0]?.columns).toMatchObject([{ name: 'c0' }]);
    expect(messages[0]?.capability).toHaveLength(32);
    const { query } = await channel.unary(QUERIES.get, { queryId, principal }, soon);
    expect(query).toMatchObject({
      state: QueryState.QUERY_STATE_FINISHED,
      rung: 'small',
      stages: [{ outputRows: 1n }],
    });
    const health = await channel.unary(HealthService.check, { service: '' }, soon);
    expect(health.status).toBe(HealthCheckResponse_ServingStatus.SERVING);
    await close();
  });

  it('says what is wrong where the result would be', async () => {
    const { channel, close } = await start();
    const queryId = await submit(channel, 'SELECT 1');
    await expect(results(channel, queryId)).rejects.toMatchObject({
      code: 'NO_NODES_AVAILABLE',
      details: { query_id: queryId },
    });
    await close();
  });

  it('cancels a query in the middle of its planning, and ends with one', async () => {
    const { channel, close } = await start();
    const cancelled = await submit(channel, 'hang');
    const request = {
      queryId: cancelled,
      requestId: '',
      principal,
      code: 'QUERY_CANCELLED',
      reason: 'enough',
    };
    const { query } = await channel.unary(QUERIES.cancel, request, soon);
    expect(query).toMatchObject({ error: { code: 'QUERY_CANCELLED', message: 'enough' } });
    const left = await submit(channel, 'hang');
    const ended = results(channel, left);
    ended.catch(() => undefined);
    await close();
    await expect(ended).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  it('says so when no planner can be started, and still ends in order', async () => {
    const { channel, close, failed } = await start('misconfigured');
    await expect(failed).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
    const queryId = await submit(channel, 'SELECT 1');
    await expect(results(channel, queryId)).rejects.toMatchObject({
      code: 'INVALID_CONFIGURATION',
    });
    await close();
  });

  it('refuses calls without a principal', async () => {
    const { channel, close } = await start();
    const request = { queryId: 'x', principal: undefined };
    await expect(channel.unary(QUERIES.get, request, soon)).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      details: { field: 'principal' },
    });
    await close();
  });
});
