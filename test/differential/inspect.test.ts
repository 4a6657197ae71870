import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { inspectFile } from '../../src/inspect/inspect.js';
import { type Collected, child, collect, every, tree } from '../inspect/collect.js';
import { lacks, output } from '../support/tools.js';
import { readable, withReadable } from './databases.js';

// What Debian's tools print of a file, read off the tree that inspect shows of it.

/** Each database is unpacked once for all comparisons. */
const unpacked = new Map<string, { dir: Promise<string>; done: () => void }>();

async function withDatabase(name: string, body: (dir: string) => Promise<void>): Promise<void> {
  let known = unpacked.get(name);
  if (known === undefined) {
    let done = () => {};
    const dir = new Promise<string>((ready) => {
      void withReadable(name, (own) => {
        ready(own);
        return new Promise<void>((finished) => {
          done = finished;
        });
      });
    });
    known = { dir, done: () => done() };
    unpacked.set(name, known);
  }
  await body(await known.dir);
}

afterAll(() => {
  for (const { done } of unpacked.values()) done();
});

const hex = (value: unknown) =>
  Buffer.from(value as Uint8Array)
    .toString('hex')
    .toUpperCase();

const field = (node: Collected | undefined, name: string) => child(node, name)?.value;

async function treeOf(file: string, detail: object): Promise<Collected> {
  return tree(file, fs.readFileSync(file), detail);
}

/** An operation in the words of ldb; log data is not printed. */
function dumpOp(op: Collected): string {
  const columnFamily = field(op, 'column family') ?? 0;
  const bytes = (name: string) => `0x${hex(field(op, name))}`;
  switch (op.name) {
    case 'put':
    case 'merge':
      return `${op.name.toUpperCase()}(${columnFamily}) : ${bytes('key')} : ${bytes('value')}`;
    case 'delete':
      return `DELETE(${columnFamily}) : ${bytes('key')}`;
    case 'single-delete':
      return `SINGLE_DELETE(${columnFamily}) : ${bytes('key')}`;
    case 'range-delete':
      return `DELETE_RANGE(${columnFamily}) : ${bytes('begin key')} ${bytes('end key')}`;
    case 'noop':
      return 'NOOP';
    case 'begin-prepare':
    case 'begin-persisted-prepare':
      return 'BEGIN_PREPARE(false)';
    case 'begin-unprepare':
      return 'BEGIN_PREPARE(true)';
    case 'end-prepare':
      return `END_PREPARE(${bytes('transaction')})`;
    case 'commit':
      return `COMMIT(${bytes('transaction')})`;
    case 'rollback':
      return `ROLLBACK(${bytes('transaction')})`;
    default:
      return '';
  }
}

function batches(root: Collected): string[] {
  return root.children.flatMap((record) => {
    const batch = child(record, 'batch');
    if (batch === undefined) return [];
    const ops = batch.children.map(dumpOp).filter((op) => op !== '');
    const [sequence, count] = [field(batch, 'sequence'), field(batch, 'count')];
    return [[sequence, count, batch.length, record.offset, ops.join(' ')].join(',')];
  });
}

describe.skipIf(lacks('ldb'))('inspect --records of a WAL says what ldb dump_wal does', () => {
  // of wide-column entities the tool says "not implemented"
  test.each(readable.filter((name) => !name.includes('wide')))('%s', async (name) => {
    await withDatabase(name, async (dir) => {
      for (const log of fs.readdirSync(dir).filter((file) => file.endsWith('.log'))) {
        const file = path.join(dir, log);
        const policy = /prepared|txn[23]/.test(name) ? ['--write_committed=false'] : [];
        const text = output('ldb', ['dump_wal', `--walfile=${file}`, '--header', '--print_value', ...policy]);
        const theirs = text
          .split('\n')
          .filter((line) => /^\d+,/.test(line))
          .map((line) => line.trim().replace(/ +/g, ' '))
          .map((line) =>
            line.replace(/^(\d+,\d+,\d+),(\d+)/, (_, head, at) => `${head},${skipTrailer(Number(at))}`),
          );
        const ours = batches(await treeOf(file, { records: true }));
        // the tool stops at the first damage
        expect({ log, batches: name.includes('race') ? ours.slice(0, theirs.length) : ours }).toEqual({
          log,
          batches: theirs,
        });
      }
    });
  });
});

