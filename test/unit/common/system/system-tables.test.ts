import { describe, expect, it } from 'vitest';
import {
  findSystemTable,
  SYSTEM_TABLE_NAMES,
  systemColumns,
} from '../../../../services/common/system/system-tables.ts';

describe('the tables of the catalog system', () => {
  it('are found in any case', () => {
    expect(SYSTEM_TABLE_NAMES).toEqual(['nodes', 'queries', 'resource_groups', 'stages', 'tasks']);
    expect(findSystemTable('QueRies')).toBe('queries');
    expect(findSystemTable('settings')).toBeUndefined();
  });

  it.each(SYSTEM_TABLE_NAMES)('name each column once: %s', (table) => {
    const names = systemColumns(table).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.every((name) => /^[a-z_]+$/.test(name))).toBe(true);
  });

  it('join by the id of the query', () => {
    for (const table of ['queries', 'stages', 'tasks'] as const) {
      expect(systemColumns(table)[0]).toEqual({ name: 'query_id', type: { id: 'VARCHAR' } });
    }
  });
});
