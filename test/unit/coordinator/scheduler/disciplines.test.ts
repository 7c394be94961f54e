import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../../services/common/error.ts';
import {
  parseSessionProperties,
  SESSION_PROPERTIES,
} from '../../../../services/common/session-properties.ts';
import {
  chooseDiscipline,
  DISCIPLINES,
} from '../../../../services/coordinator/scheduler/disciplines.ts';

const choose = (properties: Readonly<Record<string, string>>) =>
  chooseDiscipline(parseSessionProperties(properties));

function refusal(properties: Readonly<Record<string, string>>): EngineError {
  try {
    choose(properties);
  } catch (error) {
    if (error instanceof EngineError) return error;
  }
  throw new Error('not refused');
}

describe('disciplines', () => {
  it('are pipelined, phased and without retries by default', () => {
    expect(choose({})).toEqual({
      scheduling: 'pipelined',
      executionPolicy: 'phased',
      retryPolicy: 'none',
    });
  });

  it.each(['phased', 'all-at-once', 'legacy-phased'])('take execution_policy=%s', (policy) => {
    expect(choose({ execution_policy: policy }).executionPolicy).toBe(policy);
  });

  it('take retry_policy=query', () => {
    expect(choose({ retry_policy: 'query' }).retryPolicy).toBe('query');
  });

  it('refuse policies that do not go together, naming both values', () => {
    const execution = refusal({ scheduling: 'stage-barrier', execution_policy: 'phased' });
    expect(execution).toMatchObject({
      code: 'INVALID_SESSION_PROPERTY',
      message:
        'execution_policy=phased does not go with scheduling=stage-barrier, but stage-barrier',
      details: { property: 'execution_policy' },
    });
    const retry = refusal({ retry_policy: 'task' });
    expect(retry).toMatchObject({
      code: 'INVALID_SESSION_PROPERTY',
      details: { property: 'retry_policy' },
    });
    expect(retry.message).toMatch(/^retry_policy=task does not go with scheduling=pipelined/);
  });

  it('offer tasks that are retried only where there is a spool, and say so', () => {
    for (const properties of [{}, { execution_policy: 'event-driven', retry_policy: 'task' }]) {
      expect(refusal({ scheduling: 'fault-tolerant', ...properties })).toMatchObject({
        code: 'INVALID_SESSION_PROPERTY',
        message:
          'scheduling=fault-tolerant is not available: it needs a spooled exchange, which this cluster does not have',
        details: { property: 'scheduling' },
      });
    }
    const properties = parseSessionProperties({ scheduling: 'fault-tolerant' });
    expect(chooseDiscipline(properties, { hasSpooledExchange: true })).toEqual({
      scheduling: 'fault-tolerant',
      executionPolicy: 'event-driven',
      retryPolicy: 'task',
    });
  });

  it('accept a combination only if it is in the table, whatever else is asked for', () => {
    const { scheduling, execution_policy, retry_policy } = SESSION_PROPERTIES;
    const valuesOf = (form: string) => form.replace('one of ', '').split(', ');
    for (const discipline of valuesOf(scheduling.form)) {
      for (const execution of valuesOf(execution_policy.form)) {
        for (const retry of valuesOf(retry_policy.form)) {
          const named = {
            scheduling: discipline,
            execution_policy: execution,
            retry_policy: retry,
          };
          const row = DISCIPLINES[discipline as keyof typeof DISCIPLINES];
          const fits =
            ['auto', ...row.executionPolicies].includes(execution) &&
            ['auto', ...row.retryPolicies].includes(retry);
          const isMisfit = !fits && / does not go with /.test(refusal(named).message);
          expect(fits || isMisfit, JSON.stringify(named)).toBe(true);
        }
      }
    }
  });
});
