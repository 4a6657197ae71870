import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { corpora, corpusCases, unpack } from '../corpus/corpus.js';
import { damageCases } from '../support/case.js';
import { fixture, readFileSet, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import {
  type Fault,
  StoreServer,
  serverMissing,
  storedCases,
  withCredentials,
} from '../support/object-store.js';
import { applyPatches } from '../support/patch.js';
import { kvdoctor } from './host.js';

const missing = serverMissing();
if (missing !== undefined) console.log(`skipped: ${missing}`);

const bucket = 'backups';
let server: StoreServer;
let home: string;

beforeAll(async () => {
  if (missing !== undefined) return;
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'kvdoctor-s3-'));
  server = await withCredentials({}, () => StoreServer.start(home));
  await server.makeBucket(bucket);
});

afterAll(() => {
  if (missing !== undefined) return;
  server.stop();
  fs.rmSync(home, { recursive: true, force: true });
});

const asRoot = (line: string, endpoint = server.endpoint) =>
  withCredentials({}, () => kvdoctor(`${line} --endpoint-url ${endpoint}`));

/** What a scan says that does not depend on where the files lie. */
function said(json: string) {
  const { verdict, targets } = JSON.parse(json);
  return {
    verdict,
    targets: targets.map(
      ({ kind, engine, application, columnFamilies, files, findings, unchecked }: Target) => ({
        kind,
        engine,
        application: application?.name,
        columnFamilies,
        files: files.map(({ modified: _, ...file }) => file),
        findings: findings.map(({ next: _, ...found }) => found),
        unchecked,
      }),
    ),
  };
}

interface Target {
  kind: string;
  engine: object;
  application?: { name: string };
  columnFamilies: object[];
  files: { modified?: string }[];
  findings: { next?: string }[];
  unchecked: object[];
}

/** The same database on disk and in the bucket. */
async function both(
  prefix: string,
  files: ReturnType<typeof fixture>,
  body: (dir: string, url: string) => Promise<void>,
) {
  await withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'db');
    writeFileSet(files, dir);
    await server.put(bucket, prefix, files);
    await body(dir, `s3://${bucket}/${prefix}`);
  });
}

async function expectSameScan(dir: string, url: string, options = ''): Promise<void> {
  const here = await kvdoctor(`scan --json ${options} ${dir}`);
  const there = await asRoot(`scan --json ${options} ${url}`);
  expect(there.err).toBe('');
  expect(said(there.out.replaceAll(url, dir))).toEqual(said(here.out));
  expect(there.status).toBe(here.status);
}

describe.skipIf(missing !== undefined)('a database in a bucket', () => {
  const cases = damageCases().filter(
    ({ options, target }) => Object.keys(options).length === 0 && target === '.',
  );
  const sample = cases.filter((_, i) => i % Math.ceil(cases.length / 6) === 0);

  it.each(sample.map((each) => [each.name, each] as const))(
    'is found as damaged as on disk: %s',
    async (name, { base, patches }) => {
      await both(`cases/${name}`, await applyPatches(fixture(base), patches), (dir, url) =>
        expectSameScan(dir, url),
      );
    },
  );

  it.each(['basic-7.8', 'backup-7.8', 'blob-7.8', 'kvrocks-master', 'leveldb'])(
    '%s is scanned as on disk',
    async (base) => {
      await both(base, fixture(base), (dir, url) => expectSameScan(dir, url));
    },
  );

  it.each(['simulate --digest', 'find --prefix --key k', 'export', 'scan --depth structure'])(
    'is read by %s as its directory is',
    async (command) => {
      await both('commands', fixture('basic-7.8'), async (dir, url) => {
        const here = await kvdoctor(`${command} ${dir}`);
        const there = await asRoot(`${command} ${url}`);
        const flat = (text: string) =>
          text
            .replaceAll(url, dir)
            .replace(/\s+/g, ' ')
            .replace(/Read .* (?:s|requests?)\./, '');
        expect(flat(there.out)).toBe(flat(here.out));
        expect(there.status).toBe(here.status);
      });
    },
  );

  it('is equal to its directory, and its files are inspected and scanned by themselves', async () => {
    await both('alone', fixture('basic-7.8'), async (dir, url) => {
      expect((await asRoot(`compare ${dir} ${url}`)).out).toContain('No difference.');
      const there = await asRoot(`inspect --brief ${url}/000017.log`);
      expect(there.out).toBe((await kvdoctor(`inspect --brief ${dir}/000017.log`)).out);
      expect((await asRoot(`scan ${url}/000014.sst`)).out).toContain('Clean: no damage in 1 file');
    });
  });
});

