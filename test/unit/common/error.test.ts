import { describe, expect, it } from 'vitest';
import { EngineError, fromErrorReport, toErrorReport } from '../../../services/common/error.ts';

describe('toErrorReport', () => {
  it('tells of a bug in one line, without its stack', () => {
    const bug = new TypeError('x is not a function\nat all');
    expect(toErrorReport(bug)).toEqual({
      code: 'INTERNAL_ERROR',
      message: 'TypeError: x is not a function',
    });
    expect(toErrorReport('a text')).toEqual({ code: 'INTERNAL_ERROR', message: 'a text' });
  });

  it('keeps all of an EngineError', () => {
    const error = new EngineError('BIND_ERROR', 'no\nway', { position: 3, details: { a: 'b' } });
    const report = { code: 'BIND_ERROR', message: 'no\nway', position: 3, details: { a: 'b' } };
    expect(toErrorReport(error)).toEqual(report);
    expect(toErrorReport(fromErrorReport(toErrorReport(error)))).toEqual(report);
  });
});
