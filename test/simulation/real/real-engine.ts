/** Workers and clients of real parts; only DuckDB, sockets, disks and time are simulated (design: the log). */
import type { CreateEngine } from '../cluster-worker.ts';
import { SpoolPageSource } from '../../../services/worker/output/spool-page-source.ts';
import { LossyPageSource } from './lossy-page-source.ts';
import { MemorySpool } from '../../support/memory-spool.ts';
import { RealClient } from './real-client.ts';
import { RealWorker } from './real-worker.ts';

export const realEngine: CreateEngine = (deps) => {
  const { time, network, random, workerAt } = deps;
  const spool = new MemorySpool();
  const spooledPages = new SpoolPageSource(spool.seenBy(() => true));
  const remotePages = (isAlive: () => boolean) =>
    new LossyPageSource({
      time,
      network,
      isAlive,
      outputsAt: ({ location }) => {
        if (location.isSpooled === true) return spooledPages;
        const worker = workerAt(location);
        return worker instanceof RealWorker ? worker.outputs : undefined;
      },
    });
  return {
    // A statement over no files does not know why there are none.
    marksEmptyScans: false,
    spool,
    createWorker: (setup) => new RealWorker(setup, { ...deps, remotePages, spool }),
    createClient: (setup) =>
      new RealClient(setup, { time, random, source: remotePages(() => true) }),
  };
};
