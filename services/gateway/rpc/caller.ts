import type { CallContext } from '../../common/rpc/method.ts';
import type { Principal } from '../../common/task/task-status.ts';
import type { Authenticator } from '../auth/authenticator.ts';

/** Who makes a call. @throws EngineError UNAUTHENTICATED */
export type Caller = (context: CallContext) => Principal;

export function callerBy(authenticator: Authenticator): Caller {
  return ({ metadata }) =>
    authenticator.authenticate((key) => {
      const [value] = metadata.get(key);
      return typeof value === 'string' ? value : undefined;
    });
}
