/*
 * `file.dict` of a TiKV store: which of its files are encrypted, how and with which key (tikv components/encryption/src/file_dict_file.rs,
 * encrypted_file/header.rs). Numbers are big-endian, checksums CRC-32:
 *
 *   | version u8 | 0 0 0 | crc u32 | size u64 | content[size] |                                  1 or 2
 *   | crc u32 | name length u16 | info length u16 | 1 insert, 2 remove | name | info |           in 2, up to the end
 *
 * The content is FileDictionary { 1 map<name, FileInfo { 1 method, 2 key id, 3 iv }> }, in version 1 within EncryptedContent { 2 content }.
 * Names are paths. A file that is not named is not encrypted.
 */
import { crc32 } from 'node:zlib';
import { u32BigEndian } from '../bytes/u32.js';
import { ProtoMessage, protoFields } from './protobuf.js';

/** Methods of encryption (kvproto encryptionpb.EncryptionMethod); up to 1 nothing is encrypted. */
const METHODS = ['unknown', 'plaintext', 'AES-128-CTR', 'AES-192-CTR', 'AES-256-CTR', 'SM4-CTR'];
const PLAINTEXT = 1;
const HEADER = 16;
const RECORD_HEADER = 9;
const [INSERT, REMOVE] = [1, 2];
/** Names that are kept. */
const MOST_NAMES = 1 << 20;

interface EncryptedFile {
  /** As words. */
  method: string;
  keyId: bigint;
}

export interface FileDictionary {
  version: number;
  /** Files that are encrypted, by the path that they had. */
  encrypted: Map<string, EncryptedFile>;
  /** Names in all, of files that are not encrypted too. */
  names: number;
  /** Why what follows is not known. */
  error?: string;
}

/** Decodes it up to what is wrong. Never throws on input. */
export function decodeFileDictionary(bytes: Uint8Array): FileDictionary {
  const dictionary: FileDictionary = { version: bytes[0] ?? 0, encrypted: new Map(), names: 0 };
  const failed = (error: string): FileDictionary => ({ ...dictionary, error });
  const { version, encrypted } = dictionary;
  if (bytes.length < HEADER) return failed('it is shorter than its header');
  if (version !== 1 && version !== 2) return failed(`version ${version} does not exist`);
  const size = u32BigEndian(bytes, 8) * 2 ** 32 + u32BigEndian(bytes, 12);
  const end = HEADER + size;
  if (end > bytes.length || (version === 1 && end < bytes.length))
    return failed(`it says that it has ${size} bytes`);
  const content = bytes.subarray(HEADER, end);
  if (crc32(content) !== u32BigEndian(bytes, 4)) return failed('it does not match its checksum');
  const files = version === 2 ? content : ProtoMessage.read(content)?.bytes(2);
  const entries = files && protoFields(files, MOST_NAMES);
  if (entries === undefined) return failed('it does not decode');
  const known = new Set<string>();
  const insert = (name: string, info: Uint8Array) => {
    const message = ProtoMessage.read(info);
    if (message === undefined || known.size >= MOST_NAMES) return false;
    known.add(name);
    const method = Number(message.integer(1));
    if (method > PLAINTEXT)
      encrypted.set(name, { method: METHODS[method] ?? `method ${method}`, keyId: message.integer(2) });
    else encrypted.delete(name);
    return !message.wrong;
  };
  for (const { number, bytes: entry } of entries) {
    const pair = number === 1 && entry !== undefined ? ProtoMessage.read(entry) : undefined;
    if (pair === undefined || !insert(textOf(pair.bytes(1)), pair.bytes(2)))
      return failed('an entry does not decode');
  }
  const error = version === 2 ? records(bytes, end, insert, known, encrypted) : undefined;
  return { ...dictionary, names: known.size, ...(error && { error }) };
}

/** Applies the records after the content. Returns what is wrong with the first that is. */
function records(
  bytes: Uint8Array,
  from: number,
  insert: (name: string, info: Uint8Array) => boolean,
  known: Set<string>,
  encrypted: Map<string, EncryptedFile>,
): string | undefined {
  for (let at = from; at < bytes.length; ) {
    const [nameLength, infoLength] = [
      u32BigEndian(bytes, at + 4) >>> 16,
      u32BigEndian(bytes, at + 4) & 0xffff,
    ];
    const [start, end] = [at + RECORD_HEADER, at + RECORD_HEADER + nameLength + infoLength];
    if (end > bytes.length) return `the file ends inside a record at ${at}`;
    if (crc32(bytes.subarray(start, end)) !== u32BigEndian(bytes, at))
      return `the record at ${at} does not match its checksum`;
    const name = textOf(bytes.subarray(start, start + nameLength));
    const kind = bytes[at + 8];
    if (kind === REMOVE) {
      if (!known.delete(name)) return `the record at ${at} removes a file that is not named`;
      encrypted.delete(name);
    } else if (kind !== INSERT || !insert(name, bytes.subarray(start + nameLength, end)))
      return `the record at ${at} does not decode`;
    at = end;
  }
  return undefined;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

/** Encrypted files of a directory by name, wherever the store lay: those in a directory of the same name. */
export function encryptedIn({ encrypted }: FileDictionary, directory: string): Map<string, EncryptedFile> {
  const found = new Map<string, EncryptedFile>();
  for (const [path, file] of encrypted) {
    const cut = path.lastIndexOf('/');
    if (cut >= 0 && path.slice(0, cut).endsWith(`/${directory}`)) found.set(path.slice(cut + 1), file);
  }
  return found;
}
