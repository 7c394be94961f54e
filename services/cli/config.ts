/** What the command takes from its environment. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConfigValues, Role } from '../common/config/config-keys.ts';
import { loadRoleConfig } from '../common/config/load-role-config.ts';

export interface TerminalConfig {
  /** Command line of the pager. */
  readonly pager: string;
  readonly historyFile: string;
}

export function terminalConfig(): TerminalConfig {
  const stateDirectory = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
  return {
    pager: process.env['PAGER'] || 'less -SRFX',
    historyFile: join(stateDirectory, 'skein', 'history'),
  };
}

/** The configuration that a role's process will read, from the same sources. */
export function roleConfig(role: Role, argv: readonly string[]): ConfigValues {
  return loadRoleConfig(role, argv, process.env);
}
