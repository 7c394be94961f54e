import { EngineError } from '../error.ts';
import type { ConfigValues } from './config-keys.ts';

/** PEM files of one process. With `caFile` both sides show certificates (mutual TLS). */
export interface TlsFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly caFile?: string;
}

/** PEM files of one that only calls: it may trust the server's certificate without showing one. */
export interface ClientTlsFiles {
  readonly caFile: string | undefined;
  readonly certificateFile: string | undefined;
  readonly keyFile: string | undefined;
}

/** undefined = plain text. @throws EngineError INVALID_CONFIGURATION when only a part of the files is named */
export function tlsFiles(values: ConfigValues): TlsFiles | undefined {
  const certificateFile = values.tls_certificate_file;
  const keyFile = values.tls_key_file;
  const caFile = values.tls_ca_file;
  if (certificateFile === '' && keyFile === '' && caFile === '') return undefined;
  if (certificateFile === '' || keyFile === '') {
    throw new EngineError(
      'INVALID_CONFIGURATION',
      'TLS needs both tls_certificate_file and tls_key_file; leave all tls_ keys empty for plain text',
    );
  }
  return { certificateFile, keyFile, ...(caFile === '' ? {} : { caFile }) };
}
