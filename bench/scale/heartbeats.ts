/** What it costs the coordinator that all workers say once a second that they live: the real directory, messages as decoded. */
import type { Clock } from '../../services/common/clock.ts';
import type { Instant } from '../../services/common/ids.ts';
import { silentLogger } from '../../services/common/logger.ts';
import { WorkerDirectory } from '../../services/coordinator/runtime/worker-directory.ts';
import { FakeWorker, helloOf } from './fake-worker.ts';
import type { WorkerWorld } from './fake-worker.ts';

export interface HeartbeatCost {
  readonly workers: number;
  /** Of one core. */
  readonly cpuShare: number;
}

const SECONDS = 10;
const LOAD = { pageMemoryBytes: 0, slotMemoryBytes: 0, runningTasks: 4 };

export function measureHeartbeats(workers: number): HeartbeatCost {
  const clock = new StillClock();
  const ignore = (): void => undefined;
  const log = silentLogger;
  const listener = { onNodeEvent: ignore, onTaskStatus: ignore };
  const options = { protocolVersion: 1, heartbeatTimeoutMs: 5_000, reconnectGraceMs: 5_000 };
  const directory = new WorkerDirectory(options, { listener, clock, log });
  const streams = Array.from({ length: workers }, (_, index) =>
    directory.connect(helloOf(new FakeWorker(index, 4, NO_WORLD)), 0),
  );
  const startedAt = performance.now();
  const before = process.cpuUsage();
  for (let beat = 0; beat < SECONDS * workers; beat += 1) {
    clock.at = Math.floor((beat * 1_000) / workers);
    streams[beat % workers]?.receive({ kind: 'heartbeat', load: LOAD, isDraining: false });
  }
  const { user, system } = process.cpuUsage(before);
  const wallMs = performance.now() - startedAt;
  directory.close();
  return { workers, cpuShare: Math.min(wallMs, (user + system) / 1_000) / 1_000 / SECONDS };
}

/** Time that only the measurement moves; what is armed never fires. */
class StillClock implements Clock {
  at = 0;

  now(): Instant {
    return this.at as Instant;
  }

  sleep(): Promise<void> {
    return new Promise(() => undefined);
  }

  schedule(): () => void {
    return () => undefined;
  }
}

const NO_WORLD: WorkerWorld = {
  now: () => 0,
  after: () => undefined,
  report: () => undefined,
  durationOf: () => 0,
  storedBytesOf: () => 0,
  onEnd: () => undefined,
};
