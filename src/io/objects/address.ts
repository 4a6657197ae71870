/** An object in a bucket, or all objects below a prefix. */
interface ObjectAddress {
  bucket: string;
  /** Without a slash at either end; '' for a whole bucket. */
  key: string;
}

const SCHEME = 's3://';

/** Whether a target lies in an object store. */
export function isObjectAddress(target: string | Buffer): target is `s3://${string}` {
  return typeof target === 'string' && target.startsWith(SCHEME);
}

/** `s3://bucket/some/prefix`; `undefined` where there is no bucket in it. */
export function parseObjectAddress(target: string): ObjectAddress | undefined {
  const [, bucket, key = ''] = /^s3:\/\/([^/]+)(?:\/+(.*))?$/s.exec(target) ?? [];
  return bucket === undefined ? undefined : { bucket, key: key.replace(/\/+$/, '') };
}

export function objectAddress({ bucket, key }: ObjectAddress): string {
  return key === '' ? `${SCHEME}${bucket}` : `${SCHEME}${bucket}/${key}`;
}
