import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readDataBlocks } from '../../src/format/sst/data-blocks.js';
import { openTable } from '../../src/format/sst/table.js';
import { openSource } from '../../src/io/source.js';
import { lacks, output } from '../support/tools.js';
import { readable, withReadable } from './databases.js';

/** Types whose values sst_dump prints as they are stored: deletions, puts, merge operands. */
const PRINTED_TYPES = [0, 1, 2, 7];

/** Entries of each table in the form that sst_dump prints them: `'6B31' seq:7, type:1 => 7631`. */
function entriesOfTool(dir: string): Map<string, string[]> {
  const tables = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of output('sst_dump', [`--file=${dir}`, '--command=scan', '--output_hex']).split('\n')) {
    const [, file] = /^Process (.*)$/.exec(line) ?? [];
    if (file) tables.set(path.basename(file), (current = []));
    const [, key, type] = /^('[0-9A-F]*' seq:\d+, type:(\d+)) => /.exec(line) ?? [];
    if (key) current.push(PRINTED_TYPES.includes(Number(type)) ? line.trimEnd() : key);
  }
  return tables;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex').toUpperCase();

async function entriesOfOurs(file: string): Promise<string[] | undefined> {
  const source = await openSource({ kind: 'file', path: file });
  try {
    const table = await openTable(source);
    // A table that a killed process had just created, or one that 7.8 does not read.
    if (source.size === 0 || (table.footer?.formatVersion ?? 0) > 5) return undefined;
    expect(table.anomalies).toEqual([]);
    const lines: string[] = [];
    for await (const block of readDataBlocks(table)) {
      for (const entry of block.entries()) {
        const key = `'${hex(entry.key)}' seq:${entry.sequence}, type:${entry.type}`;
        lines.push(PRINTED_TYPES.includes(entry.type) ? `${key} => ${hex(entry.value)}`.trimEnd() : key);
      }
      expect(block.anomalies).toEqual([]);
    }
    return lines;
  } finally {
    await source.close();
  }
}

describe.skipIf(lacks('sst_dump'))('entries of tables are what sst_dump prints', () => {
  test.each(readable)('%s', async (name) => {
    await withReadable(name, async (dir) => {
      const theirs = entriesOfTool(dir);
      const tables = fs.readdirSync(dir).filter((file) => file.endsWith('.sst'));
      for (const file of tables) {
        const entries = await entriesOfOurs(path.join(dir, file));
        if (entries) expect({ file, entries }).toEqual({ file, entries: theirs.get(file) });
      }
    });
  });
});
