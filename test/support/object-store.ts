import { type ChildProcess, spawn } from 'node:child_process';
import http from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  type ChecksumAlgorithm,
  type ChecksumType,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { compiledBefore, compiledGo } from './compile.js';
import type { FileSet } from './files.js';
import { inRepository } from './repository.js';
import { hasProgram } from './tools.js';

const sources = inRepository('test', 'engines', 's3');
const flags = ['-buildvcs=false', '-ldflags', '-s -w'];

/** How many cases of the corpora are put into the server. Set, the server is compiled where it is not there, which takes a minute. */
export const storedCases = Number(process.env.KVDOCTOR_S3 ?? 0);

/** Why there is no S3 server here, or undefined where there is one. */
export function serverMissing(): string | undefined {
  if (compiledBefore(sources, flags) !== undefined) return undefined;
  if (storedCases === 0) return 'the S3 server has not been compiled: KVDOCTOR_S3=1 does it';
  if (!hasProgram('go')) return 'there is no go';
  try {
    compiledGo(sources, flags);
    return undefined;
  } catch (error) {
    return `the S3 server does not compile here: ${String((error as { stderr?: unknown }).stderr ?? error).slice(0, 200)}`;
  }
}

/** Answers in place of bytes. */
const refusals = {
  'slow-down': [503, 'SlowDown'],
  gone: [404, 'NoSuchKey'],
  archived: [403, 'InvalidObjectState'],
} as const;

/** A fault of the way to the server: what becomes of the nth request for a range of an object, from 0 on. */
type Answer = 'none' | keyof typeof refusals | 'cut' | 'short' | 'other-range' | 'flip';
export type Fault = (request: number, url: string) => Answer | Promise<Answer>;

const credentials = { accessKeyId: 'root', secretAccessKey: 'rootsecret' };
const settings = { forcePathStyle: true, region: 'us-east-1', credentials };

/** Bytes of a part of an upload: the least that S3 takes. */
const PART = 5 << 20;

/** A running server. */
export class StoreServer {
  private proxies: http.Server[] = [];

  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
    private readonly client: S3Client,
  ) {}

  static async start(dir: string): Promise<StoreServer> {
    const port = await freePort();
    const child = spawn(compiledGo(sources, flags), [dir, `127.0.0.1:${port}`], { stdio: 'ignore' });
    for (let tries = 0; !(await answers(port)); tries++) {
      if (tries > 200) throw new Error('the S3 server does not start');
      await setTimeout(50);
    }
    const endpoint = `http://127.0.0.1:${port}`;
    const client = new S3Client({ ...settings, endpoint });
    return new StoreServer(child, port, client);
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async makeBucket(name: string): Promise<void> {
    await this.client.send(new CreateBucketCommand({ Bucket: name }));
  }

  async put(
    bucket: string,
    prefix: string,
    files: FileSet,
    ChecksumAlgorithm?: ChecksumAlgorithm,
  ): Promise<void> {
    for (const [name, Body] of files)
      await this.client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: path.posix.join(prefix, name),
          Body,
          ...(ChecksumAlgorithm && { ChecksumAlgorithm }),
        }),
      );
  }

  /** Uploads an object in parts of 5 MiB. */
  async putInParts(
    Bucket: string,
    Key: string,
    bytes: Uint8Array,
    checksum: { ChecksumAlgorithm: ChecksumAlgorithm; ChecksumType: ChecksumType },
  ): Promise<void> {
    const place = { Bucket, Key };
    const { ChecksumAlgorithm, ChecksumType } = checksum;
    const { UploadId } = await this.client.send(new CreateMultipartUploadCommand({ ...place, ...checksum }));
    const Parts: CompletedPart[] = [];
    for (let at = 0; at < bytes.length; at += PART) {
      const part = { ...place, UploadId, PartNumber: Parts.length + 1 };
      const Body = bytes.subarray(at, at + PART);
      const sent = await this.client.send(new UploadPartCommand({ ...part, Body, ChecksumAlgorithm }));
      const { $metadata: _, ...kept } = sent;
      Parts.push({ ...kept, PartNumber: part.PartNumber });
    }
    await this.client.send(
      new CompleteMultipartUploadCommand({
        ...place,
        UploadId,
        MultipartUpload: { Parts },
        ChecksumType,
      }),
    );
  }

  /** Another endpoint of the same server, whose answers suffer from a fault, or lack the checksums of objects. */
  async through(
    fault: Fault,
    { hidesChecksums = false } = {},
  ): Promise<{ endpoint: string; requests(): number }> {
    let objects = 0;
    let all = 0;
    const proxy = http.createServer(async (request, response) => {
      all++;
      const isObject = request.headers.range !== undefined;
      const what = isObject ? await fault(objects++, request.url ?? '') : 'none';
      if (what in refusals) {
        const [status, code] = refusals[what as keyof typeof refusals];
        response.writeHead(status, { 'content-type': 'application/xml' });
        response.end(`<Error><Code>${code}</Code></Error>`);
        return;
      }
      const { method, url, headers } = request;
      const asked = http.request(
        { host: '127.0.0.1', port: this.port, method, path: url, headers },
        (answer) => {
          if (hidesChecksums) withoutChecksums(answer.headers);
          const pieces: Buffer[] = [];
          answer.on('data', (piece) => pieces.push(piece));
          answer.on('end', () => respond(response, answer, Buffer.concat(pieces), what));
        },
      );
      request.pipe(asked);
    });
    this.proxies.push(proxy);
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    return { endpoint: `http://127.0.0.1:${port}`, requests: () => all };
  }

  stop(): void {
    for (const proxy of this.proxies) {
      proxy.closeAllConnections();
      proxy.close();
    }
    this.client.destroy();
    this.child.kill();
  }
}

function withoutChecksums(headers: http.IncomingHttpHeaders): void {
  for (const name of Object.keys(headers)) if (name.startsWith('x-amz-checksum')) delete headers[name];
}

/** The byte of an object that `flip` changes. */
const FLIPPED = 0x40;

function respond(
  response: http.ServerResponse,
  { statusCode = 500, headers }: http.IncomingMessage,
  body: Buffer,
  fault: Answer,
): void {
  const half = body.subarray(0, body.length >> 1);
  if (fault === 'cut') {
    response.writeHead(statusCode, headers);
    response.write(half, () => response.destroy());
  } else if (fault === 'short') {
    response.writeHead(statusCode, { ...headers, 'content-length': half.length });
    response.end(half);
  } else if (fault === 'flip') {
    response.writeHead(statusCode, headers);
    const [, from = 0] = /(\d+)-/.exec(String(headers['content-range'])) ?? [];
    const at = FLIPPED - Number(from);
    if (at in body) body[at] ^= 8;
    response.end(body);
  } else if (fault === 'other-range') {
    const range = String(headers['content-range']).replace(
      /\d+-(\d+)/,
      (_, to) => `${Number(to) + 1}-${Number(to) + 9}`,
    );
    response.writeHead(statusCode, { ...headers, 'content-range': range });
    response.end(body);
  } else {
    response.writeHead(statusCode, headers);
    response.end(body);
  }
}

/** Runs `body` with these credentials where the SDK looks for them. */
export async function withCredentials<T>(
  { key = 'root', secret = 'rootsecret' }: { key?: string; secret?: string },
  body: () => Promise<T>,
): Promise<T> {
  const set = {
    AWS_ACCESS_KEY_ID: key,
    AWS_SECRET_ACCESS_KEY: secret,
    AWS_REGION: 'us-east-1',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  };
  const before = Object.keys(set).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, set);
  try {
    return await body();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
