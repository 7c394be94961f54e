/** A local S3 server (moto) behind a proxy that can refuse, fail and stall, and DuckDB's extension to speak with it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';

const PYTHON = process.env['SKEIN_TEST_PYTHON'] ?? 'python3';

const FIND_EXTENSION = `
import glob, os, moto.server, duckdb_extension_httpfs
root = os.path.dirname(duckdb_extension_httpfs.__file__)
print(glob.glob(root + '/extensions/*/httpfs.duckdb_extension')[0])
`;
const found = spawnSync(PYTHON, ['-c', FIND_EXTENSION], { encoding: 'utf8' });

/** Why there can be no S3 server here; empty when there can. */
export const whyNoS3 =
  found.status === 0
    ? ''
    : ` (skipped: ${PYTHON} has no moto[server] and duckdb-extension-httpfs; SKEIN_TEST_PYTHON names another)`;

const SERVE = `
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
`;

/** Moto checks no signature, but lets only somebody overwrite. */
const SIGNED = {
  authorization:
    'AWS4-HMAC-SHA256 Credential=someone/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0',
};

/** What the proxy does with requests: hands them on, or answers itself. */
export type ProxyMode = 'pass' | 'forbid' | 'fail';

export class S3Server {
  readonly extension = found.stdout.trim();
  mode: ProxyMode = 'pass';
  /** Methods and paths of the requests so far. */
  readonly requests: string[] = [];
  readonly #moto: ChildProcess;
  readonly #motoPort: number;
  readonly #proxy: Server;

  private constructor(moto: ChildProcess, motoPort: number) {
    this.#moto = moto;
    this.#motoPort = motoPort;
    this.#proxy = createServer((incoming, response) => this.#serve(incoming, response));
  }

  static async start(): Promise<S3Server> {
    const moto = spawn(PYTHON, ['-c', SERVE], { stdio: ['pipe', 'pipe', 'ignore'] });
    if (moto.stdout === null) throw new Error('moto has no standard output');
    const [line] = (await once(createInterface({ input: moto.stdout }), 'line')) as [string];
    const server = new S3Server(moto, Number(line));
    server.#proxy.listen(0, '127.0.0.1');
    await once(server.#proxy, 'listening');
    return server;
  }

  /** host:port */
  get endpoint(): string {
    return `127.0.0.1:${(this.#proxy.address() as AddressInfo).port}`;
  }

  /** Makes a bucket (`/bucket`) or an object (`/bucket/key`). */
  async put(path: string, content?: string | Uint8Array<ArrayBuffer>): Promise<void> {
    const url = `http://127.0.0.1:${this.#motoPort}${path}`;
    const body = content === undefined ? {} : { body: content };
    const response = await fetch(url, { method: 'PUT', headers: SIGNED, ...body });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  }

  async remove(path: string): Promise<void> {
    const url = `http://127.0.0.1:${this.#motoPort}${path}`;
    await fetch(url, { method: 'DELETE', headers: SIGNED });
  }

  async stop(): Promise<void> {
    this.#proxy.closeAllConnections();
    this.#proxy.close();
    const exited = once(this.#moto, 'exit');
    this.#moto.stdin?.end();
    this.#moto.kill();
    await exited;
  }

  #serve(incoming: IncomingMessage, response: ServerResponse): void {
    this.requests.push(`${incoming.method ?? ''} ${incoming.url ?? ''}`);
    if (this.mode !== 'pass') {
      response.writeHead(this.mode === 'forbid' ? 403 : 500);
      response.end();
      return;
    }
    const { method, url, headers } = incoming;
    const options = { port: this.#motoPort, host: '127.0.0.1', method, path: url, headers };
    const forwarded = request(options, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    incoming.pipe(forwarded);
  }
}
