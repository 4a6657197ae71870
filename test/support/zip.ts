import { crc32, deflateRawSync } from 'node:zlib';
import type { FileSet } from './files.js';

const DEFLATED = 8;

/**
 * A zip archive of files (PKWARE APPNOTE 4.3): a local header and the file's bytes each, then the directory and what says where that is.
 * `method` 0 stores them as they are.
 */
export function zipOf(files: FileSet, prefix = '', method: 0 | 8 = DEFLATED): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [path, bytes] of files) {
    const name = Buffer.from(prefix + path);
    const packed = method === DEFLATED ? deflateRawSync(bytes) : Buffer.from(bytes);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(method, 4);
    shared.writeUInt16LE(0x21, 8);
    shared.writeUInt32LE(crc32(bytes), 10);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(bytes.length, 18);
    shared.writeUInt16LE(name.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(at, 10);
    const made = Buffer.from([20, 0]);
    directory.push(Buffer.from('PK\x01\x02'), made, shared, place, name);
    const member = Buffer.concat([Buffer.from('PK\x03\x04'), shared, name, packed]);
    parts.push(member);
    at += member.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.size, 4);
  end.writeUInt16LE(files.size, 6);
  end.writeUInt32LE(listed.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...parts, listed, Buffer.from('PK\x05\x06'), end]);
}
