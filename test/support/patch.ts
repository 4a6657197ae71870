import {
  fixBlobFooter,
  fixBlobRecord,
  fixBlock,
  fixFooter,
  fixRecord,
  fixTitanFooter,
  fixTitanRecord,
  isRecyclable,
} from './checksum.js';
import { type FileSet, fixture } from './files.js';

/*
 * Damage as text, one patch a line, so that a reviewer reads what was done:
 *
 *   flip FILE 0x7fc1.5              one bit (0 = least significant)
 *   write FILE 0x10 6b31            bytes in hex, or "text"
 *   zero FILE 0x1000 4096           offset, length
 *   truncate FILE 0x8000            new size
 *   append FILE 00ff                bytes at the end
 *   insert FILE 0x10 00ff           bytes in between; the rest moves
 *   cut FILE 0x10 7                 offset, length; the rest moves
 *   crlf FILE                       every LF that has no CR before it gets one
 *   replace FILE "old" "new"        the first occurrence of a text
 *   create FILE "text"              a new file
 *   remove FILE
 *   copy FROM TO                    move FROM TO             swap A B
 *   take FIXTURE FILE TO            a file of another shipped database
 *   append-record FILE 1 0203…      a log record of that type, framed and checksummed
 *   fix-record FILE 0x7a3a          right CRC for the log record that starts there
 *   fix-block FILE 0x0 0x48         right checksum for the table block with that payload (offset, size)
 *   fix-footer FILE                 right checksum for the footer of a table of format version 6 or 7
 *   fix-blob FILE 0x1e              right CRCs for the blob record that starts there
 *   fix-blob-footer FILE
 *   fix-titan FILE 0x14             right CRC for the record of a blob file of Titan that starts there
 *   fix-titan-footer FILE
 *
 * Offsets are decimal or 0x…; `end-53` counts from the end of the file.
 */

const LOG_BLOCK = 32768;

/** Splits a line at blanks; a double-quoted word keeps its blanks and knows \n, \" and \\. */
function words(line: string): string[] {
  return [...line.matchAll(/"(?:[^"\\]|\\.)*"|\S+/g)].map((match) => match[0]);
}

function bytesOf(word: string): Uint8Array {
  if (word.startsWith('"')) return Buffer.from(JSON.parse(word));
  if (!/^([0-9a-f]{2})*$/i.test(word)) throw new Error(`not hex: ${word}`);
  return Buffer.from(word, 'hex');
}

function numberOf(word: string, size: number): number {
  const [, end, digits] = /^(end-)?(0x[0-9a-f]+|\d+|)$/i.exec(word === 'end' ? 'end-0' : word) ?? [];
  if (digits === undefined || digits === '') throw new Error(`not a number: ${word}`);
  return end ? size - Number(digits) : Number(digits);
}

function splice(file: Uint8Array, offset: number, remove: number, insert: Uint8Array): Uint8Array {
  return Buffer.concat([file.subarray(0, offset), insert, file.subarray(offset + remove)]);
}

/**
 * A log record at the end of a file: zeros up to the next block where its header does not fit, as the engine writes. The
 * payload of a recyclable type begins with its log number.
 */
export function appendRecord(file: Uint8Array, type: number, payload: Uint8Array): Uint8Array {
  const inHeader = isRecyclable(type) ? 4 : 0;
  const left = LOG_BLOCK - (file.length % LOG_BLOCK);
  const start = left < 7 ? file.length + left : file.length;
  if ((start % LOG_BLOCK) + 7 + payload.length > LOG_BLOCK)
    throw new Error('the record does not fit its block');
  const out = new Uint8Array(start + 7 + payload.length);
  out.set(file);
  new DataView(out.buffer).setUint16(start + 4, payload.length - inHeader, true);
  out[start + 6] = type;
  out.set(payload, start + 7);
  fixRecord(out, start);
  return out;
}

function read(files: FileSet, name: string): Uint8Array {
  const bytes = files.get(name);
  if (!bytes) throw new Error(`no file ${name} (there are ${[...files.keys()].join(' ')})`);
  return bytes;
}

async function patchBytes(verb: string, file: Uint8Array, args: string[]): Promise<Uint8Array> {
  const number = (index: number) => numberOf(args[index] ?? '', file.length);
  const copy = Uint8Array.from(file);
  switch (verb) {
    case 'flip': {
      const [offset, bit] = args[0].split('.');
      copy[numberOf(offset, file.length)] ^= 1 << Number(bit);
      return copy;
    }
    case 'write': {
      const bytes = bytesOf(args[1]);
      if (number(0) + bytes.length > file.length) throw new Error('write past the end');
      copy.set(bytes, number(0));
      return copy;
    }
    case 'zero':
      return copy.fill(0, number(0), number(0) + number(1));
    case 'truncate':
      return copy.slice(0, number(0));
    case 'append':
      return splice(file, file.length, 0, bytesOf(args[0]));
    case 'insert':
      return splice(file, number(0), 0, bytesOf(args[1]));
    case 'cut':
      return splice(file, number(0), number(1), new Uint8Array(0));
    case 'crlf':
      return Buffer.from(
        Buffer.from(file)
          .toString('latin1')
          .replace(/(?<!\r)\n/g, '\r\n'),
        'latin1',
      );
    case 'replace': {
      const from = bytesOf(args[0]);
      const at = Buffer.from(file).indexOf(from);
      if (at < 0) throw new Error(`${args[0]} is not in the file`);
      return splice(file, at, from.length, bytesOf(args[1]));
    }
    case 'append-record':
      return appendRecord(file, number(0), bytesOf(args[1] ?? ''));
    case 'fix-record':
      fixRecord(copy, number(0));
      return copy;
    case 'fix-block':
      await fixBlock(copy, number(0), number(1));
      return copy;
    case 'fix-footer':
      await fixFooter(copy);
      return copy;
    case 'fix-blob':
      fixBlobRecord(copy, number(0));
      return copy;
    case 'fix-blob-footer':
      fixBlobFooter(copy);
      return copy;
    case 'fix-titan':
      fixTitanRecord(copy, number(0));
      return copy;
    case 'fix-titan-footer':
      fixTitanFooter(copy);
      return copy;
    default:
      throw new Error(`unknown patch ${verb}`);
  }
}

async function applyPatch(files: FileSet, line: string): Promise<void> {
  const [verb, name, ...args] = words(line);
  if (verb === 'create') files.set(name, bytesOf(args[0] ?? '""'));
  else if (verb === 'take') files.set(args[1], read(fixture(name), args[0]));
  else if (verb === 'copy') files.set(args[0], read(files, name));
  else if (verb === 'remove' || verb === 'move' || verb === 'swap') {
    const bytes = read(files, name);
    if (verb === 'swap') files.set(name, read(files, args[0]));
    else files.delete(name);
    if (verb !== 'remove') files.set(args[0], bytes);
  } else files.set(name, await patchBytes(verb, read(files, name), args));
}

/** Applies patches in order. `files` itself changes, its contents do not (a changed file is a new array). */
export async function applyPatches(files: FileSet, patches: readonly string[]): Promise<FileSet> {
  for (const line of patches) {
    try {
      await applyPatch(files, line);
    } catch (error) {
      throw new Error(`${line}: ${(error as Error).message}`);
    }
  }
  return files;
}
