import type { ConfigValues } from '../common/config/config-keys.ts';
import { loadRoleConfig } from '../common/config/load-role-config.ts';
import { type TlsFiles, tlsFiles } from '../common/config/tls-files.ts';

export interface GatewayConfig {
  readonly host: string;
  /** 0 = a free one. */
  readonly port: number;
  readonly coordinatorAddress: string;
  /** Empty = random: sessions then end with this process. */
  readonly sessionSecret: string;
  readonly resultBufferBytes: number;
  readonly disconnectGraceMs: number;
  /** Session properties that hold where neither session nor request say otherwise. */
  readonly sessionDefaults: Readonly<Record<string, string>>;
  readonly tls: TlsFiles | undefined;
  readonly logLevel: string;
}

export function gatewayConfigFromProcess(): GatewayConfig {
  return gatewayConfig(loadRoleConfig('gateway', process.argv.slice(2), process.env));
}

export function gatewayConfig(values: ConfigValues): GatewayConfig {
  return Object.freeze({
    host: values.host,
    port: values.gateway_port,
    coordinatorAddress: values.coordinator_address,
    sessionSecret: values.session_secret,
    resultBufferBytes: values.result_buffer,
    disconnectGraceMs: values.client_disconnect_grace,
    sessionDefaults: values.session_defaults,
    tls: tlsFiles(values),
    logLevel: values.log_level,
  });
}
