import { describe, expect, it } from 'vitest';
import { errorText } from '../../../../services/cli/sql/error-text.ts';
import { EngineError } from '../../../../services/common/error.ts';

describe('error texts', () => {
  it('begin with the code', () => {
    expect(errorText(new EngineError('QUERY_TIMEOUT', 'too long'), 'SELECT 1')).toBe(
      'QUERY_TIMEOUT: too long',
    );
  });

  it('point at the character, counted in bytes of UTF-8 by the engine', () => {
    const sql = "SELECT 'ä',\n\tfoo FROM t";
    const position = Buffer.byteLength("SELECT 'ä',\n\t");
    expect(errorText(new EngineError('COLUMN_NOT_FOUND', 'no foo', { position }), sql)).toBe(
      'COLUMN_NOT_FOUND: no foo\nLINE 2: \tfoo FROM t\n        \t^',
    );
  });
});
