import type { OutputBufferId } from '../../services/common/ids.ts';
import { seededRandom } from '../../services/common/random.ts';
import type { OutputBufferKind } from '../../services/common/task/output-buffers.ts';
import { StoredOutput } from '../../services/worker/output/stored-output.ts';
import { OutputBuffer } from '../../services/worker/output/output-buffer.ts';
import { PageMemoryPool } from '../../services/worker/output/page-memory-pool.ts';
import { MemoryPageFiles, type MemoryPageFilesOptions } from './memory-page-files.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface OutputFixture {
  readonly output: OutputBuffer;
  readonly memory: PageMemoryPool;
  readonly clock: VirtualClock;
  /** Declares these ids and no fewer; `isLast`: there will be no others. */
  readonly declare: (ids: readonly number[], isLast: boolean) => void;
}

export function anOutput(
  kind: OutputBufferKind,
  options: { readonly isResult?: boolean; readonly memoryBytes?: number } = {},
): OutputFixture {
  const clock = new VirtualClock();
  const memory = new PageMemoryPool(options.memoryBytes ?? 1 << 30);
  const output = new OutputBuffer({
    kind,
    isResult: options.isResult ?? false,
    memory,
    clock,
    random: seededRandom(1),
    onChange: () => undefined,
  });
  let version = 0;
  return {
    output,
    memory,
    clock,
    declare: (ids, isLast) => {
      version += 1;
      output.declare({
        kind,
        version,
        bufferIds: ids as readonly OutputBufferId[],
        noMoreBufferIds: isLast,
      });
    },
  };
}

export interface StoredOutputFixture {
  readonly output: StoredOutput;
  readonly disk: MemoryPageFiles;
  readonly memory: PageMemoryPool;
  readonly clock: VirtualClock;
}

/** A retained output of partition 1 with buffers 0 … `bufferCount` - 1. */
export function aStoredOutput(
  kind: OutputBufferKind,
  options: MemoryPageFilesOptions & {
    readonly bufferCount?: number;
    readonly memoryBytes?: number;
    readonly onChange?: (output: StoredOutput) => void;
  } = {},
): StoredOutputFixture {
  const { bufferCount = 3, memoryBytes = 1 << 30, onChange = () => undefined } = options;
  const clock = new VirtualClock();
  const memory = new PageMemoryPool(memoryBytes);
  const disk = new MemoryPageFiles(options);
  const output = new StoredOutput({
    kind,
    retention: 'retained',
    task: 'query.1.1.0',
    outputIndex: 0,
    partition: 1,
    memory,
    openPageFile: disk.open,
    clock,
    random: seededRandom(1),
    onChange: () => onChange(output),
  });
  output.declare({
    kind,
    version: 1,
    bufferIds: Array.from({ length: bufferCount }, (_, id) => id as OutputBufferId),
    noMoreBufferIds: true,
    retention: 'retained',
  });
  return { output, disk, memory, clock };
}
