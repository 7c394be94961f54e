/** A worker with nothing but output buffers: makes streams of pages as it is told, until it is left alone. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerCredentials } from '@grpc/grpc-js';
import type { FragmentId, Instant, OutputBufferId, SourceId } from '../../services/common/ids.ts';
import { silentLogger } from '../../services/common/logger.ts';
import { seededRandom } from '../../services/common/random.ts';
import { sameSecret } from '../../services/common/rpc/capability.ts';
import { exchangeService } from '../../services/common/rpc/exchange-wire.ts';
import { RpcServer } from '../../services/common/rpc/server.ts';
import { systemClock } from '../../services/common/system-clock.ts';
import { PageMemoryPool } from '../../services/worker/output/page-memory-pool.ts';
import { TaskOutputs } from '../../services/worker/output/task-outputs.ts';
import type { OutputBuffers } from '../../services/common/task/output-buffers.ts';
import { DiskBudget } from '../../services/worker/spill/disk-budget.ts';
import { RetainedDirectory } from '../../services/worker/spill/retained-directory.ts';
import { exchangeHandlers } from '../../services/common/rpc/exchange-handlers.ts';
import type { ProduceOrder, ProduceRequest, ProducerReady, StreamStored } from './protocol.ts';
import { locationOf, TICKET } from './protocol.ts';

const { nodeInstanceId } = locationOf(0, 0);
const directory = mkdtempSync(join(tmpdir(), 'skein-bench-'));
const retained = new RetainedDirectory(directory, {
  budget: new DiskBudget(Number.MAX_SAFE_INTEGER),
  log: silentLogger,
});
const outputs = new TaskOutputs({
  memory: new PageMemoryPool(256 << 20),
  openPageFile: (name) => retained.openFile(name),
  clock: systemClock,
  random: seededRandom(1),
  nodeInstanceId,
  sameSecret,
});
const server = new RpcServer({
  credentials: ServerCredentials.createInsecure(),
  clock: systemClock,
  log: silentLogger,
});
server.addService(exchangeService, exchangeHandlers(outputs));

async function produce(order: ProduceOrder): Promise<void> {
  const { stream, pageBytes, pageCount, retained: isRetained } = order;
  const declared: OutputBuffers = {
    kind: 'partitioned',
    version: 1,
    bufferIds: [0 as OutputBufferId],
    noMoreBufferIds: true,
    retention: isRetained ? 'retained' : 'streaming',
  };
  const { taskId } = locationOf(stream, 0);
  const set = outputs.create(
    {
      ...TICKET,
      taskId,
      splitAssignments: [],
      outputBuffers: [declared],
      deadline: Number.MAX_SAFE_INTEGER as Instant,
      memoryLimitBytes: 0,
    },
    [
      {
        consumer: { kind: 'fragment', fragmentId: 1 as FragmentId, sourceId: 1 as SourceId },
        scheme: { kind: 'single' },
      },
    ],
    () => {
      const stored: StreamStored = { storedStream: stream };
      if (isRetained && set.isFinished) process.send?.(stored);
    },
  );
  set.declareBuffers([declared]);
  const page = new ArrayBuffer(pageBytes);
  for (let made = 0; made < pageCount; made += 1) {
    await set.room();
    set.addPage({ outputIndex: 0, partition: 0, page, rowCount: 1 });
  }
  set.finish();
}

process.on('message', (request: ProduceRequest) => {
  if (request.kind === 'produce') void produce(request);
  else outputs.release(locationOf(request.stream, 0).taskId);
});
process.on('disconnect', () => {
  rmSync(directory, { recursive: true, force: true });
  process.exit();
});
const ready: ProducerReady = { port: await server.listen('127.0.0.1:0') };
process.send?.(ready);