describe.skipIf(missing !== undefined)('several databases in a bucket', () => {
  it('are what a pattern names', async () => {
    for (const name of ['a', 'b']) await server.put(bucket, `fleet/${name}/latest`, fixture('basic-7.8'));
    await server.put(bucket, 'fleet/c/older', fixture('basic-7.8'));
    const { out, status } = await asRoot(`scan --json s3://${bucket}/fleet/*/latest`);
    const { targets, verdict } = JSON.parse(out);
    expect(targets.map(({ path }: { path: string }) => path)).toEqual([
      `s3://${bucket}/fleet/a/latest`,
      `s3://${bucket}/fleet/b/latest`,
    ]);
    expect([verdict, status]).toEqual(['clean', 0]);
    expect((await asRoot(`scan s3://${bucket}/nothing*`)).err).toContain(
      `nothing matches s3://${bucket}/nothing*`,
    );
    const above = await asRoot(`scan --json s3://${bucket}/fleet`);
    expect(JSON.parse(above.out).targets[0].unchecked[0].reason).toContain('a/latest, b/latest, c/older');
  });

  it('say how much was read of them', async () => {
    await server.put(bucket, 'measured', fixture('basic-7.8'));
    const proxy = await server.through(() => 'none');
    const { out } = await asRoot(`scan --json s3://${bucket}/measured`, proxy.endpoint);
    const { transfer, files } = JSON.parse(out).targets[0];
    expect(transfer.requests).toBe(proxy.requests());
    expect(transfer.bytes).toBeGreaterThan(0);
    expect(transfer.bytes).toBeLessThanOrEqual(
      files.reduce((sum: number, { size }: { size: number }) => sum + size, 0),
    );
    const text = (await asRoot(`scan s3://${bucket}/measured`)).out;
    expect(text).toMatch(/; the object store sent \d.* in \d+ requests?\./);
  });
});

describe.skipIf(missing !== undefined)('a copy in a bucket', () => {
  it('gives back what is damaged on disk, and is not repaired itself', async () => {
    await both('copy', fixture('basic-7.8'), async (dir, url) => {
      const table = path.join(dir, '000014.sst');
      const whole = fs.readFileSync(table);
      fs.writeFileSync(table, Buffer.concat([Buffer.from([~whole[0]]), whole.subarray(1)]));
      const repaired = await asRoot(`repair --from ${url} --in-place --yes --stopped ${dir}`);
      expect(repaired.err).not.toContain('internal');
      expect(repaired.status).toBe(0);
      expect(fs.readFileSync(table).equals(whole)).toBe(true);
      const refused = await asRoot(`repair --strategy auto --dry-run ${url}`);
      expect(refused.err.replace(/\s+/g, ' ')).toContain('lies in a bucket, where nothing is written');
      expect(refused.status).toBe(2);
    });
  });
});

describe.skipIf(missing !== undefined)('a bucket that cannot be read', () => {
  const direct = async () => (await server.through(() => 'none')).endpoint;

  it.each([
    ['s3://nothing-here/db', {}, 2, 'there is no bucket nothing-here'],
    [`s3://${bucket}/none`, {}, 2, 'no object has this name, and none lies below it'],
    [
      `s3://${bucket}/alone`,
      { secret: 'wrong' },
      3,
      'the object store does not take the credentials (SignatureDoesNotMatch)',
    ],
    [
      `s3://${bucket}/alone`,
      { key: 'nobody' },
      3,
      'the object store does not take the credentials (InvalidAccessKeyId)',
    ],
    [
      `s3://${bucket}/alone`,
      { key: 'stranger', secret: 'strangersecret' },
      3,
      `the credentials do not allow it (AccessDenied): s3:ListBucket on ${bucket} and s3:GetObject on its objects are needed`,
    ],
  ])('%s with %o: status %i, %s', async (target, credentials, status, sentence) => {
    const endpoint = await direct();
    const seen = await withCredentials(credentials, () =>
      kvdoctor(`scan ${target} --endpoint-url ${endpoint}`),
    );
    expect(`${seen.out} ${seen.err}`.replace(/\s+/g, ' ')).toContain(sentence);
    expect(seen.status).toBe(status);
  });

  it('because nothing answers there: status 3', async () => {
    const seen = await asRoot(`scan s3://${bucket}/alone`, 'http://127.0.0.1:9');
    expect(seen.out.replace(/\s+/g, ' ')).toContain('http://127.0.0.1:9 cannot be reached (ECONNREFUSED)');
    expect(seen.status).toBe(3);
  });
});

