import type {
  OutputLocation as WireOutputLocation,
  Split as WireSplit,
} from '../../../proto/gen/skein/internal/v1/split.ts';
import type { SplitAssignment as WireSplitAssignment } from '../../../proto/gen/skein/internal/v1/task.ts';
import { assertNever } from '../assert.ts';
import type { NodeInstanceId, OutputBufferId, PartitionId, SourceId } from '../ids.ts';
import { formatTaskId, parseNodeId, parseTaskId } from '../ids.ts';
import type { OutputLocation, Split, SplitAssignment } from '../plan/split.ts';
import { finite, parsed, required, requiredText, safeInteger } from './wire-field.ts';

export function splitAssignmentToWire(assignment: SplitAssignment): WireSplitAssignment {
  return {
    sourceId: assignment.sourceId,
    splits: assignment.splits.map(splitToWire),
    noMoreSplits: assignment.noMoreSplits,
  };
}

export function splitAssignmentFromWire(wire: WireSplitAssignment, field: string): SplitAssignment {
  return {
    sourceId: wire.sourceId as SourceId,
    splits: wire.splits.map((split, i) => splitFromWire(split, `${field}.splits[${i}]`)),
    noMoreSplits: wire.noMoreSplits,
  };
}

export function splitToWire(split: Split): WireSplit {
  return {
    sequenceId: BigInt(split.sequenceId),
    weight: split.weight,
    input: splitInputToWire(split.input),
  };
}

function splitInputToWire(input: Split['input']): NonNullable<WireSplit['input']> {
  switch (input.kind) {
    case 'file':
      return {
        $case: 'file',
        value: {
          path: input.path,
          sizeBytes: BigInt(input.sizeBytes),
          modifiedAtMs: input.modifiedAtMs,
          firstRow: BigInt(input.firstRow),
          rowCount: BigInt(input.rowCount),
          bytes: BigInt(input.bytes),
          reading: input.reading,
          partition: input.partition,
        },
      };
    case 'remote':
      return { $case: 'remote', value: { location: outputLocationToWire(input.location) } };
    case 'empty':
      return { $case: 'empty', value: {} };
    default:
      return assertNever(input);
  }
}

export function splitFromWire(wire: WireSplit, field: string): Split {
  return {
    sequenceId: safeInteger(wire.sequenceId, `${field}.sequence_id`),
    weight: wire.weight,
    input: splitInputFromWire(required(wire.input, `${field}.input`), field),
  };
}

function splitInputFromWire(wire: NonNullable<WireSplit['input']>, field: string): Split['input'] {
  switch (wire.$case) {
    case 'file':
      return {
        kind: 'file',
        path: requiredText(wire.value.path, `${field}.file.path`),
        sizeBytes: safeInteger(wire.value.sizeBytes, `${field}.file.size_bytes`),
        modifiedAtMs: finite(wire.value.modifiedAtMs, `${field}.file.modified_at_ms`),
        firstRow: safeInteger(wire.value.firstRow, `${field}.file.first_row`),
        rowCount: safeInteger(wire.value.rowCount, `${field}.file.row_count`),
        bytes: safeInteger(wire.value.bytes, `${field}.file.bytes`),
        ...(wire.value.reading === undefined ? {} : { reading: wire.value.reading }),
        ...(wire.value.partition === undefined
          ? {}
          : { partition: wire.value.partition as PartitionId }),
      };
    case 'remote': {
      const path = `${field}.remote.location`;
      return {
        kind: 'remote',
        location: outputLocationFromWire(required(wire.value.location, path), path),
      };
    }
    case 'empty':
      return { kind: 'empty' };
    default:
      return assertNever(wire);
  }
}

export function outputLocationToWire(location: OutputLocation): WireOutputLocation {
  return {
    taskId: formatTaskId(location.taskId),
    nodeId: location.nodeId,
    nodeInstanceId: location.nodeInstanceId,
    address: location.address,
    outputIndex: location.outputIndex,
    bufferId: location.bufferId,
  };
}

export function outputLocationFromWire(wire: WireOutputLocation, field: string): OutputLocation {
  return {
    taskId: parsed(wire.taskId, parseTaskId, `${field}.task_id`),
    nodeId: parsed(wire.nodeId, parseNodeId, `${field}.node_id`),
    nodeInstanceId: requiredText(
      wire.nodeInstanceId,
      `${field}.node_instance_id`,
    ) as NodeInstanceId,
    address: requiredText(wire.address, `${field}.address`),
    outputIndex: wire.outputIndex,
    bufferId: wire.bufferId as OutputBufferId,
  };
}
