import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { kvdoctor } from '../../cli/host.js';
import { withDatabase } from '../../support/database.js';
import { fixture } from '../../support/files.js';

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
