import { readFileSync } from 'node:fs';
import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import type { ClientTlsFiles, TlsFiles } from '../config/tls-files.ts';
import { EngineError } from '../error.ts';

/** Credentials for calling other processes; without files: plain text. */
export function channelCredentials(tls: TlsFiles | undefined): ChannelCredentials {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  const ca = tls.caFile === undefined ? null : readFileSync(tls.caFile);
  return ChannelCredentials.createSsl(
    ca,
    readFileSync(tls.keyFile),
    readFileSync(tls.certificateFile),
  );
}

/**
 * Credentials of a client outside the cluster; without files: plain text.
 * @throws EngineError INVALID_CONFIGURATION for a file that cannot be read
 */
export function clientCredentials(tls: ClientTlsFiles | undefined): ChannelCredentials {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  return ChannelCredentials.createSsl(
    readPem(tls.caFile),
    readPem(tls.keyFile),
    readPem(tls.certificateFile),
  );
}

function readPem(file: string | undefined): Buffer | null {
  if (file === undefined) return null;
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new EngineError('INVALID_CONFIGURATION', `cannot read the PEM file ${file}`, { cause });
  }
}

/** Credentials for serving; without files: plain text. With a CA, callers must show a certificate of it. */
export function serverCredentials(tls: TlsFiles | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const ca = tls.caFile === undefined ? null : readFileSync(tls.caFile);
  const pair = {
    private_key: readFileSync(tls.keyFile),
    cert_chain: readFileSync(tls.certificateFile),
  };
  return ServerCredentials.createSsl(ca, [pair], ca !== null);
}
