import { describe, expect, it } from 'vitest';
import { isBlank, splitStatements } from '../../../../services/cli/sql/split-statements.ts';

describe('splitting a script', () => {
  it.each([
    ['SELECT 1; SELECT 2', ['SELECT 1'], 'SELECT 2'],
    ['SELECT 1;;  ;', ['SELECT 1'], ''],
    ["SELECT 'a;b'; x", ["SELECT 'a;b'"], 'x'],
    ["SELECT 'it''s;'; x", ["SELECT 'it''s;'"], 'x'],
    ["SELECT E'a\\';b'; x", ["SELECT E'a\\';b'"], 'x'],
    ['SELECT "a;""b"; x', ['SELECT "a;""b"'], 'x'],
    ['SELECT $$a;b$$; x', ['SELECT $$a;b$$'], 'x'],
    ['SELECT $t$a;$$;b$t$; x', ['SELECT $t$a;$$;b$t$'], 'x'],
    ['SELECT $1; x', ['SELECT $1'], 'x'],
    ['SELECT 1 -- no; end\n; x', ['SELECT 1 -- no; end'], 'x'],
    ['SELECT /* ; /* ; */ ; */ 1; x', ['SELECT /* ; /* ; */ ; */ 1'], 'x'],
    ['-- only a comment', [], ''],
    ["SELECT 'open; end", [], "SELECT 'open; end"],
  ])('%s', (script, statements, rest) => {
    expect(splitStatements(script)).toEqual({ statements, rest });
  });

  it('knows text without any statement', () => {
    expect(isBlank(' \n/* a */ -- b\n ')).toBe(true);
    expect(isBlank(' -- a\n x')).toBe(false);
  });
});
