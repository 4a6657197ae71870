import { setFlagsFromString } from 'node:v8';
import { isMainThread } from 'node:worker_threads';
import type { S3Client } from '@aws-sdk/client-s3';
import type { StoreSettings } from '../../bytes/source.js';
import { objectAddress } from './address.js';
import { StoreError, storeError } from './store-error.js';
import { addTraffic } from './traffic.js';

type Sdk = typeof import('@aws-sdk/client-s3');

/** Requests of one thread under way at once at most. */
const CONNECTIONS = 32;

/** Milliseconds for a connection, and for each further answer on one. */
const TO_CONNECT = 10_000;
const TO_ANSWER = 20_000;

/** Times that a request is made, with a pause before each further one that the SDK doubles. */
const ATTEMPTS = 6;

/**
 * What comes over a connection is memory outside of the heap, in pieces of 64 KiB, and the collector of a small heap would run for every few
 * of them: a third of all processor time.
 */
const GROWING = '--heap-growing-percent=200';

/** Where a bucket is that nothing says the region of: the answer to the first request says where it really is. */
const DEFAULT_REGION = 'us-east-1';

/** One object store as one thread asks it. */
export class ObjectStore {
  private connected: Promise<{ sdk: Sdk; client: S3Client }> | undefined;

  constructor(private readonly settings: StoreSettings) {}

  /** Where requests go, for a person. */
  get endpoint(): string {
    return this.settings.endpoint ?? 'Amazon S3';
  }

  /** One page of the names below a prefix. With `delimiter`, deeper ones as the prefixes that they have in common. */
  list(bucket: string, prefix: string, more: { delimiter?: string; token?: string; most?: number }) {
    return this.asking({ bucket, key: prefix.replace(/\/$/, '') }, ({ sdk, client }) =>
      client.send(
        new sdk.ListObjectsV2Command({
          Bucket: bucket,
          Prefix: prefix,
          ...(more.delimiter !== undefined && { Delimiter: more.delimiter }),
          ...(more.token !== undefined && { ContinuationToken: more.token }),
          ...(more.most !== undefined && { MaxKeys: more.most }),
          ...this.payer(),
        }),
      ),
    );
  }

  /** The answer to a request for a range of an object as it was when it had that ETag. */
  get(
    { bucket, key, etag }: { bucket: string; key: string; etag?: string },
    { from, to }: { from: number; to: number },
    signal: AbortSignal,
  ) {
    return this.asking({ bucket, key }, ({ sdk, client }) =>
      client.send(
        new sdk.GetObjectCommand({
          Bucket: bucket,
          Key: key,
          Range: `bytes=${from}-${to - 1}`,
          ...(etag !== undefined && { IfMatch: etag }),
          ...this.payer(),
          ...this.customerKey(),
        }),
        { abortSignal: signal },
      ),
    );
  }

  /**
   * What the store notes of an object as it was when it had that ETag, with the checksum that it keeps. With `part`, one of those that it was
   * uploaded in, from 1 on.
   */
  head({ bucket, key, etag }: { bucket: string; key: string; etag?: string }, part?: number) {
    return this.asking({ bucket, key }, ({ sdk, client }) =>
      client.send(
        new sdk.HeadObjectCommand({
          Bucket: bucket,
          Key: key,
          ChecksumMode: 'ENABLED',
          ...(etag !== undefined && { IfMatch: etag }),
          ...(part !== undefined && { PartNumber: part }),
          ...this.payer(),
          ...this.customerKey(),
        }),
      ),
    );
  }

  /** What an error of a request, or of the body of its answer, says. */
  explained(error: unknown, address: { bucket: string; key: string }): unknown {
    return storeError(error, {
      path: objectAddress(address),
      bucket: address.bucket,
      endpoint: this.endpoint,
    });
  }

  private async asking<T>(
    address: { bucket: string; key: string },
    request: (connected: { sdk: Sdk; client: S3Client }) => Promise<T>,
  ): Promise<T> {
    this.connected ??= this.connect(objectAddress(address));
    try {
      const connected = await this.connected;
      addTraffic({ requests: 1, bytes: 0 });
      return await request(connected);
    } catch (error) {
      throw this.explained(error, address);
    }
  }

  private payer() {
    return this.settings.requesterPays ? { RequestPayer: 'requester' as const } : {};
  }

  private customerKey() {
    const { customerKey } = this.settings;
    return customerKey === undefined ? {} : { SSECustomerAlgorithm: 'AES256', SSECustomerKey: customerKey };
  }

  private async connect(path: string): Promise<{ sdk: Sdk; client: S3Client }> {
    const sdk = await loadSdk(path);
    if (isMainThread) setFlagsFromString(GROWING);
    const { endpoint, pathStyle = endpoint !== undefined } = this.settings;
    const settings = {
      ...(endpoint !== undefined && { endpoint }),
      ...(pathStyle && { forcePathStyle: true }),
      followRegionRedirects: true,
      maxAttempts: ATTEMPTS,
      // they are there for whole objects only, and a table has its own
      requestChecksumCalculation: 'WHEN_REQUIRED' as const,
      responseChecksumValidation: 'WHEN_REQUIRED' as const,
      requestHandler: {
        connectionTimeout: TO_CONNECT,
        socketTimeout: TO_ANSWER,
        httpAgent: { keepAlive: true, maxSockets: CONNECTIONS },
        httpsAgent: { keepAlive: true, maxSockets: CONNECTIONS },
      },
    };
    const client = new sdk.S3Client(settings);
    const isPlaced = await client.config.region().then(
      () => true,
      () => false,
    );
    return { sdk, client: isPlaced ? client : new sdk.S3Client({ ...settings, region: DEFAULT_REGION }) };
  }
}

async function loadSdk(path: string): Promise<Sdk> {
  try {
    return await import('@aws-sdk/client-s3');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new StoreError(
      'no-package',
      path,
      'object stores are read with the package @aws-sdk/client-s3, which is not installed: npm install @aws-sdk/client-s3, with --global where kvdoctor is',
    );
  }
}

/** Each with its connections, for as long as the thread lives. */
const stores = new Map<string, ObjectStore>();

/** The store that these settings lead to; the same one each time. */
export function storeFor(settings: StoreSettings): ObjectStore {
  const name = JSON.stringify(settings);
  const known = stores.get(name) ?? new ObjectStore(settings);
  stores.set(name, known);
  return known;
}
