/** Workers and clients of real parts; only DuckDB, sockets, disks and time are simulated (design: the log). */
import type { CreateEngine } from '../cluster-worker.ts';
import { LossyPageSource } from './lossy-page-source.ts';
import { RealClient } from './real-client.ts';
import { RealWorker } from './real-worker.ts';

export const realEngine: CreateEngine = (deps) => {
  const { time, network, random, workerAt } = deps;
  const remotePages = (isAlive: () => boolean) =>
    new LossyPageSource({
      time,
      network,
      isAlive,
      outputsAt: ({ location }) => {
        const worker = workerAt(location);
        return worker instanceof RealWorker ? worker.outputs : undefined;
      },
    });
  return {
    // A statement over no files does not know why there are none.
    marksEmptyScans: false,
    createWorker: (setup) => new RealWorker(setup, { ...deps, remotePages }),
    createClient: (setup) =>
      new RealClient(setup, { time, random, source: remotePages(() => true) }),
  };
};
