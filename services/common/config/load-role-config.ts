import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { EngineError } from '../error.ts';
import type { ConfigValues, Role } from './config-keys.ts';
import { readConfig } from './read-config.ts';

/**
 * The configuration of a role's process from its command line (`--config FILE`, `--key-with-dashes value` or
 * `--key=value`), environment and file. @throws EngineError INVALID_CONFIGURATION
 */
export function loadRoleConfig(
  role: Role,
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ConfigValues {
  const flags = parseFlags(argv);
  const { config: path = environment['SKEIN_CONFIG'], ...keys } = flags;
  return readConfig(role, {
    file: path === undefined ? {} : readFile(path),
    environment,
    flags: keys,
  });
}

function parseFlags(argv: readonly string[]): Readonly<Record<string, string>> {
  const flags: Record<string, string> = {};
  for (let i = 0; i < argv.length; i += 1) {
    const argument = argv[i] ?? '';
    const match = /^--([a-z][a-z0-9-]*)(?:=(.*))?$/s.exec(argument);
    if (match === null) throw invalid(`unexpected argument '${argument}'; flags are --key value`);
    const value = match[2] ?? argv[(i += 1)];
    if (value === undefined) throw invalid(`the flag ${argument} needs a value`);
    flags[(match[1] ?? '').replaceAll('-', '_')] = value;
  }
  return flags;
}

function readFile(path: string): Readonly<Record<string, unknown>> {
  const content: unknown = parseYaml(path);
  if (content === null || content === undefined) return {};
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw invalid(`the configuration file ${path} is not a map of keys to values`);
  }
  return content as Record<string, unknown>;
}

function parseYaml(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError(
      'INVALID_CONFIGURATION',
      `cannot read the configuration file ${path}: ${reason}`,
      { cause },
    );
  }
}

function invalid(message: string): EngineError {
  return new EngineError('INVALID_CONFIGURATION', message);
}