/** The tool gives the place from which it looked for the record: the zeros at the end of a block, where there are any. */
function skipTrailer(offset: number): number {
  const left = 32768 - (offset % 32768);
  return left < 7 ? offset + left : offset;
}

/** What sst_dump says of each table of a directory, by name. */
function perTable(dir: string, args: readonly string[]): Map<string, string> {
  const text = output('sst_dump', [`--file=${dir}`, ...args]);
  return new Map(
    text
      .split(/^Process /m)
      .slice(1)
      .map((part) => [path.basename(part.slice(0, part.indexOf('\n'))), part]),
  );
}

/** Tables that 7.8.3 reads. */
function tables(dir: string): string[] {
  return fs
    .readdirSync(dir)
    .filter((name) => {
      if (!name.endsWith('.sst')) return false;
      const bytes = fs.readFileSync(path.join(dir, name));
      return bytes.length > 0 && bytes.readUInt32LE(bytes.length - 12) <= 5;
    })
    .map((name) => path.join(dir, name));
}

const entryNames = ['put', 'delete', 'merge', 'single-delete'];
const types = ['put', 'delete', 'merge', 'single-delete', 'entity', 'blob-index', 'timed-put'];

function entriesOf(root: Collected): Collected[] {
  const blocks = root.children.filter(({ name }) => name === 'data block');
  return blocks.flatMap((block) => [...every(block)].filter(({ name }) => types.includes(name)));
}

function scanLine(entry: Collected): string {
  const key = `'${hex(field(entry, 'key'))}' seq:${field(entry, 'sequence')}, type:${field(entry, 'type')}`;
  return entryNames.includes(entry.name) ? `${key} => ${hex(field(entry, 'value'))}`.trimEnd() : key;
}

describe.skipIf(lacks('sst_dump'))(
  'inspect --entries of a table says what sst_dump --command=scan does',
  () => {
    test.each(readable)('%s', async (name) => {
      await withDatabase(name, async (dir) => {
        for (const file of tables(dir)) {
          const text = output('sst_dump', [`--file=${file}`, '--command=scan', '--output_hex']);
          const theirs = text.split('\n').flatMap((line) => {
            const [, key, type] = /^('[0-9A-F]*' seq:\d+, type:(\d+)) => /.exec(line) ?? [];
            return key === undefined ? [] : [[0, 1, 2, 7].includes(Number(type)) ? line.trimEnd() : key];
          });
          const root = await treeOf(file, { entries: true });
          expect({ file, entries: entriesOf(root).map(scanLine) }).toEqual({ file, entries: theirs });
        }
      });
    });
  },
);

/** What sst_dump calls a property, and where it is ours. */
const properties: Record<string, string> = {
  '# entries': 'rocksdb.num.entries',
  '# deletions': 'rocksdb.deleted.keys',
  '# merge operands': 'rocksdb.merge.operands',
  '# range deletions': 'rocksdb.num.range-deletions',
  '# data blocks': 'rocksdb.num.data.blocks',
  'raw key size': 'rocksdb.raw.key.size',
  'raw average key size': 'raw average key size',
  'raw value size': 'rocksdb.raw.value.size',
  'raw average value size': 'raw average value size',
  'data block size': 'rocksdb.data.size',
  'filter block size': 'rocksdb.filter.size',
  '# entries for filter': 'rocksdb.num.filter_entries',
  '(estimated) table size': 'estimated table size',
  'filter policy name': 'rocksdb.filter.policy',
  'prefix extractor name': 'rocksdb.prefix.extractor.name',
  'column family name': 'rocksdb.column.family.name',
  'comparator name': 'rocksdb.comparator',
  'merge operator name': 'rocksdb.merge.operator',
  'property collectors names': 'rocksdb.property.collectors',
  'SST file compression algo': 'rocksdb.compression',
  'SST file compression options': 'rocksdb.compression_options',
  'creation time': 'rocksdb.creation.time',
  'time stamp of earliest key': 'rocksdb.oldest.key.time',
  'file creation time': 'rocksdb.file.creation.time',
  'DB identity': 'rocksdb.creating.db.identity',
  'DB session identity': 'rocksdb.creating.session.identity',
  'DB host id': 'rocksdb.creating.host.identity',
  'original file number': 'rocksdb.original.file.number',
  'unique ID': 'unique id',
};

