import { ProducerProcess } from '../exchange/producer-process.ts';
import type { Measurement, MicroBenchmark } from '../micro-benchmark.ts';

const MIB = 1 << 20;

const STREAMS = [
  {
    name: '1 stream, 1 MiB pages',
    streams: 1,
    pageBytes: MIB,
    totalBytes: 3_072 * MIB,
    isGoal: true,
  },
  { name: '1 stream, 64 KiB pages', streams: 1, pageBytes: MIB >> 4, totalBytes: 512 * MIB },
  { name: '8 streams, 1 MiB pages', streams: 8, pageBytes: MIB, totalBytes: 2_048 * MIB },
] as const;

export const benchmark: MicroBenchmark = {
  title: 'pages from output buffers of another process through gRPC into an exchange client',
  async run() {
    const producer = await ProducerProcess.start();
    const measurements: Measurement[] = [];
    try {
      for (const { name, ...load } of STREAMS) {
        await producer.read(producer.stream({ ...load, totalBytes: load.totalBytes / 8 }));
        const value = await producer.read(producer.stream(load));
        const target = 'isGoal' in load ? { target: { atLeast: 1 } } : {};
        measurements.push({ name, value, unit: 'GB/s', ...target });
      }
    } finally {
      await producer.close();
    }
    return measurements;
  },
};
