import { EngineError } from '../error.ts';
import { CONFIG_KEYS, type ConfigKeyName, type ConfigValues, type Role } from './config-keys.ts';

/** Where values come from, weakest first; each maps key names to texts. */
export interface ConfigSources {
  /** The parsed YAML file. */
  readonly file: Readonly<Record<string, unknown>>;
  /** The process's environment; only SKEIN_… names count. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Flags, already as key names. */
  readonly flags: Readonly<Record<string, string>>;
}

/** Environment variables that are not configuration keys. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set(['SKEIN_CONFIG', 'SKEIN_SUPERVISED']);
const TEST_VARIABLE = /^SKEIN_(TEST|BENCH)_/;

export function environmentVariable(key: string): string {
  return `SKEIN_${key.toUpperCase()}`;
}

/**
 * The configuration of a role. Errors are INVALID_CONFIGURATION and name key, source and the form of a value.
 * A SKEIN_ variable of another role is accepted, since one environment often serves a whole process tree.
 */
export function readConfig(role: Role, sources: ConfigSources): ConfigValues {
  const values: Record<string, unknown> = {};
  for (const [name, key] of Object.entries(CONFIG_KEYS)) values[name] = key.defaultValue;
  for (const [name, value] of Object.entries(sources.file)) {
    values[name] = parseValue({
      name,
      text: scalarText(name, value),
      source: 'the configuration file',
      role,
    });
  }
  for (const [variable, text] of Object.entries(sources.environment)) {
    if (!variable.startsWith('SKEIN_') || text === undefined) continue;
    if (OTHER_VARIABLES.has(variable) || TEST_VARIABLE.test(variable)) continue;
    const name = variable.slice('SKEIN_'.length).toLowerCase();
    values[name] = parseValue({
      name,
      text,
      source: `the environment variable ${variable}`,
      role: undefined,
    });
  }
  for (const [name, text] of Object.entries(sources.flags)) {
    values[name] = parseValue({
      name,
      text,
      source: `the flag --${name.replaceAll('_', '-')}`,
      role,
    });
  }
  return Object.freeze(values) as ConfigValues;
}

function parseValue(given: {
  readonly name: string;
  readonly text: string;
  readonly source: string;
  readonly role: Role | undefined;
}): unknown {
  const { name, text, source, role } = given;
  if (!Object.hasOwn(CONFIG_KEYS, name)) {
    throw invalid(name, `unknown configuration key ${name} in ${source}`);
  }
  const key = CONFIG_KEYS[name as ConfigKeyName];
  const roles: readonly Role[] = key.roles;
  if (role !== undefined && !roles.includes(role)) {
    throw invalid(
      name,
      `${name} in ${source} is not a key of a ${role}; it is one of: ${roles.join(', ')}`,
    );
  }
  const value: unknown = key.parse(text);
  if (value === undefined)
    throw invalid(name, `${name} in ${source} cannot be '${text}'; it is ${key.form}`);
  return value;
}

function scalarText(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value) && value.every((item) => typeof item === 'string'))
    return value.join(',');
  throw invalid(name, `${name} in the configuration file must be a single value`);
}

function invalid(key: string, message: string): EngineError {
  return new EngineError('INVALID_CONFIGURATION', message, { details: { key } });
}
