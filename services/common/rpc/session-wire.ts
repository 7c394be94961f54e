import type {
  SessionObject as WireObject,
  SessionState as WireState,
} from '../../../proto/gen/skein/internal/v1/session.ts';
import { assertNever } from '../assert.ts';
import { NEW_SESSION, type SessionObject, type SessionState } from '../session-state.ts';
import { invalidField } from './wire-field.ts';

export function sessionToWire(state: SessionState): WireState {
  const { properties, variables, preparedStatements, catalog, schema } = state;
  return {
    properties: { ...properties },
    variables: { ...variables },
    preparedStatements: { ...preparedStatements },
    objects: state.objects.map(objectToWire),
    catalog,
    schema,
  };
}

function objectToWire(object: SessionObject): WireObject {
  switch (object.kind) {
    case 'view': {
      const { name, columnNames, sql } = object;
      return { object: { $case: 'view', value: { name, columnNames: [...columnNames], sql } } };
    }
    case 'macro':
    case 'table-macro': {
      const { name, definition } = object;
      const isTableMacro = object.kind === 'table-macro';
      return { object: { $case: 'macro', value: { name, definition, isTableMacro } } };
    }
    default:
      return assertNever(object);
  }
}

/** A message without a session means a new one. @throws EngineError INVALID_REQUEST */
export function sessionFromWire(wire: WireState | undefined, field: string): SessionState {
  if (wire === undefined) return NEW_SESSION;
  const { properties, variables, preparedStatements, catalog, schema } = wire;
  const objects = wire.objects.map((object, i) => objectFromWire(object, `${field}.objects[${i}]`));
  return { properties, variables, preparedStatements, objects, catalog, schema };
}

function objectFromWire({ object }: WireObject, field: string): SessionObject {
  switch (object?.$case) {
    case 'view':
      return { kind: 'view', ...object.value };
    case 'macro': {
      const { name, definition, isTableMacro } = object.value;
      return { kind: isTableMacro ? 'table-macro' : 'macro', name, definition };
    }
    case undefined:
      throw invalidField(field, 'is no object');
    default:
      return assertNever(object);
  }
}
