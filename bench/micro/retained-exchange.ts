import { ProducerProcess, type StreamLoad } from '../exchange/producer-process.ts';
import type { Measurement, MicroBenchmark } from '../micro-benchmark.ts';

const MIB = 1 << 20;
/** Turns of each way; the best counts, since others use the machine too. */
const TURNS = 3;

const LOADS: readonly (StreamLoad & { readonly name: string })[] = [
  { name: '1 stream, 1 MiB pages', streams: 1, pageBytes: MIB, totalBytes: 256 * MIB },
  { name: '1 stream, 64 KiB pages', streams: 1, pageBytes: MIB >> 4, totalBytes: 128 * MIB },
  { name: '8 streams, 1 MiB pages', streams: 8, pageBytes: MIB, totalBytes: 256 * MIB },
];

export const benchmark: MicroBenchmark = {
  title:
    'the same pages streaming from memory, written to files of their producer, and read from there',
  async run() {
    const producer = await ProducerProcess.start();
    const measurements: Measurement[] = [];
    try {
      for (const { name, ...load } of LOADS) {
        const best = { streaming: 0, written: 0, read: 0 };
        for (let turn = 0; turn < TURNS; turn += 1) {
          best.streaming = Math.max(best.streaming, await producer.read(producer.stream(load)));
          const startedAt = performance.now();
          const stored = await producer.store(load);
          const written = load.totalBytes / (performance.now() - startedAt) / 1e6;
          best.written = Math.max(best.written, written);
          best.read = Math.max(best.read, await producer.read(stored));
          producer.release(stored);
        }
        for (const [how, value] of Object.entries(best)) {
          measurements.push({ name: `${name}, ${how}`, value, unit: 'GB/s' });
        }
      }
    } finally {
      await producer.close();
    }
    return measurements;
  },
};
