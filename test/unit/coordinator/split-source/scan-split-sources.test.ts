import { describe, expect, it } from 'vitest';
import type { SourceId } from '../../../../services/common/ids.ts';
import type { ScanDescriptor } from '../../../../services/common/plan/plan-fragment.ts';
import { ScanSplitSources } from '../../../../services/coordinator/split-source/scan-split-sources.ts';

const SOURCE = 1 as SourceId;

describe('a split source that fails', () => {
  it('fails again when it is asked again: what is behind the failure never looks like its end', async () => {
    const broken = {
      sourceId: SOURCE,
      get files(): never {
        throw new Error('no such bucket');
      },
    } as unknown as ScanDescriptor;
    const sources = new ScanSplitSources([broken], { targetSplitBytes: 1 } as never);
    await expect(sources.nextBatch(SOURCE, 1)).rejects.toThrow('no such bucket');
    await expect(sources.nextBatch(SOURCE, 1)).rejects.toThrow('no such bucket');
  });
});
