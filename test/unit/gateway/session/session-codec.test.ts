import { describe, expect, it } from 'vitest';
import { NEW_SESSION, type SessionState } from '../../../../services/common/session-state.ts';
import { SessionCodec } from '../../../../services/gateway/session/session-codec.ts';

const codec = new SessionCodec(Buffer.from('one key'));
const session: SessionState = {
  ...NEW_SESSION,
  properties: { time_zone: 'Europe/Rome' },
  preparedStatements: { p: 'SELECT ?' },
  objects: [{ kind: 'view', name: 'v', columnNames: ['a'], sql: 'SELECT 1' }],
};

describe('sessions', () => {
  it('come back as they left', () => {
    expect(codec.decode(codec.encode(session))).toEqual(session);
  });

  it('begin anew when nothing is carried', () => {
    expect(codec.decode(new Uint8Array())).toEqual(NEW_SESSION);
  });

  it('are refused when any byte was changed', () => {
    const bytes = codec.encode(session);
    for (let i = 0; i < bytes.length; i += 1) {
      const forged = Uint8Array.from(bytes);
      forged[i] = (forged[i] ?? 0) ^ 1;
      expect(() => codec.decode(forged)).toThrow(
        expect.objectContaining({ code: 'INVALID_SESSION' }),
      );
    }
  });

  it('are refused when another cluster signed them', () => {
    const other = new SessionCodec(Buffer.from('another key'));
    expect(() => codec.decode(other.encode(session))).toThrow(
      expect.objectContaining({ code: 'INVALID_SESSION' }),
    );
  });
});