describe.skipIf(lacks('sst_dump'))('inspect --properties says what sst_dump --show_properties does', () => {
  test.each(readable)('%s', async (name) => {
    await withDatabase(name, async (dir) => {
      const dump = perTable(dir, ['--command=none', '--show_properties']);
      for (const file of tables(dir)) {
        const text = dump.get(path.basename(file)) ?? '';
        const root = await treeOf(file, { properties: true });
        const ours = new Map(root.children.map((node) => [node.name, String(node.value ?? '')]));
        const said = text.split('\n').flatMap((line) => {
          const [, what, value] = /^ {2}(.+?): (.*)$/.exec(line) ?? [];
          return what in properties ? [[what, value.trim()]] : [];
        });
        expect(said.length).toBeGreaterThan(20);
        // where a table says nothing, the tool has words of its own
        const nothing = new Set(['N/A', '0', '', 'nullptr']);
        for (const [what, theirs] of said) {
          const value = ours.get(properties[what])?.trim();
          if (value === undefined)
            expect({ file, what, value: nothing.has(theirs) }).toEqual({ file, what, value: true });
          else if (theirs !== 'N/A') expect({ file, what, value }).toEqual({ file, what, value: theirs });
        }
        const index = /index block size \(user-key\? (\d), delta-value\? (\d)\): (\d+)/.exec(text)!;
        expect([
          ours.get('rocksdb.index.key.is.user.key') ?? '0',
          ours.get('rocksdb.index.value.is.delta.encoded') ?? '0',
          ours.get('rocksdb.index.size'),
        ]).toEqual(index.slice(1));
      }
    });
  });
});

/** A varint64 in hexadecimal. */
function varint(value: number): string {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return hex(Uint8Array.from([...bytes, rest]));
}

/** `→ 0x1ea+485` as the tool prints a handle. */
function handleHex(text = ''): string {
  const [, offset, size] = /→ 0x([0-9a-f]+)\+(\d+)$/.exec(text) ?? [];
  return varint(Number.parseInt(offset, 16)) + varint(Number(size));
}

interface RawDump {
  footer: Record<string, string>;
  meta: string[];
  index: string[];
  rangeDeletions: string[];
  blocks: { handle: string; entries: string[] }[];
}

function parseRaw(text: string): RawDump {
  const dump: RawDump = { footer: {}, meta: [], index: [], rangeDeletions: [], blocks: [] };
  let section = '';
  for (const line of text.split('\n')) {
    const [, title] = /^(\w[\w ]*)(?: Details)?:$/.exec(line) ?? [];
    const [, block] = /^Data Block # \d+ @ ([0-9A-F]+)$/.exec(line) ?? [];
    if (block) {
      section = 'block';
      dump.blocks.push({ handle: block, entries: [] });
    } else if (title) section = title;
    const [, name, value] = /^ {2}([\w ]+): (\S+)$/.exec(line) ?? [];
    if (section.startsWith('Footer') && name) dump.footer[name] = value;
    if (section.startsWith('Metaindex') && name) dump.meta.push(value);
    const [, pair] = /^ {2}HEX {4}([0-9A-F]*: ?[0-9A-F]*)$/.exec(line) ?? [];
    if (pair === undefined) continue;
    if (section === 'block') dump.blocks.at(-1)!.entries.push(pair.trim());
    else if (section.startsWith('Index')) dump.index.push(pair);
    else if (section.startsWith('Range')) dump.rangeDeletions.push(pair);
  }
  return dump;
}

function blockEntries(root: Collected, name: string): Collected[] {
  const blocks = root.children.filter((node) => node.name === name);
  return blocks.flatMap((block) =>
    [...every(block)].filter(({ name: own }) => own === 'entry' || own === 'range tombstone'),
  );
}

