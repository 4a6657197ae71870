import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BatchOp } from '../../src/format/batch/batch.js';
import { decodeBatch } from '../../src/format/batch/decode.js';
import { LogParser } from '../../src/format/log/parser.js';
import { readLog } from '../../src/format/log/read.js';
import { BLOCK_SIZE, LEGACY_HEADER } from '../../src/format/log/types.js';
import { openSource } from '../../src/io/source.js';
import { lacks, output } from '../support/tools.js';
import { readable, withReadable } from './databases.js';

const hex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString('hex').toUpperCase()}`;

/** An operation in the words of ldb; log data is not printed. */
function dumpOp({ kind, columnFamily, key, value }: BatchOp): string {
  switch (kind) {
    case 'put':
      return `PUT(${columnFamily}) : ${hex(key)} : ${hex(value!)}`;
    case 'merge':
      return `MERGE(${columnFamily}) : ${hex(key)} : ${hex(value!)}`;
    case 'delete':
      return `DELETE(${columnFamily}) : ${hex(key)}`;
    case 'single-delete':
      return `SINGLE_DELETE(${columnFamily}) : ${hex(key)}`;
    case 'range-delete':
      return `DELETE_RANGE(${columnFamily}) : ${hex(key)} ${hex(value!)}`;
    case 'noop':
      return 'NOOP';
    case 'begin-prepare':
    case 'begin-persisted-prepare':
      return 'BEGIN_PREPARE(false)';
    case 'begin-unprepare':
      return 'BEGIN_PREPARE(true)';
    case 'end-prepare':
      return `END_PREPARE(${hex(key)})`;
    case 'commit':
      return `COMMIT(${hex(key)})`;
    case 'rollback':
      return `ROLLBACK(${hex(key)})`;
    case 'log-data':
      return '';
    default:
      throw new Error(`ldb 7.8 does not print ${kind}`);
  }
}

/** Batches of a WAL as ldb prints them: `sequence,count,bytes,offset,operations`. */
async function batchesOfOurs(file: string): Promise<string[]> {
  const source = await openSource({ kind: 'file', path: file });
  const parser = new LogParser(source, { number: BigInt(path.basename(file, '.log')) });
  const lines: string[] = [];
  try {
    await readLog(parser, {
      record({ bytes, start, end, offset }) {
        const batch = decodeBatch(bytes.subarray(start, end));
        if (batch.anomalies.length > 0) return 'stop';
        const ops = batch.ops.map(dumpOp).filter((op) => op !== '');
        lines.push([batch.sequence, batch.count, end - start, offset, ops.join(' ')].join(','));
        return undefined;
      },
      damage: () => 'stop',
    });
    return lines;
  } finally {
    await source.close();
  }
}

function batchesOfTool(file: string, writeCommitted: boolean): string[] {
  const policy = writeCommitted ? [] : ['--write_committed=false'];
  const text = output('ldb', ['dump_wal', `--walfile=${file}`, '--header', '--print_value', ...policy]);
  return text
    .split('\n')
    .filter((line) => /^\d+,/.test(line))
    .map((line) =>
      line
        .trim()
        .replace(/ +/g, ' ')
        .replace(/^(\d+,\d+,\d+),(\d+)/, (_, head, offset) => `${head},${skipTrailer(Number(offset))}`),
    );
}

/** The tool gives the place from which it looked for the record: the zeros at the end of a block, where there are any. */
function skipTrailer(offset: number): number {
  const left = BLOCK_SIZE - (offset % BLOCK_SIZE);
  return left < LEGACY_HEADER ? offset + left : offset;
}

describe.skipIf(lacks('ldb'))('batches of WALs are what ldb dump_wal prints', () => {
  // Of wide-column entities the tool says "not implemented".
  test.each(readable.filter((name) => !name.includes('wide')))('%s', async (name) => {
    await withReadable(name, async (dir) => {
      for (const log of fs.readdirSync(dir).filter((file) => file.endsWith('.log'))) {
        const file = path.join(dir, log);
        const expected = batchesOfTool(file, !/prepared|txn[23]/.test(name));
        expect({ log, batches: await batchesOfOurs(file) }).toEqual({ log, batches: expected });
      }
    });
  });
});
