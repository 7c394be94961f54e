/**
 * Sessions are small signed values that the client carries, so that no gateway holds state which its death
 * loses. Layout: version byte, 32 bytes of HMAC-SHA256 over the rest, then the session as JSON.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { EngineError } from '../../common/error.ts';
import {
  MAX_SESSION_STATE_BYTES,
  NEW_SESSION,
  type SessionState,
} from '../../common/session-state.ts';

/** Of the layout and of what the JSON holds; a session of another version is not understood. */
const VERSION = 2;
const MAC_BYTES = 32;
const MAX_SESSION_BYTES = 1 + MAC_BYTES + MAX_SESSION_STATE_BYTES;

export class SessionCodec {
  readonly #key: Uint8Array;

  /** `key`: the same on every gateway of a cluster. */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  encode(session: SessionState): Uint8Array {
    const body = Buffer.from(JSON.stringify(session), 'utf8');
    return Buffer.concat([Uint8Array.of(VERSION), this.#mac(body), body]);
  }

  /** @throws EngineError INVALID_SESSION when the bytes were not signed with this key. */
  decode(bytes: Uint8Array): SessionState {
    if (bytes.length === 0) return NEW_SESSION;
    const body = bytes.subarray(1 + MAC_BYTES);
    const mac = bytes.subarray(1, 1 + MAC_BYTES);
    const genuine =
      bytes.length <= MAX_SESSION_BYTES &&
      bytes[0] === VERSION &&
      mac.length === MAC_BYTES &&
      timingSafeEqual(mac, this.#mac(body));
    if (!genuine) {
      throw new EngineError(
        'INVALID_SESSION',
        'the session was not made by this cluster or not by this version of it (or its session_secret has changed); send an empty one',
      );
    }
    return JSON.parse(Buffer.from(body).toString('utf8')) as SessionState;
  }

  #mac(body: Uint8Array): Uint8Array {
    return createHmac('sha256', this.#key).update(body).digest();
  }
}
