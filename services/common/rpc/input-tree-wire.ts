import type { InputTree as WireInputTree } from '../../../proto/gen/skein/internal/v1/plan_fragment.ts';
import { assertNever } from '../assert.ts';
import type { SourceId } from '../ids.ts';
import type { InputTree } from '../plan/plan-fragment.ts';
import { required } from './wire-field.ts';

export function inputTreeToWire(tree: InputTree): WireInputTree {
  switch (tree.kind) {
    case 'source':
      return { kind: { $case: 'sourceId', value: tree.sourceId } };
    case 'join': {
      const probe = inputTreeToWire(tree.probe);
      return { kind: { $case: 'join', value: { probe, build: inputTreeToWire(tree.build) } } };
    }
    case 'aggregate':
      return { kind: { $case: 'aggregated', value: inputTreeToWire(tree.input) } };
    case 'together':
      return { kind: { $case: 'together', value: { inputs: tree.inputs.map(inputTreeToWire) } } };
    default:
      return assertNever(tree);
  }
}

export function inputTreeFromWire(wire: WireInputTree | undefined, field: string): InputTree {
  const kind = required(wire?.kind, field);
  switch (kind.$case) {
    case 'sourceId':
      return { kind: 'source', sourceId: kind.value as SourceId };
    case 'join': {
      const { probe, build } = kind.value;
      return {
        kind: 'join',
        probe: inputTreeFromWire(probe, `${field}.join.probe`),
        build: inputTreeFromWire(build, `${field}.join.build`),
      };
    }
    case 'aggregated':
      return { kind: 'aggregate', input: inputTreeFromWire(kind.value, `${field}.aggregated`) };
    case 'together': {
      const inputs = kind.value.inputs.map((input, i) =>
        inputTreeFromWire(input, `${field}.together.inputs[${i}]`),
      );
      return { kind: 'together', inputs };
    }
    default:
      return assertNever(kind);
  }
}
