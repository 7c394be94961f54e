import { EngineError } from '../../common/error.ts';
import type { Principal } from '../../common/task/task-status.ts';

/** What a call carries of its caller: the value of a metadata key, if there is one. */
export type Credentials = (key: string) => string | undefined;

/** Says who calls. @throws EngineError UNAUTHENTICATED */
export interface Authenticator {
  authenticate(credentials: Credentials): Principal;
}

export const PRINCIPAL_KEY = 'x-skein-principal';
const PRINCIPAL_NAME = /^[\w.@+-]{1,128}$/;
const ANONYMOUS: Principal = { name: 'anonymous' };

/**
 * Believes every caller the name it gives: for a gateway behind a proxy that has authenticated, or on loopback.
 */
export const trustingAuthenticator: Authenticator = {
  authenticate(credentials) {
    const name = credentials(PRINCIPAL_KEY);
    if (name === undefined) return ANONYMOUS;
    if (!PRINCIPAL_NAME.test(name)) {
      throw new EngineError(
        'UNAUTHENTICATED',
        `the metadata key ${PRINCIPAL_KEY} is not a name of up to 128 letters, digits and . _ @ + -`,
      );
    }
    return { name };
  },
};
