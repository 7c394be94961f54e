import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { HealthService } from '../../../../proto/gen/grpc/health/v1/health.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import { RpcChannel } from '../../../../services/common/rpc/channel.ts';
import type { TlsFiles } from '../../../../services/common/config/tls-files.ts';
import {
  channelCredentials,
  clientCredentials,
  serverCredentials,
} from '../../../../services/common/rpc/credentials.ts';
import { RpcServer } from '../../../../services/common/rpc/server.ts';
import { systemClock } from '../../../../services/common/system-clock.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
let directory = '';

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
}

function createAuthority(name: string): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.pem`,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
  );
}

/** A certificate for loopback. */
function createFiles(name: string, authority: string): TlsFiles {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  writeFileSync(join(directory, `${name}.ext`), 'subjectAltName=IP:127.0.0.1');
  const signing = ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`, '-CAcreateserial'];
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    ...signing,
    '-out',
    `${name}.pem`,
    '-days',
    '2',
    '-extfile',
    `${name}.ext`,
  );
  return {
    certificateFile: join(directory, `${name}.pem`),
    keyFile: join(directory, `${name}.key`),
    caFile: join(directory, `${authority}.pem`),
  };
}

async function check(
  server: TlsFiles | undefined,
  client: TlsFiles | undefined,
  credentials = () => channelCredentials(client),
): Promise<unknown> {
  const rpcServer = new RpcServer({
    credentials: serverCredentials(server),
    clock: systemClock,
    log: silentLogger,
  });
  const port = await rpcServer.listen('127.0.0.1:0');
  onTestFinished(() => rpcServer.shutdown({ graceMs: 0 }));
  const channel = new RpcChannel({
    address: `127.0.0.1:${port}`,
    credentials: credentials(),
    clock: systemClock,
    peer: { unavailable: 'NODE_LOST', details: {} },
  });
  onTestFinished(() => channel.close());
  const { signal } = new AbortController();
  return await channel.unary(HealthService.check, { service: '' }, { signal, timeoutMs: 5_000 });
}

describe.skipIf(!hasOpenssl)('mutual TLS between processes (needs openssl)', () => {
  let own: TlsFiles;
  let foreign: TlsFiles;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'skein-tls-'));
    createAuthority('authority');
    createAuthority('stranger');
    own = createFiles('node', 'authority');
    foreign = createFiles('intruder', 'stranger');
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('lets in who shows a certificate of the same authority', async () => {
    expect(await check(own, own)).toEqual({ status: 2 });
  });

  it.each([
    ['another authority', () => ({ ...foreign, caFile: own.caFile! })],
    ['a server of another authority', () => ({ ...own, caFile: foreign.caFile! })],
    ['no certificate', () => undefined],
  ])('refuses %s', async (_who, client) => {
    await expect(check(own, client())).rejects.toMatchObject({ code: 'NODE_LOST' });
  });

  it('lets in a client that only trusts the server, unless that wants a certificate', async () => {
    const { certificateFile, keyFile, caFile } = own;
    const trusting = { caFile, certificateFile: undefined, keyFile: undefined };
    const credentials = () => clientCredentials(trusting);
    expect(await check({ certificateFile, keyFile }, undefined, credentials)).toEqual({
      status: 2,
    });
    await expect(check(own, undefined, credentials)).rejects.toMatchObject({ code: 'NODE_LOST' });
    const shown = () => clientCredentials({ ...own, caFile });
    expect(await check(own, undefined, shown)).toEqual({ status: 2 });
    const distrusting = () => clientCredentials({ ...trusting, caFile: foreign.caFile });
    await expect(check({ certificateFile, keyFile }, undefined, distrusting)).rejects.toMatchObject(
      { code: 'NODE_LOST' },
    );
  });

  it('names the PEM file that a client cannot read', () => {
    const files = { caFile: '/nonexistent.pem', certificateFile: undefined, keyFile: undefined };
    expect(() => clientCredentials(files)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CONFIGURATION',
        message: expect.stringContaining('/nonexistent.pem') as unknown,
      }),
    );
  });

  it('serves without client certificates when no authority is named', async () => {
    const { certificateFile, keyFile } = own;
    expect(await check({ certificateFile, keyFile }, own)).toEqual({ status: 2 });
  });
});
