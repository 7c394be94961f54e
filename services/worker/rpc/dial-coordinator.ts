import { WorkerControlServiceService } from '../../../proto/gen/skein/internal/v1/worker_control.ts';
import type { RpcChannel } from '../../common/rpc/channel.ts';
import type { DialCoordinator } from './control-stream.ts';

/** Opens control streams over a channel to the coordinator. */
export function dialOver(channel: RpcChannel): DialCoordinator {
  return (requests, signal) =>
    channel.bidi(WorkerControlServiceService.connect, requests, { signal });
}