describe.skipIf(missing !== undefined)('a fault on the way', () => {
  const once =
    (what: 'slow-down' | 'cut' | 'short' | 'other-range'): Fault =>
    (request) =>
      request % 3 === 0 ? what : 'none';

  it.each(['slow-down', 'cut', 'short', 'other-range'] as const)(
    'that passes is not seen: %s',
    async (what) => {
      await both('faults', fixture('basic-7.8'), async (dir, url) => {
        const { endpoint } = await server.through(once(what));
        const there = await asRoot(`scan --json ${url}`, endpoint);
        expect(said(there.out.replaceAll(url, dir))).toEqual(
          said((await kvdoctor(`scan --json ${dir}`)).out),
        );
        expect(there.status).toBe(0);
      });
    },
  );

  it.each(['cut', 'short', 'other-range'] as const)(
    'that stays leaves files unchecked, and none damaged: %s',
    async (what) => {
      await both('faults', fixture('basic-7.8'), async (_dir, url) => {
        const { endpoint } = await server.through((_, url) => (url.includes('000014.sst') ? what : 'none'));
        const { out, status } = await asRoot(`scan --json ${url}`, endpoint);
        const { verdict, targets } = JSON.parse(out);
        expect(
          targets[0].findings.filter(({ severity }: { severity: string }) => severity === 'error'),
        ).toEqual([]);
        expect(targets[0].unchecked.map(({ file }: { file: string }) => file)).toEqual(['000014.sst']);
        expect(verdict).toBe('incomplete');
        expect(status).toBe(3);
      });
    },
  );

  it('an object that is replaced after it was listed is unchecked', async () => {
    await both('replaced', fixture('basic-7.8'), async (_dir, url) => {
      const { endpoint } = await server.through(async (request): Promise<'none'> => {
        if (request === 8)
          await server.put(bucket, 'replaced', new Map([['000020.sst', Buffer.from('another table')]]));
        return 'none';
      });
      const { out, status } = await asRoot(`scan --json ${url}`, endpoint);
      const { targets } = JSON.parse(out);
      expect(targets[0].unchecked.map(({ file }: { file: string }) => file)).toContain('000020.sst');
      expect(
        targets[0].findings.filter(({ severity }: { severity: string }) => severity === 'error'),
      ).toEqual([]);
      expect(status).toBe(3);
    });
  });
});

describe.skipIf(missing !== undefined || storedCases < 2)('the corpora in a bucket', () => {
  const all = Object.values(corpora)
    .filter((from) => fs.existsSync(path.join(from, 'cases.jsonl')))
    .flatMap((from) => corpusCases(from).map((each) => ({ from, name: each.case })));
  const step = Math.max(1, all.length / Math.max(1, storedCases));
  const sample = Array.from(
    { length: Math.min(storedCases, all.length) },
    (_, i) => all[Math.floor(i * step)],
  );

  it.each(sample.map((each) => [each.name, each.from] as const))(
    '%s is scanned as on disk',
    async (name, from) => {
      await withTemporaryDirectory(async (parent) => {
        const dir = path.join(parent, 'db');
        unpack(name, dir, from);
        await server.put(bucket, `corpus/${name}`, readFileSet(dir));
        await expectSameScan(dir, `s3://${bucket}/corpus/${name}`);
      });
    },
  );
});