describe.skipIf(lacks('sst_dump'))(
  'inspect --entries of a table says what sst_dump --command=raw does',
  () => {
    test.each(readable)('%s', async (name) => {
      await withDatabase(name, async (dir) => {
        for (const file of tables(dir)) {
          output('sst_dump', [`--file=${file}`, '--command=raw']);
          const theirs = parseRaw(fs.readFileSync(file.replace('.sst', '_dump.txt'), 'utf8'));
          const root = await treeOf(file, { entries: true });
          const footer = child(root, 'footer');
          const handle = (named: string) =>
            ['offset', 'size'].map((part) => varint(Number(field(child(footer, named), part)))).join('');
          expect(handle('metaindex handle')).toBe(theirs.footer['metaindex handle']);
          expect(handle('index handle')).toBe(theirs.footer['index handle']);
          // the tool takes the magic number of old tables for that of new ones
          const magic = String(field(footer, 'magic'));
          expect(magic === '15800726617472432983' ? '9863518390377041911' : magic).toBe(
            theirs.footer.table_magic_number,
          );
          expect(String(field(footer, 'format version') ?? 0)).toBe(theirs.footer['format version']);
          const meta = blockEntries(root, 'metaindex block').map(({ text }) => handleHex(text));
          expect(meta).toEqual(expect.arrayContaining(theirs.meta));

          const deletions = blockEntries(root, 'range tombstones').map(
            (entry) => `${hex(field(entry, 'key'))}: ${hex(field(entry, 'end key'))}`,
          );
          expect({ file, deletions }).toEqual({ file, deletions: theirs.rangeDeletions });

          // an index in parts the tool reads through; first keys it prints after the handle
          const parts = root.children.some((node) => node.name === 'index partition');
          const index = blockEntries(root, parts ? 'index partition' : 'index block').map(
            (entry) => `${hex(field(entry, 'key'))}: ${handleHex(entry.text)}`,
          );
          for (const [i, line] of theirs.index.entries()) expect(line.startsWith(index[i])).toBe(true);
          expect(theirs.index).toHaveLength(index.length);

          const blocks = root.children
            .filter((node) => node.name === 'data block')
            .map((block) => ({
              handle: varint(block.offset!) + varint(block.length! - 5),
              entries: [...every(block)]
                .filter((node) => types.includes(node.name))
                .map((entry) => `${hex(field(entry, 'key'))}: ${hex(field(entry, 'value'))}`.trim()),
            }));
          expect({ file, blocks }).toEqual({ file, blocks: theirs.blocks });
        }
      });
    });
  },
);

function internalKey(node: Collected | undefined): string {
  return `'${hex(field(node, 'user key'))}' seq:${field(node, 'sequence')}, type:${field(node, 'type')}`;
}

/** The value of a custom field of a table's entry. */
function custom(entry: Collected, name: string): Collected | undefined {
  const found = entry.children.find((node) => child(node, 'id')?.text === name);
  return child(found, 'value');
}

function addFile(entry: Collected): string {
  const id = custom(entry, 'unique id')?.value as Uint8Array | undefined;
  const view = id && new DataView(id.buffer, id.byteOffset);
  const blob = custom(entry, 'oldest blob file')?.value;
  return [
    `AddFile: ${field(entry, 'level')} ${field(entry, 'number')} ${field(entry, 'size')}`,
    `${internalKey(child(entry, 'smallest'))} .. ${internalKey(child(entry, 'largest'))}`,
    ...(blob === undefined ? [] : [`blob_file:${blob}`]),
    `oldest_ancester_time:${custom(entry, 'oldest ancestor time')?.value ?? 0}`,
    `file_creation_time:${custom(entry, 'file creation time')?.value ?? 0}`,
    `file_checksum:${hex(custom(entry, 'file checksum')?.value ?? [])}`,
    `file_checksum_func_name: ${custom(entry, 'file checksum function')?.value}`,
    ...(view ? [`unique_id(internal): {${view.getBigUint64(0, true)},${view.getBigUint64(8, true)}}`] : []),
  ].join(' ');
}

