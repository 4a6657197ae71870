import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { withTemporaryDirectory } from '../support/files.js';
import { inRepository } from '../support/repository.js';
import { fakeHost, kvdoctor } from './host.js';

const fixture = (name: string) => inRepository('fixtures', name);
const wal = fixture('basic-7.8/000017.log');
const table = fixture('basic-7.8/000014.sst');

describe('kvdoctor inspect', () => {
  it.each([
    ['inspect', 'a file is missing'],
    [`inspect ${wal} --hex 00`, '--hex takes the place of a file'],
    [`inspect ${fixture('basic-7.8')}`, 'a directory'],
    [`inspect ${fixture('nothing.log')}`, 'no such file or directory'],
    [`inspect ${fixture('basic-7.8/LOCK')}`, 'neither its name nor its content tells what it is'],
    [`inspect ${wal} --entries`, '--entries is for tables'],
    [`inspect ${table} --records`, '--records is for WALs'],
    [`inspect ${wal} --at 5024`, 'is after the end of the file'],
    [`inspect ${wal} --at 1/2`, 'there is no byte 2 in anything compressed at offset 1'],
    [`inspect ${wal} --at 0xzz`, 'It takes an offset'],
    [`inspect ${wal} --limit 0`, 'It takes a whole number'],
    ['inspect --hex 0g', 'pairs of hexadecimal digits'],
    [`inspect ${wal} --as wall`, 'Did you mean wal?'],
  ])('%s is a mistake', async (line, said) => {
    const { status, out, err } = await kvdoctor(line);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain(said);
    expect(err).not.toMatch(/\n\s+at /);
  });

  it('shows a batch given in hexadecimal', async () => {
    const hex = '01000000000000000100000001026b31027631';
    const { status, out } = await kvdoctor(`inspect --hex 0x${hex} --brief`);
    expect(status).toBe(0);
    expect(out).toContain('[0] put 0xc+7: "k1" @1 = "v1"');
    const cut = await kvdoctor(`inspect --hex ${hex.slice(0, -2)} --brief`);
    expect(cut.status).toBe(1);
    expect(cut.out).toContain('runs past the end of the batch');
  });

  it('takes a file for what it is told to be', async () => {
    await withTemporaryDirectory(async (dir) => {
      const copy = path.join(dir, 'evidence');
      fs.copyFileSync(table, copy);
      expect((await kvdoctor(`inspect ${copy}`)).out).toContain('evidence: table');
      const { status, out } = await kvdoctor(`inspect ${copy} --as wal --brief`);
      expect(status).toBe(1);
      expect(out).toContain('evidence: WAL');
    });
  });

  it('reads nothing that might never end', async () => {
    await withTemporaryDirectory(async (dir) => {
      const pipe = path.join(dir, '000007.log');
      execFileSync('mkfifo', [pipe]);
      const { status, err } = await kvdoctor(`inspect ${pipe}`);
      expect(status).toBe(2);
      expect(err).toContain('not a regular file');
    });
  });

  it('gives JSON that parses', async () => {
    const { status, out } = await kvdoctor(`inspect ${table} --entries --format json`);
    expect(status).toBe(0);
    const root = JSON.parse(out);
    expect(root).toMatchObject({ schemaVersion: 1, kind: 'table', size: 2728 });
    expect(root.children.map(({ name }: { name: string }) => name)).toContain('footer');
  });
});

test('a reader that goes away ends the output and is no failure', async () => {
  const host = fakeHost();
  let written = 0;
  host.stdout._write = (piece, _encoding, done) => {
    written += piece.length;
    done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  };
  // large enough for several pieces
  const { status, err } = await kvdoctor(
    `inspect ${fixture('wal-large-7.8/000004.log')} --records --full`,
    host,
  );
  expect({ status, err }).toEqual({ status: 0, err: '' });
  expect(written).toBeLessThan(200_000);
});

describe('kvdoctor find', () => {
  const db = fixture('versions-7.8');

  it.each([
    [`find ${db}`, 'a key is missing'],
    [`find ${db} --key a --key-hex 61`, 'cannot both be given'],
    [`find ${db} --key-hex 6`, 'pairs of hexadecimal digits'],
    [`find ${db} --key a --cf larg`, 'Did you mean large?'],
    [`find ${db}/nowhere --key a`, 'no such file or directory'],
  ])('%s is a mistake', async (line, said) => {
    const { status, out, err } = await kvdoctor(line);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain(said);
  });

  it('says where there is no database', async () => {
    const { status, err } = await kvdoctor(`find ${fixture('backup-7.8')} --key a`);
    expect(status).toBe(3);
    expect(err).toContain('no WALs, tables or blob files are here');
  });

  it.each([80, 160])('shows the life of a key in %i columns', async (columns) => {
    const { status, out } = await kvdoctor(
      `find ${db} --key picture`,
      fakeHost({ env: { COLUMNS: String(columns) } }),
    );
    expect(status).toBe(0);
    expect(out.split('\n').filter((line) => line.length > columns)).toEqual([]);
    await expect(out).toMatchFileSnapshot(`../find/golden/picture-${columns}.txt`);
  });

  it('ends with 1 when the key is nowhere, with 3 when not everything could be read', async () => {
    expect((await kvdoctor(`find ${db} --key nobody`)).status).toBe(1);
    const damaged = fixture('kvrocks-race-10/db');
    expect((await kvdoctor(`find ${damaged} --key nobody`)).status).toBe(3);
  });

  it('gives JSON', async () => {
    const { status, out } = await kvdoctor(`find ${db} --key story --format json`);
    expect(status).toBe(0);
    const { found, complete, keys } = JSON.parse(out);
    expect({ found, complete }).toEqual({ found: true, complete: true });
    expect(keys[0].reader).toMatchObject({ state: 'value', value: { utf8: 'there,was,a' }, sequence: '38' });
    expect(keys[0].versions[0]).toMatchObject({
      sequence: '38',
      type: 'merge',
      file: '000019.log',
      use: 'live',
      offset: 19,
      status: 'operand',
      value: { utf8: 'a' },
    });
  });
});
