import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PlannerFixture, planningRequest } from '../../../support/planner-fixture.ts';

let directory: string;
let planner: PlannerFixture;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'skein-show-'));
  for (const catalog of ['usual', 'second']) mkdirSync(join(directory, catalog));
  planner = new PlannerFixture([
    { name: '', directory: join(directory, 'usual') },
    { name: 'second', directory: join(directory, 'second') },
  ]);
  write('usual/kept.csv', 'k\n1\n');
  write('second/other.csv', 'o\n1\n');
});

afterEach(async () => {
  await planner[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

function write(path: string, content: string): void {
  writeFileSync(join(directory, path), content);
}

async function shown(): Promise<readonly string[]> {
  const admitted = await planner.frontEnd.admit(planningRequest('SHOW ALL TABLES'));
  if (admitted.kind !== 'known') throw new Error(admitted.kind);
  return admitted.rows.rows.map(([catalog, , name]) => `${catalog}.${name}`).toSorted();
}

const BOTH = ['memory.kept', 'second.other'];

describe('SHOW ALL TABLES', () => {
  it('does not show what the planner made for files that statements read by their names', async () => {
    const sql = `FROM '${join(directory, 'usual/kept.csv')}'`;
    const admitted = await planner.frontEnd.admit(planningRequest(sql));
    expect(admitted).toMatchObject({ kind: 'query', query: { plan: { kind: 'plan' } } });
    expect(await shown()).toEqual(BOTH);
  });

  it('forgets tables that are gone', async () => {
    write('usual/going.csv', 'g\n1\n');
    expect(await shown()).toEqual(['memory.going', ...BOTH]);
    rmSync(join(directory, 'usual/going.csv'));
    expect(await shown()).toEqual(BOTH);
  });

  it('leaves out what cannot be read', async () => {
    write('second/bad.parquet', 'no Parquet');
    expect(await shown()).toEqual(BOTH);
    rmSync(join(directory, 'second'), { recursive: true });
    expect(await shown()).toEqual(['memory.kept']);
    mkdirSync(join(directory, 'second'));
  });
});