const editLines: Record<string, (node: Collected) => string> = {
  comparator: (node) => `Comparator: ${field(node, 'name')}`,
  'database id': (node) => `DB ID: ${field(node, 'id')}`,
  'log number': (node) => `LogNumber: ${field(node, 'number')}`,
  'previous log number': (node) => `PrevLogNumber: ${field(node, 'number')}`,
  'next file number': (node) => `NextFileNumber: ${field(node, 'number')}`,
  'max column family': (node) => `MaxColumnFamily: ${field(node, 'id')}`,
  'min log number to keep': (node) => `MinLogNumberToKeep: ${field(node, 'number')}`,
  'last sequence': (node) => `LastSeq: ${field(node, 'number')}`,
  'deleted file': (node) => `DeleteFile: ${field(node, 'level')} ${field(node, 'number')}`,
  'new file4': addFile,
  'column family add': (node) => `ColumnFamilyAdd: ${field(node, 'name')}`,
  'column family drop': () => 'ColumnFamilyDrop',
  'wal deletion2': (node) => `WalDeletion: log_number: ${field(node, 'log number')}`,
  'wal addition2': (node) =>
    `WalAddition: log_number: ${field(node, 'log number')} synced_size_in_bytes: ${field(node, 'synced size') ?? 2n ** 64n - 1n}`,
  'blob file addition': (node) =>
    `BlobFileAddition: blob_file_number: ${field(node, 'number')} total_blob_count: ${field(node, 'total count')} ` +
    `total_blob_bytes: ${field(node, 'total bytes')} checksum_method: ${field(node, 'checksum method')} ` +
    `checksum_value: ${hex(field(node, 'checksum'))}`,
  'blob file garbage': (node) =>
    `BlobFileGarbage: blob_file_number: ${field(node, 'number')} garbage_blob_count: ${field(node, 'garbage count')} ` +
    `garbage_blob_bytes: ${field(node, 'garbage bytes')}`,
};

/** Lines of an edit, sorted: the tool has an order of its own. */
function editOf(record: Collected): string[] {
  const edit = child(record, 'edit')!;
  const named = child(edit, 'column family');
  const lines = edit.children.flatMap((node) => {
    const [line] = node.name in editLines ? [editLines[node.name](node)] : [];
    const hack = node.name === 'new file4' && custom(node, 'min log number to keep hack')?.value;
    const extra = hack ? [`MinLogNumberToKeep: ${hack}`] : [];
    return line === undefined ? extra : [line.trim(), ...extra];
  });
  return [...new Set([...lines, `ColumnFamily: ${field(named, 'id') ?? 0}`])].sort();
}

function editsOfTool(text: string): string[][] {
  const edits: string[][] = [];
  let edit: string[] | undefined;
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line === 'VersionEdit {') edits.push((edit = []));
    else if (line === '}') edit = undefined;
    else if (edit) edit.push(line.replace(/ (min_timestamp|max_timestamp|public_unique_id):.*$/, ''));
  }
  return edits.map((lines) => [...new Set(lines)].sort());
}

describe.skipIf(lacks('ldb'))('inspect --records of a MANIFEST says what ldb manifest_dump does', () => {
  test.each(readable)('%s', async (name) => {
    await withDatabase(name, async (dir) => {
      if (!fs.existsSync(path.join(dir, 'CURRENT'))) return;
      const file = path.join(dir, fs.readFileSync(path.join(dir, 'CURRENT'), 'utf8').trim());
      const text = output('ldb', ['manifest_dump', `--path=${file}`, '--verbose', '--hex']);
      const { root: node, close } = await inspectFile(file, 'manifest', { records: true });
      const root = await collect(node);
      await close();
      const edits = root.children.filter((each) => each.name === 'record').map(editOf);
      expect(edits).toEqual(editsOfTool(text));

      const version = child(root, 'version')!;
      const [, next, last, previous, most, least] =
        /next_file_number (\d+) last_sequence (\d+) {2}prev_log_number (\d+) max_column_family (\d+) min_log_number_to_keep (\d+)/.exec(
          text,
        )!;
      const value = (named: string) => String(field(version, named) ?? 0);
      expect([value('last sequence'), value('previous log number'), value('min log number to keep')]).toEqual(
        [last, previous, least],
      );
      // opening takes one file number, and counts column families up that no edit named
      expect(Number(next) - Number(value('next file number'))).toBeLessThanOrEqual(1);
      expect(Number(value('max column family'))).toBeLessThanOrEqual(Number(most));

      const live = [...text.matchAll(/^\s(\d+):(\d+)\[(\d+) \.\. (\d+)\]/gm)].map(
        ([, number, size, from, to]) => `${number}: ${size} bytes, sequences ${from}–${to}`,
      );
      const ours = [...every(version)]
        .filter((each) => each.name === 'table')
        .map(({ text: said = '' }) => {
          const [, number, size, from, to] =
            /^(\d+) on level \d+, (\d+) bytes, .* sequences (\d+)–(\d+)$/.exec(said)!;
          return `${number}: ${size} bytes, sequences ${from}–${to}`;
        });
      expect(ours.sort()).toEqual(live.sort());
    });
  });
});
