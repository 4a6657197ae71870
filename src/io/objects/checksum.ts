import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { crc32c } from '../../bytes/crc32c.js';
import { Crc64Nvme } from '../../bytes/crc64nvme.js';
import type { ObjectDescriptor } from './source.js';
import { storeFor } from './store.js';

/** A checksum over bytes that come in pieces. */
interface Digest {
  update(bytes: Uint8Array): unknown;
  digest(): Buffer;
}

/** A CRC of 32 bits, from the function that goes on from an earlier value. */
class Crc32 implements Digest {
  private crc = 0;

  constructor(private readonly next: (bytes: Uint8Array, crc: number) => number) {}

  update(bytes: Uint8Array): void {
    this.crc = this.next(bytes, this.crc);
  }

  digest(): Buffer {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(this.crc >>> 0);
    return bytes;
  }
}

/** The checksum of the checksums of parts, each of `size` bytes but the last. */
class OfParts implements Digest {
  private readonly whole: Digest;
  private part: Digest;
  private left: number;

  constructor(
    private readonly begin: () => Digest,
    private readonly size: number,
  ) {
    this.whole = begin();
    this.part = begin();
    this.left = size;
  }

  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.left === 0) {
        this.whole.update(this.part.digest());
        this.part = this.begin();
        this.left = this.size;
      }
      const piece = bytes.subarray(at, at + this.left);
      this.part.update(piece);
      this.left -= piece.length;
      at += piece.length;
    }
  }

  digest(): Buffer {
    this.whole.update(this.part.digest());
    return this.whole.digest();
  }
}

/** Checksums that Amazon S3 keeps, by the field of a HeadObject answer, those of a whole object first. */
const algorithms = [
  ['ChecksumCRC64NVME', 'CRC64NVME', () => new Crc64Nvme()],
  ['ChecksumCRC32C', 'CRC32C', () => new Crc32((bytes, crc) => crc32c(bytes, 0, bytes.length, crc))],
  ['ChecksumCRC32', 'CRC32', () => new Crc32(crc32)],
  ['ChecksumSHA256', 'SHA-256', () => createHash('sha256')],
  ['ChecksumSHA1', 'SHA-1', () => createHash('sha1')],
] as const;

const md5 = () => createHash('md5');

type Head = Awaited<ReturnType<ReturnType<typeof storeFor>['head']>>;

/** A checksum that a store keeps of an object. */
interface Kept {
  name: string;
  /** As the digest gives it: without the number of parts. */
  value: Buffer;
  begin(): Digest;
  /** How many parts it is made of, where it is no checksum of the whole. */
  parts?: number;
  /** Whether another value proves that the bytes are others. It is one of the whole object, and the store says so. */
  proves: boolean;
}

/**
 * The checksum of an answer that can be compared, one of the whole object rather than one of parts. The ETag is the last choice: it is the
 * MD5 of what was uploaded in one piece or in parts, but of encrypted objects, and in other stores, something else.
 */
function keptChecksum({ ETag = '', ChecksumType, ...head }: Head): Kept | undefined {
  const single = /^"?[0-9a-f]{32}"?$/i.test(ETag);
  const all = algorithms.flatMap(([field, name, begin]): Kept[] => {
    const [value, count] = head[field]?.split('-') ?? [];
    if (value === undefined) return [];
    const whole = ChecksumType === 'FULL_OBJECT' || (ChecksumType === undefined && single);
    const parts = count === undefined ? undefined : Number(count);
    if (parts === undefined && ChecksumType === 'COMPOSITE') return [];
    return [
      {
        name,
        value: Buffer.from(value, 'base64'),
        begin,
        ...(parts !== undefined && { parts }),
        proves: whole && parts === undefined,
      },
    ];
  });
  const [, hex, count] = /^"?([0-9a-f]{32})(?:-(\d+))?"?$/i.exec(ETag) ?? [];
  if (hex !== undefined)
    all.push({
      name: 'MD5, its ETag',
      value: Buffer.from(hex, 'hex'),
      begin: md5,
      ...(count !== undefined && { parts: Number(count) }),
      proves: false,
    });
  return all.find(({ parts }) => parts === undefined) ?? all[0];
}

/** What the bytes of an object are beside the checksum that its store keeps. */
export interface ObjectChecksum {
  /** For a person: `CRC64NVME`. */
  name: string;
  /** Takes the bytes of the object in their order. */
  update(bytes: Uint8Array): void;
  /** `undefined`: they are not equal, and that proves nothing. */
  isSame(): boolean | undefined;
}

/**
 * Asks the store for the checksum of an object as it was when it was listed, which takes the right to read it and no other. `undefined` where
 * none is kept that can be compared. Rejects with a `StoreError`.
 */
export async function objectChecksum(object: ObjectDescriptor): Promise<ObjectChecksum | undefined> {
  const store = storeFor(object.store);
  const kept = keptChecksum(await store.head(object));
  if (kept === undefined) return undefined;
  const { name, value, parts } = kept;
  let digest: Digest;
  if (parts === undefined) digest = kept.begin();
  else {
    const { ContentLength: size = 0, PartsCount } = await store.head(object, 1);
    // parts of several sizes are those of programs of one's own
    if (PartsCount !== parts || Math.ceil(object.size / size) !== parts) return undefined;
    digest = new OfParts(kept.begin, size);
  }
  let bytes = 0;
  return {
    name,
    update(piece) {
      bytes += piece.length;
      digest.update(piece);
    },
    isSame() {
      const isEqual = bytes === object.size && digest.digest().equals(value);
      return isEqual || (kept.proves && bytes === object.size ? false : undefined);
    },
  };
}
