import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ErrorReport } from '../../../../services/common/error.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import type { ResourceGroupTree } from '../../../../services/coordinator/admission/resource-group-tree.ts';
import { ResourceGroupsFile } from '../../../../services/coordinator/admission/resource-groups-file.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const LIMITS = { maxRunningQueries: 7, maxQueuedQueries: 9 };
const textOf = (concurrency: number) =>
  `root: { hard_concurrency: ${concurrency} }\nselectors: [{ group: root }]\n`;

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'skein-groups-'));
  path = join(directory, 'groups.yaml');
  writeFileSync(path, textOf(1));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("the resource groups' file", () => {
  it('is read again when it changes or is replaced; a broken one changes nothing and is told', async () => {
    const clock = new VirtualClock();
    const file = new ResourceGroupsFile(path, LIMITS);
    const trees: ResourceGroupTree[] = [];
    const errors: ErrorReport[] = [];
    file.watch({
      clock,
      log: silentLogger,
      onTree: (tree) => trees.push(tree),
      onBroken: (error) => errors.push(error),
    });
    expect(file.tree.root.hardConcurrency).toBe(1);
    await clock.advance(2_000);
    expect(trees).toEqual([]);

    writeFileSync(`${path}.new`, textOf(22));
    renameSync(`${path}.new`, path);
    await clock.advance(1_000);
    expect(trees.map(({ root }) => root.hardConcurrency)).toEqual([22]);

    writeFileSync(path, 'root: { hard_concurency: 3 }');
    await clock.advance(2_000);
    rmSync(path);
    await clock.advance(2_000);
    expect(errors.map(({ code }) => code)).toEqual([
      'INVALID_CONFIGURATION',
      'INVALID_CONFIGURATION',
    ]);
    expect(errors[0]?.message).toContain(`${path}: root.hard_concurency: there is no such key`);
    writeFileSync(path, textOf(4));
    await clock.advance(1_000);
    expect(trees.at(-1)?.root.hardConcurrency).toBe(4);

    file.close();
    writeFileSync(path, textOf(5));
    await clock.advance(5_000);
    expect(trees).toHaveLength(2);
  });

  it('that cannot be used keeps the coordinator from starting', () => {
    writeFileSync(path, 'root: [');
    expect(() => new ResourceGroupsFile(path, LIMITS)).toThrow(
      `cannot read the resource groups' file`,
    );
  });
});
