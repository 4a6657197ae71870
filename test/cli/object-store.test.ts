import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/finding/finding.js';
import { corpora, corpusCases, unpack } from '../corpus/corpus.js';
import { damageCases } from '../support/case.js';
import { type CliOptions, kvdoctor as kvdoctorProcess } from '../support/cli.js';
import {
  type FileSet,
  fixture,
  readFileSet,
  withTemporaryDirectory,
  writeFileSet,
} from '../support/files.js';
import {
  type Fault,
  StoreServer,
  serverMissing,
  storedCases,
  withCredentials,
} from '../support/object-store.js';
import { packings } from '../support/packings.js';
import { applyPatches } from '../support/patch.js';
import { tarOf } from '../support/tar.js';
import { fakeHost, kvdoctor } from './host.js';

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
        // what the checksum of a store tells has no place on a disk
        findings: findings
          .filter(({ rule }) => rule !== 'object/uploaded-damaged')
          .map(({ next: _, ...found }) => found),
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
  findings: { rule: string; next?: string }[];
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

async function expectSameScan(dir: string, url: string): Promise<Awaited<ReturnType<typeof kvdoctor>>> {
  const here = await kvdoctor(`scan --json ${dir}`);
  const there = await asRoot(`scan --json ${url}`);
  expect(there.err).toBe('');
  expect(said(there.out.replaceAll(url, dir))).toEqual(said(here.out));
  expect(there.status).toBe(here.status);
  return here;
}

