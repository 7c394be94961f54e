import type { ConfigValues } from '../common/config/config-keys.ts';
import { loadRoleConfig } from '../common/config/load-role-config.ts';
import { type TlsFiles, tlsFiles } from '../common/config/tls-files.ts';

export interface PlannerConfig {
  /** host:port, port 0 for a free one, or unix:PATH. */
  readonly listen: string;
  /** `DIR` or `NAME=DIR`, separated by commas. */
  readonly catalog: string;
  readonly tls: TlsFiles | undefined;
  readonly logLevel: string;
}

export function plannerConfigFromProcess(): PlannerConfig {
  return plannerConfig(loadRoleConfig('planner', process.argv.slice(2), process.env));
}

export function plannerConfig(values: ConfigValues): PlannerConfig {
  return Object.freeze({
    listen: values.planner_listen,
    catalog: values.catalog,
    tls: tlsFiles(values),
    logLevel: values.log_level,
  });
}
