import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toEngineError } from '../../../../services/common/duckdb/duckdb-error.ts';
import {
  openInstance,
  type OpenInstance,
} from '../../../../services/common/duckdb/open-instance.ts';

let root: string;
let opened: OpenInstance;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'skein-instance-'));
  for (const name of ['data', 'temp']) mkdirSync(join(root, name));
  writeFileSync(join(root, 'data', 'a.csv'), 'x\n1\n');
  writeFileSync(join(root, 'secret.csv'), 'x\n1\n');
  opened = await openInstance(
    {
      memoryLimitBytes: 100 << 20,
      threads: 2,
      tempDirectory: join(root, 'temp'),
      maxTempDirectoryBytes: 10 << 20,
      allowedDirectories: [join(root, 'data')],
      settings: { TimeZone: 'Asia/Tokyo' },
    },
    async (connection) => {
      await connection.run('CREATE VIEW prepared AS SELECT 42 AS answer');
    },
  );
});
afterAll(() => {
  opened.close();
  rmSync(root, { recursive: true });
});

async function rows(sql: string): Promise<unknown> {
  return (await opened.connection.runAndReadAll(sql)).getRowsJson();
}

describe('openInstance', () => {
  it('gives the instance what its profile says, and nothing more', async () => {
    const settings = ['memory_limit', 'max_temp_directory_size', 'TimeZone'];
    const values = settings.map((name) => `current_setting('${name}')`).join(', ');
    expect(await rows(`SELECT ${values}`)).toEqual([['100.0 MiB', '10.0 MiB', 'Asia/Tokyo']]);
    expect(await rows(`SELECT current_setting('threads')::INTEGER`)).toEqual([[2]]);
    expect(await rows(`SELECT x FROM read_csv('${root}/data/a.csv')`)).toEqual([['1']]);
    expect(await rows(`FROM prepared`)).toEqual([[42]]);
    const connection = await opened.connect();
    expect((await connection.runAndReadAll('FROM prepared')).getRows()).toEqual([[42]]);
    connection.disconnectSync();
  });

  it.each([
    "SELECT * FROM read_csv('$/secret.csv')",
    "SELECT * FROM read_csv('$/data/../secret.csv')",
    "SELECT * FROM read_text('/etc/passwd')",
    "COPY prepared TO '$/copy.csv'",
    "ATTACH '$/other.db'",
    'INSTALL httpfs',
  ])('refuses %s (reliability A6)', async (sql) => {
    const refused = opened.connection.run(sql.replaceAll('$', root));
    await expect(
      refused.catch((error: unknown) => Promise.reject(toEngineError(error))),
    ).rejects.toMatchObject({
      code: 'FILE_NOT_ALLOWED',
    });
  });

  it.each(['memory_limit', 'threads', 'TimeZone', 'allowed_directories', 'lock_configuration'])(
    'refuses to change %s',
    async (name) => {
      await expect(opened.connection.run(`RESET ${name}`)).rejects.toThrow('locked');
    },
  );

  it('takes no setting whose name is SQL, and leaves nothing open behind a failure', async () => {
    const profile = { memoryLimitBytes: 1e8, threads: 1, allowedDirectories: [] };
    const settings = { 'threads = 8; SET x': '1' };
    await expect(openInstance({ ...profile, settings })).rejects.toMatchObject({
      code: 'INVALID_CONFIGURATION',
    });
  });
});
