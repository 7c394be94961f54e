import { expect, it } from 'vitest';
import { isWorthARetry } from '../../../../../services/coordinator/scheduler/recovery/worth-a-retry.ts';

it.each([
  'NODE_LOST',
  'EXCHANGE_FAILED',
  'SOURCE_READ_FAILED',
  'OUT_OF_MEMORY',
  'OUT_OF_DISK',
  'INTERNAL_ERROR',
  'SHUTTING_DOWN',
] as const)('tries again what another worker or moment may change: %s', (code) => {
  expect(isWorthARetry(code)).toBe(true);
});

it.each(['CONVERSION_ERROR', 'INVALID_INPUT', 'SOURCE_CORRUPT', 'QUERY_TIMEOUT'] as const)(
  'never tries again what the statement or its files are at fault for: %s',
  (code) => {
    expect(isWorthARetry(code)).toBe(false);
  },
);
