import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FULL, fragments, missingTables, withEdits, withMembers } from '../../bench/limits-inputs.js';
import { MAX_EDIT_RECORD, MAX_RECORD } from '../../src/format/log/assembly.js';
import { MAX_PARTS } from '../../src/format/manifest/version.js';
import { MAX_MEMBERS } from '../../src/io/archive-index.js';
import { kvdoctor } from './host.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kvdoctor-limits-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Past a limit by as little as blocks allow. */
const blocks = (limit: number) => Math.ceil(limit / FULL) + 1;

const inputs = [
  {
    name: 'a record of a WAL that is too large',
    make: (target: string) => fragments(target, blocks(MAX_RECORD), true),
    inspects: '000030.log',
    says: /000030\.log.* record of more than 257 MiB/,
  },
  {
    name: 'an edit that is too large',
    make: (target: string) =>
      withEdits(target, function* () {
        yield new Uint8Array(blocks(MAX_EDIT_RECORD) * FULL).fill(0x41);
      }),
    inspects: 'MANIFEST-000005',
    says: /MANIFEST-000005.* record of more than 64 MiB/,
  },
  {
    name: 'a version with too many tables',
    make: (target: string) => withEdits(target, () => missingTables(MAX_PARTS * 1.25)),
    inspects: 'MANIFEST-000005',
    says: /MANIFEST-000005.* more than 800\d\d tables/,
  },
];

describe.each(inputs)('$name', ({ make, inspects, says }) => {
  let target: string;
  beforeAll(() => {
    target = mkdtempSync(join(folder, 'db-'));
    make(target);
  });

  it.each([
    ['scan', ''],
    ['scan', '--application'],
    ['simulate', ''],
    ['find', '--key k1'],
    ['export', '--lenient'],
    ['repair', '--strategy auto --dry-run'],
  ])('is said by %s %s, and no verdict is good', async (command, flags) => {
    const { status, out, err } = await kvdoctor(`${command} ${target} ${flags} --no-progress`);
    const flat = (out + err).replace(/\s+/g, ' ');
    expect(flat).toMatch(says);
    expect(flat).toContain('unchecked');
    expect(flat).not.toMatch(/Clean|loses nothing|internal error/);
    expect(status).toBe(3);
  });

  it('is said by inspect', async () => {
    const { status, out } = await kvdoctor(`inspect --brief --limit 100000 ${target}/${inspects}`);
    expect(out).toContain('not decoded');
    expect(status).toBe(3);
  });
});

it('an archive with too many files is not looked at, and said to be', async () => {
  const archive = join(folder, 'many.tar');
  withMembers(archive, function* () {
    for (let i = 0; i <= MAX_MEMBERS; i++) yield `d${i}/CURRENT`;
  });
  const { status, out } = await kvdoctor(`scan ${archive} --no-progress`);
  expect(out.replace(/\s+/g, ' ')).toContain(`it holds more than ${MAX_MEMBERS} files`);
  expect(out).not.toContain('damaged');
  expect(status).toBe(3);
});
