import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { DatabaseExport } from '../../src/export/database.js';
import { newColumnFamily } from '../../src/format/manifest/apply.js';
import { DirectorySink } from '../../src/io/directory-sink.js';
import { expectValid } from '../report/schema.js';
import { withFieldCase } from '../support/field.js';
import { withTemporaryDirectory } from '../support/files.js';
import { kvdoctor } from './host.js';

const healthy = (body: (dir: string) => Promise<void>) => withFieldCase('comparator-healthy', [], body);
/** A block of the newer of two tables is gone; the older one has some of its keys. */
const damaged = (body: (dir: string) => Promise<void>) =>
  withFieldCase('comparator-healthy', ['zero 000011.sst 0x2800 1024'], body);

const UNCHECKED = 'what depends on the order of keys in column family default';

/** A healthy database of two column families: one under the default comparator, one whose order only its application knows. */
async function withTwoFamilies(body: (dir: string) => Promise<void>): Promise<void> {
  await withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'db');
    const directory = await DirectorySink.create(dir);
    const sink = new DatabaseExport(directory);
    const put = (key: string) => sink.entry({ key: Buffer.from(key), value: Buffer.from('v'), sequence: 0n });
    await sink.family(newColumnFamily(0, 'default'));
    for (const key of ['a', 'b', 'c']) put(key);
    await sink.flush();
    await sink.family({ ...newColumnFamily(1, 'own'), comparator: 'app.by_length' });
    for (const key of ['z', 'aa', 'mmm']) put(key);
    await sink.flush();
    await sink.finish();
    await directory.commit();
    await body(dir);
  });
}

describe('a comparator that only the application knows', () => {
  it.each(['scan', 'simulate', 'simulate --digest', 'repair --strategy auto --dry-run'])(
    'leaves %s of a healthy database incomplete',
    (command) =>
      healthy(async (dir) => {
        const { status, out } = await kvdoctor(`${command} ${dir}`);
        expect(status).toBe(3);
        expect(out.replace(/\s+/g, ' ')).toContain(UNCHECKED);
        expect(out).not.toMatch(/[0-9a-f]{16}/);
      }),
  );

  it('lets find show versions, and not say which one a reader gets', () =>
    healthy(async (dir) => {
      const { status, out } = await kvdoctor(`find --key key000001 ${dir}`);
      expect(status).toBe(3);
      expect(out).toContain('a reader gets  not known');
      expect(out).toContain('@1002');
      expect(out).not.toContain('what a reader gets');
    }));

  it('lets compare say that it did not compare', () =>
    healthy(async (dir) => {
      const { status, out } = await kvdoctor(`compare ${dir} ${dir}`);
      expect(status).toBe(3);
      expect(out).toContain('not compared: column family default');
      expect(out).toContain('No difference in what could be compared.');
    }));

  it('has export write every version and merge none', () =>
    healthy(async (dir) => {
      const { status, out, err } = await kvdoctor(`export ${dir}`);
      expect(status).toBe(3);
      expect(err).toContain('1030 versions, not merged');
      const lines = out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(lines).toHaveLength(1030);
      const versions = lines.filter(({ key }) => key.utf8 === 'key000001');
      expect(versions.map(({ sequence, version }) => [sequence, version])).toEqual([
        ['1002', 'put'],
        ['2', 'put'],
      ]);
    }));

  it('has export refuse to make a database', () =>
    healthy(async (dir) => {
      const { status, err } = await kvdoctor(`export --output ${dir}.new ${dir}`);
      expect(status).toBe(3);
      expect(err).toContain('app.suffix_cmp');
      expect(existsSync(`${dir}.new`)).toBe(false);
    }));

  it('has export exit 1 where damage leaves something out, too', () =>
    damaged(async (dir) => {
      const { status, err } = await kvdoctor(`export ${dir}`);
      expect(status).toBe(1);
      expect(err).toContain('up to the first damage');
    }));

  it('lets no repair bring old values back that it did not announce', () =>
    damaged(async (dir) => {
      expect((await kvdoctor(`scan ${dir}`)).out.replace(/\s+/g, ' ')).toContain(
        '1 older table may hold older versions',
      );
      const refused = await kvdoctor(`repair --strategy auto --dry-run ${dir}`);
      expect(refused.status).toBe(5);
      expect(refused.out.replace(/\s+/g, ' ')).toContain(
        'older values of up to 16 keys in other tables would come back',
      );
      const { status, out } = await kvdoctor(
        `repair --strategy auto --on-lost-tombstones accept --dry-run --format json ${dir}`,
      );
      expect(status).toBe(0);
      const report = JSON.parse(out);
      expectValid(report);
      expect(report.targets[0].plan.loss).toMatchObject([
        { facts: { entries: '35' } },
        { facts: { keysThatMayComeBack: 16 } },
      ]);
    }));

  it('concerns only the column families that have it', () =>
    withTwoFamilies(async (dir) => {
      const scan = await kvdoctor(`scan ${dir}`);
      expect(scan.status).toBe(3);
      expect(scan.out.replace(/\s+/g, ' ')).toContain('column family own: app.by_length');
      expect(scan.out).not.toContain(UNCHECKED);
      const { targets } = JSON.parse((await kvdoctor(`simulate --digest --format json ${dir}`)).out);
      expect(targets[0].recovery[0].columnFamilies).toMatchObject([{ name: 'default', entries: 3 }]);
      expect(await kvdoctor(`export --cf default --output ${dir}.new ${dir}`)).toMatchObject({ status: 0 });
      expect(await kvdoctor(`export --cf own --output ${dir}.own ${dir}`)).toMatchObject({ status: 3 });
      expect(await kvdoctor(`find --key b --cf default ${dir}`)).toMatchObject({ status: 0 });
      expect(await kvdoctor(`find --key z --cf own ${dir}`)).toMatchObject({ status: 3 });
    }));
});

it('keys hidden in place of what a table lost stand under what is lost', () =>
  withFieldCase('bound-with-unknown-type', ['zero 000011.sst 0x2800 1024'], async (dir) => {
    const { out } = await kvdoctor(
      `repair --strategy tables --dry-run --engine-version 9.7 --format json ${dir}`,
    );
    const { loss } = JSON.parse(out).targets[0].plan;
    expect(loss).toContainEqual(
      expect.objectContaining({ facts: expect.objectContaining({ hiddenKeys: 37 }) }),
    );
  }));