describe.skipIf(missing !== undefined)('a database in a bucket', () => {
  // Titan's files are not checked in a bucket
  const cases = damageCases().filter(
    ({ name, options, target }) =>
      Object.keys(options).length === 0 && target === '.' && !name.startsWith('titan/'),
  );
  const sample = cases.filter((_, i) => i % Math.ceil(cases.length / 6) === 0);

  it.each(sample.map((each) => [each.name, each] as const))(
    'is found as damaged as on disk: %s',
    async (name, { base, patches }) => {
      await both(`cases/${name}`, await applyPatches(fixture(base), patches), async (dir, url) => {
        await expectSameScan(dir, url);
      });
    },
  );

  it('says that the files of Titan in it are not checked', async () => {
    await both('titan', fixture('titan/lz4'), async (_dir, url) => {
      const { out, status } = await asRoot(`scan --json ${url}`);
      expect(JSON.parse(out).targets[0].unchecked).toMatchObject([{ file: 'titandb' }]);
      expect(status).toBe(3);
    });
  });

  it.each(['basic-7.8', 'backup-7.8', 'blob-7.8', 'kvrocks-master', 'leveldb'])(
    '%s is scanned as on disk',
    async (base) => {
      await both(base, fixture(base), async (dir, url) => {
        await expectSameScan(dir, url);
      });
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

  it('are counted before they are read', async () => {
    await server.put(bucket, 'counted/a', fixture('basic-7.8'));
    await server.put(bucket, 'counted', new Map([['b.tar', await tarOf(fixture('basic-7.8'))]]));
    const proxy = await server.through(() => 'none');
    const { out, status } = await asRoot(
      `scan --dry-run --format json s3://${bucket}/counted/*`,
      proxy.endpoint,
    );
    const { depths, targets } = JSON.parse(out);
    expect([status, targets.length]).toEqual([0, 2]);
    // the pattern, each listing, and of the archive headers
    expect(proxy.requests()).toBeLessThan(20);
    const { bytes, requests } = JSON.parse((await asRoot(`scan --json s3://${bucket}/counted/a`)).out)
      .targets[0].transfer;
    const [{ depths: said }] = targets;
    expect(said.full.bytes / bytes).toBeGreaterThan(0.7);
    expect(said.full.bytes / bytes).toBeLessThan(1.4);
    expect(said.full.requests / requests).toBeGreaterThan(0.6);
    expect(said.full.requests / requests).toBeLessThan(1.5);
    expect(depths.structure.requests).toBeGreaterThan(0);
    const text = (await asRoot(`scan --dry-run s3://${bucket}/counted/*`)).out;
    expect(text).toMatch(/^2 targets, \d+ files, /);
    expect(text).toMatch(/^ +structure +\S+ \w+ +\d+$/m);
    expect((await asRoot(`scan --dry-run s3://${bucket}/nothing-here`)).status).toBe(2);
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

/** Databases of the fleet (KVDOCTOR_FLEET=2000 takes more), and the processes that share it. */
const FLEET = Number(process.env.KVDOCTOR_FLEET ?? 64);
const SHARDS = 8;

describe.skipIf(missing !== undefined)('a fleet in a bucket', () => {
  it(`of ${FLEET} databases is what one scan says, by ${SHARDS} processes, one of them killed and run again`, {
    timeout: 3_600_000,
  }, async () => {
    const whole = fixture('leveldb');
    const damaged = await applyPatches(fixture('leveldb'), ['flip 000005.ldb 0x40.2']);
    for (let i = 0; i < FLEET; i++) await server.put(bucket, `many/db-${i}`, i % 50 === 7 ? damaged : whole);
    const target = `s3://${bucket}/many/*`;
    await withTemporaryDirectory(async (reports) => {
      const shard = (index: number, endpoint: string, more: CliOptions = {}) =>
        withCredentials({}, () => {
          const env = { JOB_COMPLETION_INDEX: String(index), JOB_COMPLETIONS: String(SHARDS) };
          const output = ['--format', `json=${path.join(reports, `${index}.json`)}`, '-q'];
          const line = ['scan', target, '--shard', 'env', '--endpoint-url', endpoint, ...output];
          return kvdoctorProcess(line, { env, ...more });
        });
      let pid: number | undefined;
      const killing = await server.through((request) => {
        if (request === 5 && pid !== undefined) process.kill(pid, 'SIGKILL');
        return 'none';
      });
      const indices = Array.from({ length: SHARDS }, (_, i) => i);
      const killed = indices.length - 1;
      for (const index of indices.slice(0, killed))
        expect((await shard(index, server.endpoint)).status).toBeLessThan(2);
      const meanwhile = (started: number) => {
        pid = started;
      };
      expect((await shard(killed, killing.endpoint, { meanwhile })).signal).toBe('SIGKILL');
      const merge = () => asRoot(`merge --json ${reports}/*.json`);
      expect(JSON.parse((await merge()).out).summary.unchecked).toBeGreaterThan(0);
      await shard(killed, server.endpoint);
      const merged = await merge();
      const once = await asRoot(`scan --json ${target}`);
      expect(said(merged.out)).toEqual(said(once.out));
      expect(JSON.parse(once.out).targets).toHaveLength(FLEET);
      expect([merged.status, once.status]).toEqual([1, 1]);
    });
  });
});

describe.skipIf(missing !== undefined)('an archive in a bucket', () => {
  const damaged = () =>
    applyPatches(fixture('basic-7.8'), ['flip 000019.log 0x7c.5', 'flip 000014.sst 0x40.3']);

  it.each(packings)('is scanned as its directory is: %s', async (name, packed) => {
    const files = await damaged();
    await server.put(bucket, 'archives', new Map([[name, await packed(files, 'data/db/')]]));
    await both('unpacked', files, async (dir) => {
      const here = await kvdoctor(`scan --json ${dir}`);
      const url = `s3://${bucket}/archives/${name}`;
      const there = await asRoot(`scan --json ${url}`);
      const [kept] = said(here.out).targets;
      expect(said(there.out).targets[0]).toEqual(kept);
      expect(there.status).toBe(here.status);
    });
  });

  it.each(['simulate --digest', 'find --prefix --key k', 'export'])('is read by %s', async (command) => {
    await both('unpacked', fixture('basic-7.8'), async (dir) => {
      const here = await kvdoctor(`${command} ${dir}`);
      for (const [name, packed] of packings) {
        await server.put(bucket, 'archives', new Map([[name, await packed(fixture('basic-7.8'), 'db/')]]));
        const url = `s3://${bucket}/archives/${name}`;
        const there = await asRoot(`${command} ${url}`);
        expect(there.err).not.toContain('cannot');
        const flat = (text: string) =>
          text
            .replaceAll(/(?<=^|\s)\/\S*\/(?:stdin\.tar|world\.mcworld|stored\.zip)/g, url)
            .replaceAll(url, dir)
            .replace(/\s+/g, ' ')
            .replace(/Read .* (?:s|requests?)\./, '');
        expect(flat(there.out)).toBe(flat(here.out));
        expect(there.status).toBe(here.status);
      }
    });
  });

  it('is read in the ranges that are needed where it is not compressed', async () => {
    const files: FileSet = new Map([...fixture('basic-7.8'), ['backup.bin', Buffer.alloc(16 << 20, 7)]]);
    await server.put(bucket, 'archives', new Map([['large.tar', await tarOf(files, 'db/')]]));
    const { out, status } = await asRoot(`scan --json s3://${bucket}/archives/large.tar`);
    const [{ transfer, archive }] = JSON.parse(out).targets;
    expect([status, archive.root]).toEqual([0, 'db']);
    expect(transfer.bytes).toBeLessThan(4 << 20);
  });

  it('and reports in one are matched by patterns', async () => {
    const url = `s3://${bucket}/night`;
    await withTemporaryDirectory(async (dir) => {
      for (const name of ['a', 'b']) {
        await server.put(bucket, 'night', new Map([[`${name}.tar`, await tarOf(fixture('basic-7.8'))]]));
        await asRoot(`scan ${url}/${name}.tar --format json=${dir}/${name}.json`);
      }
      await server.put(bucket, 'reports', readFileSet(dir));
    });
    const scanned = JSON.parse((await asRoot(`scan --json ${url}/*.tar`)).out);
    const merged = JSON.parse((await asRoot(`merge --format json s3://${bucket}/reports/*.json`)).out);
    expect(scanned.targets.map(({ path }: { path: string }) => path)).toEqual([
      `${url}/a.tar`,
      `${url}/b.tar`,
    ]);
    expect(said(JSON.stringify(merged))).toEqual(said(JSON.stringify(scanned)));
    expect((await asRoot(`merge s3://${bucket}/reports`)).err).toContain('is no object');
  });
});

describe.skipIf(missing !== undefined)('a damaged file in a bucket', () => {
  const table = '000014.sst';
  const damaged = () => applyPatches(fixture('basic-7.8'), [`flip ${table} 0x40.3`]);

  /** What is told of the checksum that the store keeps. */
  async function told(url: string, endpoint = server.endpoint): Promise<string[]> {
    const { targets } = JSON.parse((await asRoot(`scan --json ${url}`, endpoint)).out);
    const [{ findings }] = targets as [{ findings: Finding[] }];
    return findings
      .filter(({ rule }) => rule.startsWith('object/'))
      .map(
        ({ severity, rule, file, evidence, message }) =>
          `${severity} ${rule} ${file} ${evidence.checksum}${/, and has the same damage$/.test(message) ? ', twice' : ''}`,
      );
  }

  it.each(['CRC64NVME', 'CRC32C', 'CRC32', 'SHA256', 'SHA1'] as const)(
    'that has the checksum of its upload was uploaded so: %s',
    async (algorithm) => {
      const url = `s3://${bucket}/checksums/${algorithm}`;
      await server.put(bucket, `checksums/${algorithm}`, await damaged(), algorithm);
      const name = algorithm.replace('SHA', 'SHA-');
      expect(await told(url)).toEqual([`note object/uploaded-damaged ${table} ${name}`]);
      expect(await told(`${url}/${table}`)).toEqual([`note object/uploaded-damaged ${table} ${name}`]);
    },
  );

  const large = () => Buffer.alloc(12 << 20, 'no table');

  it.each([
    ['CRC64NVME', { ChecksumAlgorithm: 'CRC64NVME', ChecksumType: 'FULL_OBJECT' }],
    ['CRC32C', { ChecksumAlgorithm: 'CRC32C', ChecksumType: 'COMPOSITE' }],
    ['SHA-256', { ChecksumAlgorithm: 'SHA256', ChecksumType: 'COMPOSITE' }],
  ] as const)('that was uploaded in parts is compared part by part: %s %o', async (name, checksum) => {
    await server.putInParts(bucket, `parts/${table}`, large(), checksum);
    expect(await told(`s3://${bucket}/parts/${table}`)).toEqual([
      `note object/uploaded-damaged ${table} ${name}`,
    ]);
  });

  it('that has another checksum than its upload changed in the store', async () => {
    await server.put(bucket, 'rotten', fixture('basic-7.8'), 'CRC64NVME');
    const kept = path.join(home, 'data', bucket, 'rotten', table);
    fs.writeFileSync(kept, (await damaged()).get(table)!);
    expect(await told(`s3://${bucket}/rotten`)).toEqual([
      `error object/not-as-uploaded ${table} CRC64NVME, twice`,
    ]);
  });

  it('of which the store keeps no checksum is known by its ETag, and another ETag proves nothing', async () => {
    const { endpoint } = await server.through(() => 'none', { hidesChecksums: true });
    await server.put(bucket, 'etag', await damaged());
    await server.putInParts(bucket, `etag/parts/${table}`, large(), {
      ChecksumAlgorithm: 'CRC32C',
      ChecksumType: 'COMPOSITE',
    });
    for (const url of [`s3://${bucket}/etag`, `s3://${bucket}/etag/parts/${table}`])
      expect(await told(url, endpoint)).toEqual([`note object/uploaded-damaged ${table} MD5, its ETag`]);
    fs.writeFileSync(path.join(home, 'data', bucket, 'etag', table), 'something else');
    expect(await told(`s3://${bucket}/etag`, endpoint)).toEqual([]);
  });

  it('is copied before it is repaired', async () => {
    const options = `--endpoint-url ${server.endpoint}`;
    const url = `s3://${bucket}/next`;
    await server.put(bucket, 'next', await damaged());
    expect((await asRoot(`scan ${url}`)).out).toContain(
      `aws s3 sync ${options} ${url} next && kvdoctor repair --strategy auto --dry-run next`,
    );
    await server.put(bucket, 'next', new Map([['db.tar', await tarOf(await damaged(), 'db/')]]));
    const packed = (await asRoot(`scan ${url}/db.tar`)).out;
    expect(packed).toContain(`aws s3 cp ${options} ${url}/db.tar db.tar && mkdir db.tar.unpacked && tar -xf`);
    expect(packed).toContain('kvdoctor repair --strategy auto --dry-run db.tar.unpacked/db');
    const [shared] = [...fixture('backup-7.8').keys()].filter((name) => name.endsWith('.sst'));
    const backups = await applyPatches(fixture('backup-7.8'), [`flip ${shared} 0x40.3`]);
    await server.put(bucket, 'backups', backups);
    expect((await asRoot(`scan s3://${bucket}/backups`)).out).toContain(
      `kvdoctor export --lenient --backup 2 --output backups.restored-2 ${options} s3://${bucket}/backups`,
    );
  });

  it('that is well when it is read again was changed on the way', async () => {
    await server.put(bucket, 'way', fixture('basic-7.8'), 'CRC32C');
    let flips = 0;
    const { endpoint } = await server.through((_, url) =>
      url.includes(table) && flips++ === 0 ? 'flip' : 'none',
    );
    expect(await told(`s3://${bucket}/way/${table}`, endpoint)).toEqual([
      `warning object/damaged-on-the-way ${table} CRC32C`,
    ]);
  });

  it('is not read again for its structure alone, nor is a file that is well', async () => {
    await server.put(bucket, 'once', await damaged());
    expect((await asRoot(`scan --json --depth structure s3://${bucket}/once`)).out).not.toContain('object/');
    await server.put(bucket, 'well', fixture('basic-7.8'));
    const kept = path.join(home, 'data', bucket, 'well', 'LOG');
    fs.appendFileSync(kept, 'changed');
    expect(await told(`s3://${bucket}/well`)).toEqual([]);
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

  it.each([
    [403, 'RequestTimeTooSkewed', 'the clock of this machine is too far from that of the object store'],
    [400, 'ExpiredToken', 'the credentials for the object store have expired'],
    [
      301,
      'PermanentRedirect',
      'the bucket lies in another region than requests are signed for: set AWS_REGION',
    ],
    [400, 'AuthorizationHeaderMalformed', 'the bucket lies in another region'],
    [
      403,
      'InvalidObjectState',
      'the object is in an archive class: it must be restored before it can be read',
    ],
    [403, 'KMS.DisabledException', 'the credentials do not allow it (KMS.DisabledException)'],
    [500, 'InternalError', 'fails (InternalError, status 500)'],
  ] as const)('because the store answers %i %s: status 3', async (status, code, sentence) => {
    const answering = http.createServer((_, response) => {
      response.writeHead(status, { 'content-type': 'application/xml' });
      response.end(`<Error><Code>${code}</Code><Message>no</Message></Error>`);
    });
    await new Promise<void>((resolve) => answering.listen(0, '127.0.0.1', resolve));
    const { port } = answering.address() as AddressInfo;
    for (const command of ['scan', 'simulate']) {
      const seen = await asRoot(`${command} s3://${bucket}/alone`, `http://127.0.0.1:${port}`);
      expect(`${seen.out} ${seen.err}`.replace(/\s+/g, ' ')).toContain(sentence);
      expect(`${seen.out} ${seen.err}`).not.toContain('    at ');
      expect(seen.status).toBe(3);
    }
    answering.close();
  });

  it.each(['s3://', 's3://Not_A_Bucket/db'])('because its name is none: %s, status 2', async (target) => {
    const seen = await asRoot(`scan ${target}`);
    expect(seen.err).toMatch(/it names no bucket|no bucket can be called Not_A_Bucket/);
    expect(seen.status).toBe(2);
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

  it.each(['cut', 'short', 'other-range', 'gone', 'archived'] as const)(
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

  it.each(sample.map((each, i) => [each.name, each.from, i] as const))(
    '%s is scanned as on disk',
    async (name, from, i) => {
      await withTemporaryDirectory(async (parent) => {
        const dir = path.join(parent, 'db');
        unpack(name, dir, from);
        const files = readFileSet(dir);
        fs.rmSync(path.join(home, 'data', bucket, 'corpus'), { recursive: true, force: true });
        await server.put(bucket, `corpus/${name}`, files);
        const here = await expectSameScan(dir, `s3://${bucket}/corpus/${name}`);
        // every tenth where not all are asked for: each takes as long again
        if (sample.length < all.length && i % 10 > 0) return;
        const piped = await kvdoctor('scan --json -', fakeHost({ input: await tarOf(files, 'db/') }));
        expect(said(piped.out)).toEqual(said(here.out.replaceAll(dir, '-')));
        expect(piped.status).toBe(here.status);
      });
    },
  );
});
