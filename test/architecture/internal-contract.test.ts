import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { INTERNAL_CONTRACT, PROTOCOL_VERSION } from '../../services/common/version.ts';

const directory = join(import.meta.dirname, '..', '..', 'proto', 'skein', 'internal', 'v1');

/** Of all definitions; comments and blanks do not count. */
function contractHash(): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(directory).toSorted()) {
    const text = readFileSync(join(directory, file), 'utf8');
    hash.update(text.replace(/\/\/.*$/gm, '').replace(/\s+/g, ' '));
  }
  return hash.digest('hex').slice(0, 16);
}

describe('skein.internal.v1', () => {
  it('has another version when it has changed', () => {
    const advice =
      'raise PROTOCOL_VERSION in services/common/version.ts, and set INTERNAL_CONTRACT';
    expect({ [advice]: contractHash() }).toEqual({ [advice]: INTERNAL_CONTRACT });
    expect(PROTOCOL_VERSION).toBeGreaterThan(1);
  });
});
