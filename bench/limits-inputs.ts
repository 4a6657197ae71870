import fs from 'node:fs';
import path from 'node:path';
import { ByteBuilder } from '../src/encode/byte-builder.js';
import { encodeLogRecords, encodePhysical, LogWriter } from '../src/encode/log/writer.js';
import { RecordType } from '../src/format/log/types.js';
import { tags } from '../src/format/manifest/tags.js';
import { writeManyTables } from '../test/support/many-tables.js';
import { inRepository } from '../test/support/repository.js';

/** A hostile or very large input: what it is, and the file of it that `inspect` reads. */
export interface LimitInput {
  name: string;
  about: string;
  /** What is given to `inspect`, below the directory. */
  inspects?: string;
  /** What it is, where it is no directory. */
  is?: 'archive' | 'report';
  make(target: string): void | Promise<void>;
}

const BASE = 'fixtures/basic-7.8';
const MANIFEST = 'MANIFEST-000005';
/** The number of a log after those of the base, the newest. */
const LOG = '000030.log';
/** Payload bytes of a physical record that fills a block. */
export const FULL = 32_768 - 7;

const text = (value: string): Uint8Array => Buffer.from(value, 'latin1');

function withBase(target: string, base = BASE): void {
  fs.cpSync(inRepository(base), target, { recursive: true });
}

/** Appends pieces to a file in writes of some MiB. */
class Appender {
  private readonly handle: number;
  private held: Uint8Array[] = [];
  private bytes = 0;

  constructor(file: string) {
    this.handle = fs.openSync(file, 'a');
  }

  put(piece: Uint8Array): void {
    this.held.push(piece);
    this.bytes += piece.length;
    if (this.bytes >= 1 << 22) this.flush();
  }

  close(): void {
    this.flush();
    fs.closeSync(this.handle);
  }

  private flush(): void {
    fs.writeSync(this.handle, Buffer.concat(this.held));
    this.held = [];
    this.bytes = 0;
  }
}

/** A batch: sequence, count, and operations as they stand in it. */
export function batch(sequence: number, count: number, operations: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + operations.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(sequence), true);
  view.setUint32(8, count, true);
  bytes.set(operations, 12);
  return bytes;
}

const PUT = 1;
const MERGE = 2;

export function operation(type: number, key: string, value: Uint8Array): Uint8Array {
  return new ByteBuilder().varint(type).lengthPrefixed(text(key)).lengthPrefixed(value).finish();
}

/** Sequences after those of the base. */
export const FIRST = 1_000_000;

export function withLog(target: string, batches: () => Iterable<Uint8Array>, base = BASE): void {
  withBase(target, base);
  const out = new Appender(path.join(target, LOG));
  const writer = new LogWriter();
  for (const each of batches()) out.put(writer.record(each));
  out.close();
}

export function withEdits(target: string, edits: () => Iterable<Uint8Array>): void {
  withBase(target);
  const file = path.join(target, MANIFEST);
  let at = fs.statSync(file).size;
  const out = new Appender(file);
  for (const edit of edits()) {
    const bytes = encodeLogRecords([edit], at);
    at += bytes.length;
    out.put(bytes);
  }
  out.close();
}

const internal = (key: string): Uint8Array =>
  Buffer.concat([text(key), Buffer.from([1, 1, 0, 0, 0, 0, 0, 0])]);

/** Edits that add tables that are not there, on the last level, one after the other. */
export function* missingTables(count: number): Generator<Uint8Array> {
  const each = 1000;
  for (let at = 0; at < count; at += each) {
    const edit = new ByteBuilder();
    for (let i = at; i < Math.min(count, at + each); i++) {
      const key = `z${String(i).padStart(8, '0')}`;
      edit
        .varint(tags.newFile2)
        .varint(6)
        .varint(1000 + i)
        .varint(1000);
      edit
        .lengthPrefixed(internal(`${key}a`))
        .lengthPrefixed(internal(`${key}b`))
        .varint(1)
        .varint(1);
    }
    yield edit.finish();
  }
  yield new ByteBuilder().varint(tags.nextFileNumber).varint(1_000_000_000).finish();
}

