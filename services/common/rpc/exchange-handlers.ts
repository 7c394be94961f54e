import type { BufferAccess as WireBufferAccess } from '../../../proto/gen/skein/internal/v1/exchange.ts';
import type { BufferAccess, BufferServer, PageReply } from '../exchange/page-source.ts';
import type { NodeInstanceId, OutputBufferId } from '../ids.ts';
import { parseTaskId } from '../ids.ts';
import type { exchangeService, FetchResponse } from './exchange-wire.ts';
import type { ServiceHandlers } from './method.ts';
import { capabilityFromWire, principalFromWire } from './task-wire.ts';
import { parsed, required, safeInteger } from './wire-field.ts';

/** Serves buffers: `server.addService(exchangeService, exchangeHandlers(buffers))`. */
export function exchangeHandlers(buffers: BufferServer): ServiceHandlers<typeof exchangeService> {
  return {
    async *fetch(request, { signal }) {
      const access = accessFromWire(request.access);
      const pages = {
        token: safeInteger(request.token, 'token'),
        maxBytes: safeInteger(request.maxBytes, 'max_bytes'),
        acknowledgedToken: safeInteger(request.acknowledgedToken, 'acknowledged_token'),
      };
      yield* messagesOf(await buffers.fetchPages(access, pages, signal));
    },

    async acknowledge({ access, token }, { signal }) {
      const upTo = safeInteger(token, 'token');
      await buffers.acknowledge(accessFromWire(access), upTo, signal);
      return {};
    },

    async destroy({ accesses }, { signal }) {
      await Promise.all(accesses.map((access) => buffers.destroy(accessFromWire(access), signal)));
      return {};
    },
  };
}

/** One page a message, the last one saying whether more will follow; a message without a page if there is none. */
function* messagesOf({ token, pages, complete }: PageReply): Generator<FetchResponse> {
  if (pages.length === 0) yield { token, page: undefined, isLast: complete };
  for (const [i, page] of pages.entries()) {
    yield { token: token + i, page, isLast: complete && i === pages.length - 1 };
  }
}

function accessFromWire(wire: WireBufferAccess | undefined): BufferAccess {
  const access = required(wire, 'access');
  return {
    location: {
      taskId: parsed(access.taskId, parseTaskId, 'access.task_id'),
      nodeInstanceId: access.nodeInstanceId as NodeInstanceId,
      outputIndex: access.outputIndex,
      bufferId: access.bufferId as OutputBufferId,
    },
    ticket: {
      capability: capabilityFromWire(access.capability, 'access.capability'),
      principal: principalFromWire(access.principal, 'access.principal'),
    },
  };
}
