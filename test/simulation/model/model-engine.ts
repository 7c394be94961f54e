/** Workers and clients that are small models of the real ones: fast, and free to be worse than them. */
import type { CreateEngine } from '../cluster-worker.ts';
import { SimulatedClient } from './simulated-client.ts';
import { SimulatedSpool } from './simulated-spool.ts';
import { SimulatedWorker } from './simulated-worker.ts';

export const modelEngine: CreateEngine = ({ time, network, random, workerAt }) => {
  const spool = new SimulatedSpool();
  const readers = {
    time,
    network,
    serverAt: (location: Parameters<typeof workerAt>[0]) => {
      if (location.isSpooled === true) return spool;
      const worker = workerAt(location);
      return worker instanceof SimulatedWorker ? worker : undefined;
    },
  };
  return {
    marksEmptyScans: true,
    spool,
    createWorker: (setup) =>
      new SimulatedWorker(setup, { readers, spool, drawBelow: (bound) => random.below(bound) }),
    createClient: (setup) => new SimulatedClient({ ...setup, readers, random }),
  };
};
