import { describe, expect, it } from 'vitest';
import { readSessionStatement } from '../../../../services/planner/statement/session-statement.ts';
import { statementName } from '../../../../services/planner/statement/statement-name.ts';
import { tokensOf } from '../../../../services/planner/statement/tokens.ts';

describe('tokens', () => {
  it.each<[string, readonly string[]]>([
    ['a -- b\n c /* d /* e */ f */ g', ['a', 'c', 'g']],
    [`'it''s' "a ""b""" E'\\'x' $$q'$$ $t$ $$ $t$`, ["it's", 'a "b"', "\\'x", "q'", ' $$ ']],
    ['1.5e-3,.5 0xFF 1_000;', ['1.5e-3', ',', '.5', '0xFF', '1_000', ';']],
    ['$1+$a?::é', ['$', '1', '+', '$', 'a', '?', ':', ':', 'é']],
    ["'open", ['open']],
    ['a -- b\r c', ['a', 'c']],
    ['a\u00a0b\u200b\u3000c\ufeff$\u00a01 é\u2028f', ['a', 'b', 'c', '$', '1', 'é\u2028f']],
  ])('of %s', (sql, texts) => {
    expect(tokensOf(sql).map(({ text }) => text)).toEqual(texts);
  });

  it('say where they stand', () => {
    const sql = '/* é */ SET x';
    expect(tokensOf(sql).map(({ start, end }) => sql.slice(start, end))).toEqual(['SET', 'x']);
  });
});

describe('a statement of the session', () => {
  const textOf = (sql: string, range: { start: number; end: number }): string =>
    sql.slice(range.start, range.end);

  it.each([
    ["SET x = 'a b';", { kind: 'set', name: 'x', value: 'a b' }],
    ['set session X to -10', { kind: 'set', name: 'X', value: '-10' }],
    ['SET session = 1', { kind: 'set', name: 'session', value: '1' }],
    ["SET TIME ZONE 'UTC'", { kind: 'set', name: 'TimeZone', value: 'UTC' }],
    ['SET x = DEFAULT', { kind: 'reset', name: 'x' }],
    ['RESET SESSION x', { kind: 'reset', name: 'x' }],
    ['RESET VARIABLE "v w"', { kind: 'reset-variable', name: 'v w' }],
    ['USE a."b.c"', { kind: 'use', path: ['a', 'b.c'] }],
    ['EXECUTE p', { kind: 'execute', name: 'p', values: '' }],
    ["EXECUTE p(1, ')', f(2))", { kind: 'execute', name: 'p', values: "1, ')', f(2)" }],
    ['DEALLOCATE PREPARE p', { kind: 'deallocate', name: 'p' }],
    [
      'DROP MACRO TABLE IF EXISTS temp.m CASCADE',
      { kind: 'drop', object: 'table-macro', name: 'm' },
    ],
  ])('is read: %s', (sql, statement) => {
    expect(readSessionStatement(sql)).toMatchObject(statement);
  });

  it('has the statement that it prepares, the value that it sets', () => {
    const prepare = 'PREPARE p AS SELECT 1 AS "AS" -- end';
    expect(readSessionStatement(prepare)).toMatchObject({ kind: 'prepare', name: 'p' });
    const statement = readSessionStatement(prepare);
    if (statement.kind !== 'prepare') throw new Error(statement.kind);
    expect(textOf(prepare, statement.statement)).toBe('SELECT 1 AS "AS"');
    const set = 'SET VARIABLE v TO [1, 2] ;;';
    const variable = readSessionStatement(set);
    if (variable.kind !== 'set-variable') throw new Error(variable.kind);
    expect(textOf(set, variable.value)).toBe('[1, 2]');
  });

  it('has the object that it creates', () => {
    expect(
      readSessionStatement('CREATE TEMP VIEW IF NOT EXISTS v ("a b", c) AS FROM t'),
    ).toMatchObject({
      onConflict: 'ignore',
      object: { kind: 'view', name: 'v', columnNames: ['a b', 'c'], sql: 'FROM t' },
    });
    expect(
      readSessionStatement('CREATE OR REPLACE TEMP MACRO m(a, b := (1)) AS TABLE SELECT a'),
    ).toMatchObject({
      onConflict: 'replace',
      object: { kind: 'table-macro', name: 'm', definition: '(a, b := (1)) AS TABLE SELECT a' },
    });
  });

  it.each([
    ['CREATE VIEW v AS SELECT 1', 'CREATE VIEW', 'CREATE TEMP VIEW'],
    ['CREATE OR REPLACE MACRO m() AS 1', 'CREATE MACRO', 'CREATE TEMP MACRO'],
    ['SET GLOBAL x = 1', 'SET GLOBAL', 'SET SESSION'],
    ['RESET GLOBAL x', 'RESET GLOBAL', 'RESET SESSION'],
    ['PREPARE p(INT) AS SELECT $1', 'PREPARE with types', 'cast'],
    ['CREATE TEMP VIEW other.v AS SELECT 1', 'CREATE TEMP VIEW outside temp', ''],
    ['CREATE TEMP TABLE t AS SELECT 1', 'CREATE TABLE', ''],
    ['WITH a AS (DELETE) INSERT INTO t FROM a', 'INSERT', ''],
    ['INSERT INTO t VALUES (1)', 'INSERT', ''],
  ])('is refused by its name: %s', (sql, statement, wayOut) => {
    expect(() => readSessionStatement(sql)).toThrow(
      expect.objectContaining({
        code: 'STATEMENT_NOT_SUPPORTED',
        details: { statement },
        message: expect.stringContaining(wayOut) as unknown,
      }),
    );
  });

  it('sets a constant only', () => {
    expect(() => readSessionStatement('SET x = 1 + 1')).toThrow(
      expect.objectContaining({ code: 'INVALID_SESSION_PROPERTY' }),
    );
  });

  it('is called what people call it', () => {
    expect(statementName('/* why */ alter  table t RENAME TO u')).toBe('ALTER TABLE');
    expect(statementName('')).toBe('');
  });
});
