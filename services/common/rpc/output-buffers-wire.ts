import type {
  OutputBuffers as WireOutputBuffers,
  OutputBufferStatus as WireOutputBufferStatus,
} from '../../../proto/gen/skein/internal/v1/output_buffer.ts';
import {
  OutputBufferKind as WireOutputBufferKind,
  OutputBufferState as WireOutputBufferState,
  OutputRetention as WireOutputRetention,
} from '../../../proto/gen/skein/internal/v1/output_buffer.ts';
import type { OutputBufferId } from '../ids.ts';
import type {
  OutputBufferKind,
  OutputBuffers,
  OutputBufferState,
  OutputBufferStatus,
  OutputRetention,
} from '../task/output-buffers.ts';
import { enumMapping, finite, safeInteger } from './wire-field.ts';

const BUFFER_KINDS = enumMapping<OutputBufferKind, WireOutputBufferKind>({
  partitioned: WireOutputBufferKind.OUTPUT_BUFFER_KIND_PARTITIONED,
  broadcast: WireOutputBufferKind.OUTPUT_BUFFER_KIND_BROADCAST,
  arbitrary: WireOutputBufferKind.OUTPUT_BUFFER_KIND_ARBITRARY,
});

const RETENTIONS = enumMapping<OutputRetention, WireOutputRetention>({
  streaming: WireOutputRetention.OUTPUT_RETENTION_STREAMING,
  retained: WireOutputRetention.OUTPUT_RETENTION_RETAINED,
  spooled: WireOutputRetention.OUTPUT_RETENTION_SPOOLED,
});

const BUFFER_STATES = enumMapping<OutputBufferState, WireOutputBufferState>({
  open: WireOutputBufferState.OUTPUT_BUFFER_STATE_OPEN,
  'no-more-buffers': WireOutputBufferState.OUTPUT_BUFFER_STATE_NO_MORE_BUFFERS,
  'no-more-pages': WireOutputBufferState.OUTPUT_BUFFER_STATE_NO_MORE_PAGES,
  flushing: WireOutputBufferState.OUTPUT_BUFFER_STATE_FLUSHING,
  finished: WireOutputBufferState.OUTPUT_BUFFER_STATE_FINISHED,
  aborted: WireOutputBufferState.OUTPUT_BUFFER_STATE_ABORTED,
  failed: WireOutputBufferState.OUTPUT_BUFFER_STATE_FAILED,
});

export function outputBuffersToWire(buffers: OutputBuffers): WireOutputBuffers {
  return {
    kind: BUFFER_KINDS.toWire(buffers.kind),
    version: BigInt(buffers.version),
    buffers: buffers.bufferIds.map((bufferId) => ({
      bufferId,
      abandoned: buffers.abandonedBufferIds?.includes(bufferId) === true,
    })),
    noMoreBufferIds: buffers.noMoreBufferIds,
    retention: RETENTIONS.toWire(buffers.retention ?? 'streaming'),
  };
}

export function outputBuffersFromWire(wire: WireOutputBuffers, field: string): OutputBuffers {
  const abandoned = wire.buffers.filter((buffer) => buffer.abandoned);
  const retention = RETENTIONS.fromWire(wire.retention, `${field}.retention`);
  return {
    kind: BUFFER_KINDS.fromWire(wire.kind, `${field}.kind`),
    version: safeInteger(wire.version, `${field}.version`),
    bufferIds: wire.buffers.map(({ bufferId }) => bufferId as OutputBufferId),
    noMoreBufferIds: wire.noMoreBufferIds,
    ...(retention === 'streaming' ? {} : { retention }),
    ...(abandoned.length === 0
      ? {}
      : { abandonedBufferIds: abandoned.map(({ bufferId }) => bufferId as OutputBufferId) }),
  };
}

export function outputBufferStatusToWire(status: OutputBufferStatus): WireOutputBufferStatus {
  return {
    state: BUFFER_STATES.toWire(status.state),
    bufferedBytes: BigInt(status.bufferedBytes),
    utilization: status.utilization,
    overutilized: status.overutilized,
    storedBytes: (status.storedBytes ?? []).map(BigInt),
  };
}

export function outputBufferStatusFromWire(
  wire: WireOutputBufferStatus,
  field: string,
): OutputBufferStatus {
  return {
    state: BUFFER_STATES.fromWire(wire.state, `${field}.state`),
    bufferedBytes: safeInteger(wire.bufferedBytes, `${field}.buffered_bytes`),
    utilization: finite(wire.utilization, `${field}.utilization`),
    overutilized: wire.overutilized,
    ...(wire.storedBytes.length === 0
      ? {}
      : {
          storedBytes: wire.storedBytes.map((bytes) => safeInteger(bytes, `${field}.stored_bytes`)),
        }),
  };
}
