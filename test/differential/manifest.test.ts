import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { NewFile, VersionEdit } from '../../src/format/manifest/edit.js';
import type { LiveTable, Version } from '../../src/format/manifest/version.js';
import { replayBytes } from '../support/manifest.js';
import { lacks, output } from '../support/tools.js';
import { readable, withReadable } from './databases.js';

const hex = (bytes: Uint8Array | undefined) =>
  Buffer.from(bytes ?? [])
    .toString('hex')
    .toUpperCase();

function internalKey(key: Uint8Array): string {
  const trailer = Buffer.from(key).readBigUInt64LE(key.length - 8);
  return `'${hex(key.subarray(0, -8))}' seq:${trailer >> 8n}, type:${trailer & 0xffn}`;
}

const words = (...parts: (string | false | undefined)[]) => parts.filter(Boolean).join(' ');

function addFile(file: NewFile): string {
  const id = file.uniqueId && new DataView(file.uniqueId.buffer, file.uniqueId.byteOffset);
  return words(
    `AddFile: ${file.level} ${file.number} ${file.size} ${internalKey(file.smallest)} .. ${internalKey(file.largest)}`,
    file.oldestBlobFile !== undefined && `blob_file:${file.oldestBlobFile}`,
    `oldest_ancester_time:${file.oldestAncestorTime ?? 0}`,
    `file_creation_time:${file.creationTime ?? 0}`,
    `file_checksum:${hex(file.fileChecksum)}`,
    `file_checksum_func_name: ${file.fileChecksumFunction}`,
    id && `unique_id(internal): {${id.getBigUint64(0, true)},${id.getBigUint64(8, true)}}`,
  );
}

/** An edit in the order and words of RocksDB's own dump. */
function dumpEdit(edit: VersionEdit): string[] {
  const value = (name: string, field: unknown) => (field === undefined ? [] : [`${name}: ${field}`]);
  return [
    ...value('DB ID', edit.databaseId),
    ...value('Comparator', edit.comparator),
    ...value('LogNumber', edit.logNumber),
    ...value('PrevLogNumber', edit.previousLogNumber),
    ...value('NextFileNumber', edit.nextFileNumber),
    ...value('MaxColumnFamily', edit.maxColumnFamily),
    ...value('MinLogNumberToKeep', edit.minLogNumberToKeep),
    ...value('LastSeq', edit.lastSequence),
    ...edit.deletedFiles.map((file) => `DeleteFile: ${file.level} ${file.number}`),
    ...edit.newFiles.map(addFile),
    ...edit.blobFileAdditions.map(
      (blob) =>
        `BlobFileAddition: blob_file_number: ${blob.number} total_blob_count: ${blob.totalCount} ` +
        `total_blob_bytes: ${blob.totalBytes} checksum_method: ${blob.checksumMethod} checksum_value: ${hex(blob.checksum)}`,
    ),
    ...edit.blobFileGarbages.map(
      (blob) =>
        `BlobFileGarbage: blob_file_number: ${blob.number} garbage_blob_count: ${blob.garbageCount} ` +
        `garbage_blob_bytes: ${blob.garbageBytes}`,
    ),
    ...edit.walAdditions.map(
      (wal) =>
        `WalAddition: log_number: ${wal.number} synced_size_in_bytes: ${wal.syncedSize ?? 2n ** 64n - 1n}`,
    ),
    ...value('WalDeletion: log_number', edit.walDeletion),
    `ColumnFamily: ${edit.columnFamily}`,
    ...value('ColumnFamilyAdd', edit.columnFamilyAdd),
    ...(edit.columnFamilyDrop ? ['ColumnFamilyDrop'] : []),
  ];
}

const liveTable = (table: LiveTable) =>
  words(
    `${table.number}:${table.size}[${table.smallestSequence} .. ${table.largestSequence}]` +
      `[${internalKey(table.smallest)} .. ${internalKey(table.largest)}]`,
    table.oldestBlobFile !== undefined && `blob_file:${table.oldestBlobFile}`,
  );

/** Lines of the version that a dump ends in, tables in no order. */
function dumpVersion(version: Version): string[] {
  const lines: string[] = [];
  for (const family of version.columnFamilies.values()) {
    lines.push(`log number: ${family.logNumber}`, `comparator: ${family.comparator}`);
    for (const table of family.tables.values()) lines.push(liveTable(table));
    for (const blob of family.blobFiles.values())
      lines.push(
        `blob_file_number: ${blob.number} ${blob.totalCount} ${blob.totalBytes} ${blob.garbageCount}`,
      );
  }
  return lines.sort();
}

function parseDump(text: string): { edits: string[][]; version: string[] } {
  const edits: string[][] = [];
  const version: string[] = [];
  let edit: string[] | undefined;
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line === 'VersionEdit {') edits.push((edit = []));
    else if (line === '}') edit = undefined;
    else if (edit) edit.push(line.replace(/ (min_timestamp|max_timestamp|public_unique_id):.*$/, ''));
    else if (/^(\d+:\d+\[|log number:|comparator:)/.test(line))
      version.push(line.replace(/<(.*)>, but .*$/, '$1'));
    const blob =
      /^blob_file_number: (\d+) total_blob_count: (\d+) total_blob_bytes: (\d+) .* garbage_blob_count: (\d+)/.exec(
        line,
      );
    if (blob) version.push(`blob_file_number: ${blob.slice(1).join(' ')}`);
  }
  return { edits, version: version.sort() };
}

describe.skipIf(lacks('ldb'))('a MANIFEST is what ldb manifest_dump prints', () => {
  test.each(readable)('%s', async (name) => {
    await withReadable(name, async (dir) => {
      const manifest = fs.readFileSync(path.join(dir, 'CURRENT'), 'utf8').trim();
      const file = path.join(dir, manifest);
      const theirs = parseDump(output('ldb', ['manifest_dump', `--path=${file}`, '--verbose', '--hex']));
      const edits: string[][] = [];
      const { version, anomalies } = await replayBytes(fs.readFileSync(file), {
        onEdit: ({ edit }) => edits.push(dumpEdit(edit).map((line) => line.trim())),
      });
      expect(anomalies).toEqual([]);
      expect(edits).toEqual(theirs.edits);
      expect(dumpVersion(version)).toEqual(theirs.version);
    });
  });
});
