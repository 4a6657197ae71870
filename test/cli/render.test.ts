import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { kvdoctor } from './host.js';

const folder = mkdtempSync(join(tmpdir(), 'kvdoctor-test-'));
afterAll(() => rmSync(folder, { recursive: true }));
const report = join(folder, 'report.json');
const scan = await kvdoctor(`scan fixtures/kvrocks-race-10/db --format json=${report} --format text`);

const timeless = (text: string) =>
  text.replace(/"(time|timestamp|startedAt|milliseconds)":[^,}]*|time(stamp)?="[^"]*"/g, '');

describe('kvdoctor render', () => {
  it('shows what the scan showed, with its exit status', async () => {
    const { status, out } = await kvdoctor(`render ${report}`);
    expect(out).toBe(scan.out);
    expect(status).toBe(1);
    expect((await kvdoctor(`render ${report} --fail-on never`)).status).toBe(0);
  });

  it.each(['sarif', 'junit', 'gitlab', 'markdown', 'ndjson', 'github'])(
    'writes %s as the scan would',
    async (format) => {
      const direct = await kvdoctor(`scan fixtures/kvrocks-race-10/db --format ${format}`);
      const later = await kvdoctor(`render ${report} --format ${format}`);
      const type = (text: string) =>
        timeless(text).replace(/(start|end)TimeUtc":"[^"]*|\d+(\.\d+)? s\./g, '');
      expect(type(later.out)).toBe(type(direct.out));
    },
  );

  it.each([
    ['{}', "it must have required property 'schemaVersion'"],
    ['{"schemaVersion": 1', 'it is not JSON, or not all of it is there'],
    ['{"schemaVersion": 2, "targets": []}', 'it is a report of version 2'],
  ])('says what is wrong with %s', async (text, message) => {
    const path = join(folder, 'wrong.json');
    writeFileSync(path, text);
    const { status, err } = await kvdoctor(`render ${path}`);
    expect(status).toBe(2);
    expect(err).toContain(message);
  });

  it('says when there is no such report', async () => {
    const { status, err } = await kvdoctor(`render ${folder}/none.json`);
    expect([status, err.split('\n')[0]]).toEqual([
      2,
      `kvdoctor: ${folder}/none.json: no such file or directory (ENOENT)`,
    ]);
  });
});
