import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { scanTarget } from '../../../src/scan/scan.js';
import { kvdoctor } from '../../cli/host.js';
import { withDatabase } from '../../support/database.js';
import { withFieldCase } from '../../support/field.js';
import { fixture } from '../../support/files.js';
import { visible } from '../../support/visible.js';

/* The first blob file of blob-7.8 has 12 records of 341 bytes after a header of 30; a table refers to the first four. */
const FILE = '000010.blob';
const whole = fixture('blob-7.8').get(FILE)!;

const repaired = (patch: string, body: (bytes: Uint8Array, out: string) => void) =>
  withDatabase('blob-7.8', [patch], async (dir) => {
    const { out, status } = await kvdoctor(`repair --strategy auto --in-place --stopped --yes ${dir}`);
    expect(out).toMatch(/^Clean: /m);
    expect(status).toBe(0);
    body(readFileSync(path.join(dir, FILE)), out);
  });

test.each([1, 4, 50, 400])('%i bytes put between two records are taken out', async (count) => {
  await repaired(`insert ${FILE} 1735 ${'09'.repeat(count)}`, (bytes, out) => {
    expect(Buffer.from(bytes).equals(whole)).toBe(true);
    expect(out).not.toContain('the values between');
  });
});

test.each([
  ['put into a record cost it', `insert ${FILE} 1500 0909`, 1735],
  ['put into the header of a record cost it', `insert ${FILE} 1400 09`, 1735],
  // its length leads into the next one
  ['taken out of a record cost it and the next', `cut ${FILE} 1500 9`, 2076],
])('bytes %s, and those after go back to their places', async (_, patch, to) => {
  await repaired(patch, (bytes, out) => {
    expect(bytes.length).toBe(whole.length);
    expect(Buffer.from(bytes.subarray(0, 1394)).equals(whole.subarray(0, 1394))).toBe(true);
    // but for the footer, which counts the records
    expect(Buffer.from(bytes.subarray(to, -32)).equals(whole.subarray(to, -32))).toBe(true);
    expect(out).toContain(`${FILE}: the values between 1394 and ${to}`);
  });
});

test('bytes put in at two places leave what is before the first', async () => {
  const two = Buffer.concat([
    whole.subarray(0, 1735),
    Buffer.from([9]),
    whole.subarray(1735, 2076),
    Buffer.from([9]),
  ]);
  await repaired(
    `write ${FILE} 1735 ${two.subarray(1735).toString('hex')}${Buffer.from(whole.subarray(2078)).toString('hex')}`,
    (bytes) => {
      expect(Buffer.from(bytes.subarray(0, 1735)).equals(whole.subarray(0, 1735))).toBe(true);
    },
  );
});

test.each([1735, 1500, 1100])('of a file that ends at %i the whole records are kept', async (size) => {
  await repaired(`truncate ${FILE} ${size}`, (bytes) => {
    const kept = 30 + 341 * Math.floor((size - 30) / 341);
    expect(Buffer.from(bytes.subarray(0, kept)).equals(whole.subarray(0, kept))).toBe(true);
  });
});

test.each(['blob-7.8', 'blob-zstd-7.8'])(
  'two blob files of %s that were exchanged are put back',
  async (name) => {
    await withDatabase(name, ['swap 000010.blob 000013.blob'], async (dir) => {
      const { out, status } = await kvdoctor(`repair --strategy auto --in-place --stopped --yes ${dir}`);
      expect(status).toBe(0);
      expect(out).toMatch(/What is lost\n {2}nothing/);
      for (const file of ['000010.blob', '000013.blob'])
        expect(readFileSync(path.join(dir, file)).equals(fixture(name).get(file)!)).toBe(true);
    });
  },
);

test('so are those of which the only table that refers to them is damaged, too', async () => {
  await withDatabase('blob-7.8', ['swap 000010.blob 000013.blob', 'zero 000014.sst 16 300'], async (dir) => {
    const { out, status } = await kvdoctor(`repair --strategy auto --in-place --stopped --yes ${dir}`);
    expect(status).toBe(0);
    expect(out).toContain('the values that tables look for in it lie in 000010.blob');
    const blob = fixture('blob-7.8').get('000013.blob')!;
    expect(readFileSync(path.join(dir, '000013.blob')).equals(blob)).toBe(true);
  });
});

test('so are some of other lengths, round about', async () => {
  await withFieldCase('healthy-timestamps-7.8', [], async (whole) => {
    const patches = ['swap 000057.blob 000061.blob', 'swap 000061.blob 000063.blob'];
    await withFieldCase('healthy-timestamps-7.8', patches, async (dir) => {
      const files = ['000057.blob', '000061.blob', '000063.blob'];
      const found = (await scanTarget(dir)).findings.filter(({ severity }) => severity === 'error');
      expect(found.map(({ rule, file }) => `${rule} ${file}`)).toEqual(
        files.map((file) => `blob/wrong-file ${file}`),
      );
      expect((await kvdoctor(`repair --strategy auto --in-place --stopped --yes ${dir}`)).status).toBe(0);
      for (const file of files)
        expect(readFileSync(path.join(dir, file)).equals(readFileSync(path.join(whole, file)))).toBe(true);
    });
  });
});

test('of one that another one was copied over the loss is announced, and no value of the other is shown', async () => {
  const truth = await withDatabase('blob-7.8', [], visible);
  await withDatabase('blob-7.8', ['copy 000010.blob 000013.blob'], async (dir) => {
    const { out, status } = await kvdoctor(`repair --strategy auto --in-place --stopped --yes ${dir}`);
    expect(status).toBe(0);
    expect(out).toContain('000013.blob: all of its values: another blob file stands in its place');
    expect(out).toContain('12 entries of column family default, whose values cannot be read');
    const seen = await visible(dir);
    expect(seen.size).toBe(truth.size - 12);
    for (const [key, value] of seen) expect(value).toBe(truth.get(key));
  });
});
