import fs from 'node:fs';
import path from 'node:path';
import { ByteBuilder } from '../src/encode/byte-builder.js';
import { LogWriter } from '../src/encode/log/writer.js';
import { tags } from '../src/format/manifest/tags.js';
import { batch, FIRST, type LimitInput, operation, withEdits, withLog } from './limits-inputs.js';

/*
 * Inputs that are many of one thing: files, WALs, MANIFESTs, transactions, damaged records; and metadata files of a size that none
 * has. Each begins as a healthy database.
 */

const MANIFEST = 'MANIFEST-000005';
const LOG = '000030.log';
const PUT = 1;
const END_PREPARE = 10;
const BEGIN_PREPARE = 9;

const text = (value: string): Uint8Array => Buffer.from(value, 'latin1');
const none = function* (): Generator<Uint8Array> {};

/** A database and, beside its files, others. */
function withFiles(target: string, count: number, file: (i: number) => [string, Uint8Array]): void {
  withEdits(target, none);
  for (let i = 0; i < count; i++) {
    const [name, bytes] = file(i);
    fs.writeFileSync(path.join(target, name), bytes);
  }
}

/** Edits of a thousand entries each. */
function* entries(count: number, put: (edit: ByteBuilder, i: number) => void): Generator<Uint8Array> {
  for (let at = 0; at < count; at += 1000) {
    const edit = new ByteBuilder();
    for (let i = at; i < Math.min(count, at + 1000); i++) put(edit, i);
    yield edit.finish();
  }
  yield new ByteBuilder().varint(tags.nextFileNumber).varint(1_000_000_000).finish();
}

const numbered = (number: number, end: string) => `${String(number).padStart(6, '0')}${end}`;

export const crowds: LimitInput[] = [
  {
    name: 'manifest-wals',
    about: 'MANIFEST that tracks 10^6 WALs',
    inspects: MANIFEST,
    make: (target) =>
      withEdits(target, () =>
        entries(1_000_000, (edit, i) => {
          const wal = new ByteBuilder().varint(1000 + i).varint(1);
          edit.varint(tags.walAddition2).lengthPrefixed(wal.finish());
        }),
      ),
  },
  {
    name: 'manifest-blobs',
    about: 'MANIFEST with 10^6 blob files',
    inspects: MANIFEST,
    make: (target) =>
      withEdits(target, () =>
        entries(1_000_000, (edit, i) => {
          edit
            .varint(tags.blobFileAddition)
            .varint(1000 + i)
            .varint(1)
            .varint(1000);
          edit.lengthPrefixed(text('')).lengthPrefixed(text('')).varint(0);
        }),
      ),
  },
  {
    name: 'current-large',
    about: 'CURRENT of 300 MB',
    make: (target) => withFiles(target, 1, () => ['CURRENT', new Uint8Array(300_000_000).fill(0x41)]),
  },
  {
    name: 'options-large',
    about: 'OPTIONS of 300 MB',
    make: (target) => withFiles(target, 1, () => ['OPTIONS-900000', new Uint8Array(300_000_000).fill(0x41)]),
  },
  {
    name: 'files-100k',
    about: '100,000 files that are not of the database',
    make: (target) => withFiles(target, 100_000, (i) => [`file-${i}`, new Uint8Array(0)]),
  },
  {
    name: 'wals-20k',
    about: '20,000 WALs of one batch',
    make: (target) =>
      withFiles(target, 20_000, (i) => {
        const bytes = batch(FIRST + i, 1, operation(PUT, `k${i}`, text('v')));
        return [numbered(100 + i, '.log'), new LogWriter().record(bytes)];
      }),
  },
  {
    name: 'manifests-5k',
    about: '5,000 MANIFESTs',
    make(target) {
      withEdits(target, none);
      const bytes = fs.readFileSync(path.join(target, MANIFEST));
      for (let i = 0; i < 5000; i++)
        fs.writeFileSync(path.join(target, `MANIFEST-${String(1000 + i).padStart(6, '0')}`), bytes);
    },
  },
  {
    name: 'wal-transactions',
    about: 'WAL with 10^6 prepared transactions',
    inspects: LOG,
    make: (target) =>
      withLog(target, function* () {
        for (let i = 0; i < 1_000_000; i++) {
          const prepared = new ByteBuilder()
            .varint(BEGIN_PREPARE)
            .raw(operation(PUT, 'k1', text('v')))
            .varint(END_PREPARE)
            .lengthPrefixed(text(`x${i}`));
          yield batch(FIRST + i, 1, prepared.finish());
        }
      }),
  },
  {
    name: 'wal-bad-records',
    about: 'WAL with 600,000 records whose checksums do not match',
    inspects: LOG,
    make(target) {
      withLog(target, function* () {
        for (let i = 0; i < 600_000; i++) yield batch(FIRST + i, 1, operation(PUT, `k${i}`, text('v')));
      });
      const file = path.join(target, LOG);
      const bytes = fs.readFileSync(file);
      for (let at = 0; at + 7 < bytes.length; ) {
        const length = bytes.readUInt16LE(at + 4);
        const left = 32_768 - (at % 32_768);
        if (left < 7) {
          at += left;
          continue;
        }
        bytes[at] ^= 1;
        at += 7 + length;
      }
      fs.writeFileSync(file, bytes);
    },
  },
];
