import type { OutputBufferId } from '../../services/common/ids.ts';
import { seededRandom } from '../../services/common/random.ts';
import type { OutputBufferKind } from '../../services/common/task/output-buffers.ts';
import { OutputBuffer } from '../../services/worker/output/output-buffer.ts';
import { PageMemoryPool } from '../../services/worker/output/page-memory-pool.ts';
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
