import { describe, expect, it } from 'vitest';
import { ProofCache } from '../../../../services/planner/duckdb/proof-cache.ts';

const INTEGER = [{ name: 'c0', type: { id: 'INTEGER' } }] as const;
const DATE = [{ name: 'c0', type: { id: 'DATE' } }] as const;

function statementOf(index: number, length: number): string {
  return `SELECT ${index} --`.padEnd(length, 'x');
}

describe('a cache of proofs', () => {
  it('knows a statement in its time zone only', () => {
    const cache = new ProofCache();
    cache.set('UTC', 'SELECT 1', INTEGER);
    cache.set('Asia/Tokyo', 'SELECT 1', DATE);
    expect(cache.get('UTC', 'SELECT 1')).toBe(INTEGER);
    expect(cache.get('Asia/Tokyo', 'SELECT 1')).toBe(DATE);
    expect(cache.get('UTC', 'SELECT 2')).toBeUndefined();
  });

  it('forgets what was not used for longest when it holds 4 Mi characters', () => {
    const cache = new ProofCache();
    const length = 64_000;
    const count = Math.floor((4 << 20) / (length + 'UTC\n'.length));
    for (let i = 0; i < count; i++) cache.set('UTC', statementOf(i, length), INTEGER);
    expect(cache.get('UTC', statementOf(0, length))).toBe(INTEGER);
    cache.set('UTC', statementOf(count, length), INTEGER);
    expect(cache.get('UTC', statementOf(1, length))).toBeUndefined();
    expect(cache.get('UTC', statementOf(0, length))).toBe(INTEGER);
    expect(cache.get('UTC', statementOf(count, length))).toBe(INTEGER);
  });

  it('does not keep a statement that would push out many', () => {
    const cache = new ProofCache();
    cache.set('UTC', statementOf(0, 70_000), INTEGER);
    expect(cache.get('UTC', statementOf(0, 70_000))).toBeUndefined();
  });
});
