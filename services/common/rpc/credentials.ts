import { readFileSync } from 'node:fs';
import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import type { TlsFiles } from '../config/tls-files.ts';

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
