import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.js';
import { fixture, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { applyPatches } from '../support/patch.js';
import { fakeHost, kvdoctor } from './host.js';

/** As many databases as go to two shards whole, one of them damaged. */
const COUNT = 33;
const DAMAGED = 'db-07';

async function withFleet(body: (dir: string) => Promise<void>): Promise<void> {
  await withTemporaryDirectory(async (dir) => {
    const whole = fixture('leveldb');
    const damaged = await applyPatches(fixture('leveldb'), ['flip 000005.ldb 0x40.2']);
    for (let i = 0; i < COUNT; i++) {
      const name = `db-${String(i).padStart(2, '0')}`;
      writeFileSet(name === DAMAGED ? damaged : whole, path.join(dir, 'fleet', name));
    }
    fs.mkdirSync(path.join(dir, 'reports'));
    await body(dir);
  });
}

const scanShard = (dir: string, index: number) =>
  kvdoctor(
    `scan ${dir}/fleet/* --shard env --format json=${dir}/reports/${index}.json -q`,
    fakeHost({ env: { JOB_COMPLETION_INDEX: String(index), JOB_COMPLETIONS: '2' } }),
  );

/** What a report says that does not depend on when it was made. */
function timeless(text: string) {
  const { verdict, summary, targets }: Report = JSON.parse(text);
  const { startedAt: _, milliseconds: __, ...counts } = summary;
  return { verdict, counts, targets };
}

describe('a fleet of databases', () => {
  it('that shards go through is merged to what one scan says, and nothing of a missing shard is clean', async () => {
    await withFleet(async (dir) => {
      const shards = [await scanShard(dir, 0), await scanShard(dir, 1)];
      expect(shards.map(({ status }) => status).sort()).toEqual([0, 1]);
      const scanned = [0, 1].map((i) => {
        const { targets }: Report = JSON.parse(fs.readFileSync(`${dir}/reports/${i}.json`, 'utf8'));
        return targets.filter(({ files }) => files.length > 0).map(({ path: at }) => at);
      });
      expect(scanned.flat().length).toBe(COUNT);
      expect(new Set(scanned.flat()).size).toBe(COUNT);

      const merged = await kvdoctor(`merge --format json ${dir}/reports/*.json`);
      const once = await kvdoctor(`scan --json ${dir}/fleet/*`);
      expect(timeless(merged.out)).toEqual(timeless(once.out));
      expect(merged.status).toBe(once.status);

      fs.rmSync(`${dir}/reports/1.json`);
      const half = await kvdoctor(`merge --format json ${dir}/reports/*.json`);
      expect(timeless(half.out).counts.unchecked).toBe(scanned[1].length);
      const summary = await kvdoctor(`merge --summary --format json ${dir}/reports/*.json`);
      expect(JSON.parse(summary.out).verdicts.incomplete).toBe(scanned[1].length);
      expect([1, 3]).toContain(summary.status);
    });
  });

  it('is summed up: targets by verdict, the worst, their age, and a page for each', async () => {
    await withFleet(async (dir) => {
      for (const index of [0, 1]) await scanShard(dir, index);
      const { out, status } = await kvdoctor(`merge --pages ${dir}/site ${dir}/reports/*.json`);
      expect(out).toMatch(/^33 targets, .*: 1 damaged, 0 incomplete, 32 clean\.$/m);
      expect(out).toContain(DAMAGED);
      expect(out.replace(/\s+/g, ' ')).toMatch(/Checked from \S+ to \S+; the oldest data, of \S+, is in /);
      expect(status).toBe(1);
      const index = fs.readFileSync(`${dir}/site/index.html`, 'utf8');
      const links = [...index.matchAll(/<a href="(\d+\.html)">/g)].map(([, page]) => page);
      expect(links.length).toBe(COUNT);
      expect(fs.readFileSync(`${dir}/site/${links[0]}`, 'utf8')).toContain(`fleet/${DAMAGED}`);
    });
  });

  it('shows the later of two reports of one database on its page', async () => {
    await withTemporaryDirectory(async (dir) => {
      writeFileSet(fixture('leveldb'), path.join(dir, 'db'));
      await kvdoctor(`scan ${dir}/db --format json=${dir}/1.json -q`);
      writeFileSet(await applyPatches(fixture('leveldb'), ['flip 000005.ldb 0x40.2']), path.join(dir, 'db'));
      await kvdoctor(`scan ${dir}/db --format json=${dir}/2.json -q`);
      await kvdoctor(`merge --summary --pages ${dir}/site ${dir}/1.json ${dir}/2.json`);
      const index = fs.readFileSync(`${dir}/site/index.html`, 'utf8');
      const [, page] = /<a href="([^"]+)">/.exec(index)!;
      expect(fs.readFileSync(`${dir}/site/${page}`, 'utf8')).toContain('sst/block-checksum');
    });
  });
});