/** A record in fragments of a whole block each, all with good checksums. */
export function fragments(target: string, blocks: number, ends: boolean): void {
  withBase(target);
  const out = new Appender(path.join(target, LOG));
  const filler = new Uint8Array(FULL).fill(0x61);
  const length = FULL * blocks;
  const head = batch(
    FIRST,
    1,
    new ByteBuilder()
      .varint(PUT)
      .lengthPrefixed(text('k'))
      .varint(length - 20)
      .finish(),
  );
  const first = filler.slice();
  first.set(head);
  out.put(encodePhysical(RecordType.first, first));
  const middle = encodePhysical(RecordType.middle, filler);
  for (let i = 2; i < blocks; i++) out.put(middle);
  if (ends) out.put(encodePhysical(RecordType.last, filler));
  out.close();
}

function member(name: string, bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 'latin1');
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((a, b) => a + b, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

export function withMembers(target: string, more: () => Iterable<string>): void {
  const out = new Appender(target);
  for (const name of fs.readdirSync(inRepository(BASE)))
    out.put(member(`db/${name}`, fs.readFileSync(inRepository(BASE, name))));
  const none = new Uint8Array(0);
  for (const name of more()) out.put(member(name, none));
  out.put(new Uint8Array(1024));
  out.close();
}

/** A report of one finding after the other. */
function report(target: string, size: number): void {
  const summary = {
    verdict: 'damaged',
    targets: 1,
    files: 0,
    errors: 0,
    warnings: 0,
    notes: 0,
    unchecked: 0,
    bytes: 0,
    bytesRead: 0,
    depth: 'full',
    startedAt: '2026-01-01T00:00:00.000Z',
    milliseconds: 1,
    interrupted: false,
  };
  const head = JSON.stringify({
    schemaVersion: 1,
    tool: { name: 'kvdoctor', version: '0' },
    verdict: 'damaged',
    summary,
  });
  const about = {
    path: 'db',
    kind: 'database',
    engine: { name: 'rocksdb' },
    options: { walRecoveryMode: 'point-in-time' },
  };
  const out = new Appender(target);
  out.put(
    text(
      `${head.slice(0, -1)},"targets":[${JSON.stringify(about).slice(0, -1)},"columnFamilies":[],"files":[],`,
    ),
  );
  out.put(text('"unchecked":[],"bytesRead":0,"findings":['));
  let written = 0;
  for (let i = 0; written < size; i++) {
    const finding = {
      rule: 'directory/missing-table',
      severity: 'error',
      file: `${padded(i)}.sst`,
      message: 'MANIFEST-000005 names the table; it is not there',
      evidence: { level: 6, size: '1000' },
    };
    const piece = text(`${i === 0 ? '' : ','}${JSON.stringify(finding)}`);
    written += piece.length;
    out.put(piece);
  }
  out.put(text(']}]}'));
  out.close();
}

function* range(count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield i;
}

const padded = (i: number) => String(i).padStart(6, '0');

export const inputs: LimitInput[] = [
  {
    name: 'missing-10k',
    about: '10,000 tables that the MANIFEST names and that are not there',
    inspects: MANIFEST,
    make: (target) => withEdits(target, () => missingTables(10_000)),
  },
  {
    name: 'missing-79k',
    about: '79,000 tables that the MANIFEST names and that are not there',
    inspects: MANIFEST,
    make: (target) => withEdits(target, () => missingTables(79_000)),
  },
  {
    name: 'missing-300k',
    about: '300,000 tables that the MANIFEST names and that are not there',
    inspects: MANIFEST,
    make: (target) => withEdits(target, () => missingTables(300_000)),
  },
  {
    name: 'manifest-files',
    about: 'MANIFEST with 10^6 tables',
    inspects: MANIFEST,
    make: (target) => withEdits(target, () => missingTables(1_000_000)),
  },
  {
    name: 'manifest-families',
    about: 'MANIFEST with 10^6 column families',
    inspects: MANIFEST,
    make: (target) =>
      withEdits(target, function* () {
        for (const i of range(1_000_000))
          yield new ByteBuilder()
            .varint(tags.columnFamily)
            .varint(10 + i)
            .varint(tags.columnFamilyAdd)
            .lengthPrefixed(text(`cf${i}`))
            .varint(tags.comparator)
            .lengthPrefixed(text('leveldb.BytewiseComparator'))
            .finish();
        yield new ByteBuilder().varint(tags.maxColumnFamily).varint(1_000_010).finish();
      }),
  },
  {
    name: 'manifest-edit',
    about: 'MANIFEST with one edit of 900 MB',
    inspects: MANIFEST,
    make(target) {
      withBase(target);
      const file = path.join(target, MANIFEST);
      const out = new Appender(file);
      const size = fs.statSync(file).size;
      const blocks = Math.floor(900_000_000 / FULL);
      const filler = new Uint8Array(FULL).fill(0x41);
      const tail = 32_768 - (size % 32_768) - 7;
      const head = filler.slice(0, tail);
      head.set(
        new ByteBuilder()
          .varint(tags.comparator)
          .varint(blocks * FULL + tail - 6)
          .finish(),
      );
      out.put(encodePhysical(RecordType.first, head));
      const middle = encodePhysical(RecordType.middle, filler);
      for (let i = 1; i < blocks; i++) out.put(middle);
      out.put(encodePhysical(RecordType.last, filler));
      out.close();
    },
  },
  {
    name: 'wal-fragments',
    about: 'WAL with a record of 1 GB in fragments',
    inspects: LOG,
    make: (target) => fragments(target, 30_000, true),
  },
  {
    name: 'wal-noops',
    about: 'WAL with a batch of 60 MB of no-ops',
    inspects: LOG,
    make: (target) =>
      withLog(target, function* () {
        yield batch(FIRST, 0, new Uint8Array(60_000_000).fill(13));
      }),
  },
  {
    name: 'wal-tiny',
    about: 'WAL with a batch of 2×10^7 deletions of the empty key',
    inspects: LOG,
    make: (target) =>
      withLog(target, function* () {
        yield batch(FIRST, 20_000_000, new Uint8Array(40_000_000));
      }),
  },
  {
    name: 'wal-records',
    about: 'WAL with 10^6 records',
    inspects: LOG,
    make: (target) =>
      withLog(target, function* () {
        for (const i of range(1_000_000))
          yield batch(FIRST + i, 1, operation(PUT, `k${i % 1000}`, new Uint8Array(0)));
      }),
  },
  {
    name: 'wal-merges',
    about: 'WAL with 1.5×10^6 merges on one key',
    inspects: LOG,
    make: (target) =>
      withLog(target, function* () {
        for (const i of range(1_500_000)) yield batch(FIRST + i, 1, operation(MERGE, 'k', text('z')));
      }),
  },
  {
    name: 'wal-value-100',
    about: 'WAL with one value of 100 MiB',
    inspects: LOG,
    make: (target) =>
      withLog(target, function* () {
        yield batch(FIRST, 1, operation(PUT, 'k1', new Uint8Array(100 << 20).fill(0x61)));
      }),
  },
  {
    name: 'wal-value-250',
    about: 'WAL with one value of 250 MiB',
    inspects: LOG,
    make: (target) =>
      withLog(target, function* () {
        yield batch(FIRST, 1, operation(PUT, 'k1', new Uint8Array(250 << 20).fill(0x61)));
      }),
  },
  {
    name: 'wal-values',
    about: 'WAL with ten values of 100 MiB',
    inspects: LOG,
    make: (target) =>
      withLog(target, function* () {
        for (const i of range(10))
          yield batch(FIRST + i, 1, operation(PUT, `k${i}`, new Uint8Array(100 << 20).fill(0x61 + i)));
      }),
  },
  {
    name: 'footers',
    about: '100 tables whose footers are overwritten',
    make: async (target) => {
      await writeManyTables(target, 100);
      for (const name of fs.readdirSync(target).filter((each) => each.endsWith('.sst'))) {
        const file = path.join(target, name);
        const handle = fs.openSync(file, 'r+');
        fs.writeSync(handle, new Uint8Array(53).fill(0x5a), 0, 53, fs.statSync(file).size - 53);
        fs.closeSync(handle);
      }
    },
  },
  {
    name: 'report-60',
    about: 'JSON report of 60 MB',
    is: 'report',
    make: (target) => report(target, 60_000_000),
  },
  {
    name: 'report-700',
    about: 'JSON report of 700 MB',
    is: 'report',
    make: (target) => report(target, 700_000_000),
  },
  {
    name: 'tar-members',
    about: 'tar with 10^6 members',
    is: 'archive',
    make: (target) =>
      withMembers(target, function* () {
        for (const i of range(1_000_000)) yield `db/${padded(100 + i)}.sst`;
      }),
  },
  {
    name: 'tar-databases',
    about: 'tar with 300,000 dN/CURRENT',
    is: 'archive',
    make: (target) =>
      withMembers(target, function* () {
        for (const i of range(300_000)) yield `d${i}/CURRENT`;
      }),
  },
];
