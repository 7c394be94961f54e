import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import {
  HASH_FINGERPRINT_SQL,
  hashFingerprint,
} from '../../../../services/common/duckdb/hash-fingerprint.ts';

describe('hashFingerprint', () => {
  it('is the same in every instance, whatever its threads and time zone', async () => {
    const fingerprints: string[] = [];
    for (const timeZone of ['UTC', 'Asia/Tokyo']) {
      const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
      const connection = await instance.connect();
      await connection.run(`SET TimeZone = '${timeZone}'`);
      fingerprints.push(await hashFingerprint(connection));
      connection.disconnectSync();
      instance.closeSync();
    }
    expect(fingerprints[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(fingerprints[1]).toBe(fingerprints[0]);
  });

  it('depends on how each sample is hashed', async () => {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const samples = HASH_FINGERPRINT_SQL.match(/hash\(/g)!;
    const whole = await hashFingerprint(connection);
    for (const index of [0, samples.length >> 1, samples.length - 1]) {
      let seen = -1;
      const changed = HASH_FINGERPRINT_SQL.replaceAll('hash(', (call) => {
        seen += 1;
        return seen === index ? '1 + hash(' : call;
      });
      const reader = await connection.runAndReadAll(changed);
      expect(reader.getRows()[0]).not.toEqual([whole]);
    }
    connection.disconnectSync();
    instance.closeSync();
  });
});
