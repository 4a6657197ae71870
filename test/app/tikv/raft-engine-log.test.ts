import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instanceDirectories } from '../../../src/app/applications.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { crateMissing, crateWritesStore } from '../../engines/raft-engine.js';
import * as tikv from '../../support/tikv.js';
import {
  applyStateOf,
  kvBatches,
  LOG,
  regionsOf,
  type StoreOp,
  writeStore,
} from '../../support/tikv-store.js';

/* A store put together from real parts: a kv database by RocksDB with TiKV's families and keys, a raft log by the crate raft-engine. */

const why = crateMissing();
if (why !== undefined) console.log(`skipped: ${why}`);

const shape = { regions: 6, rows: 3, perTable: 3 };
const ids = regionsOf(shape).map(({ id }) => id);
const whole = Object.fromEntries(ids.map((id) => [String(id), `${id}=6-18,commit=17`]));

let scratch: string;
let made = 0;
beforeAll(async () => {
  scratch = fs.mkdtempSync(path.join(tmpdir(), 'tikv-raft-engine-'));
  if (why === undefined) await writeStore(path.join(scratch, 'kv'), [kvBatches(shape)]);
});
afterAll(() => fs.rmSync(scratch, { recursive: true }));

/** A store whose raft log is another one for some regions: `undefined` for none. Further batches of the kv database make it anew. */
async function store(raft: Record<string, string | undefined> = {}, kv?: StoreOp[]): Promise<string> {
  const dir = path.join(scratch, String(made++));
  fs.mkdirSync(dir);
  if (kv === undefined) fs.cpSync(path.join(scratch, 'kv'), path.join(dir, 'db'), { recursive: true });
  else await writeStore(path.join(dir, 'db'), [[...kvBatches(shape), kv]]);
  const regions = Object.values({ ...whole, ...raft }).filter((each) => each !== undefined);
  crateWritesStore(path.join(dir, 'raft-engine'), regions);
  return dir;
}

async function found(dir: string): Promise<string[]> {
  const { findings } = await scanTarget(path.join(dir, 'db'), { application: true, jobs: 1 });
  return findings
    .filter(({ rule }) => rule.startsWith('tikv/'))
    .map(({ severity, rule, message }) => `${severity} ${rule.slice(5)}: ${message}`);
}

const mismatch = (region: number, message: string) =>
  `error apply-log-mismatch: region ${region}: ${message}`;
const gap = (severity: string, region: number, message: string) =>
  `${severity} raft-log-gap: region ${region}: ${message}`;

describe.skipIf(why !== undefined)('a store with its raft log in raft-engine', () => {
  it('is clean, as a whole and in its parts', async () => {
    const dir = await store();
    expect(await found(dir)).toEqual([]);
    const log = await scanTarget(path.join(dir, 'raft-engine'), { application: true });
    expect(log.findings).toEqual([]);
    expect(log.unchecked).toEqual([]);
  });

  it.each<[string, Record<string, string | undefined>, string[]]>([
    [
      'the log ends before what has been applied',
      { 100: '100=6-15,commit=15' },
      [mismatch(100, 'entries up to 17 have been applied, and the raft log ends at 15')],
    ],
    [
      'the log knows nothing of a region',
      { 104: undefined },
      [mismatch(104, 'entries up to 17 have been applied, and the raft log knows nothing of the region')],
    ],
    [
      'what was committed is not in the log',
      { 108: '108=6-18,commit=19' },
      [mismatch(108, 'entry 19 was committed, and the raft log ends at 18')],
    ],
    [
      'the term went back',
      { 112: '112=6-18,commit=17,term=5' },
      [mismatch(112, 'an entry of term 6 was committed, and the raft state is of term 5')],
    ],
    [
      'entries that are still to be applied are missing',
      { 116: '116=6-17,commit=17,last=18' },
      [gap('error', 116, 'entry 18 is missing from the raft log, which goes from 6 to 18')],
    ],
    [
      'entries that followers may need are missing',
      { 116: '116=9-18,commit=17' },
      [gap('warning', 116, 'entries 6 to 8 are missing from the raft log, which goes from 6 to 18')],
    ],
    [
      'the applied entry and those before it are missing',
      { 120: '120=18-18,commit=17' },
      [
        mismatch(120, 'the entry at the applied index 17 is not in the raft log'),
        gap('error', 120, 'entries 6 to 17 are missing from the raft log, which goes from 6 to 18'),
      ],
    ],
    [
      'the raft state is gone',
      { 100: '100=6-18,state=none' },
      [mismatch(100, 'entries up to 17 have been applied, and the raft log knows nothing of the region')],
    ],
    [
      'the raft state does not decode',
      { 100: '100=6-18,state=bad' },
      [
        mismatch(100, 'entries up to 17 have been applied, and the raft log knows nothing of the region'),
        'error malformed-state: the raft state of region 100 does not decode',
      ],
    ],
    [
      'an applied entry is of an epoch that the region has not reached',
      { 104: '104=6-18,commit=17,epoch=5:62' },
      [
        mismatch(
          104,
          'entry 6, which has been applied, was proposed at version 62 and conf version 5 of the region, and its state has not reached these: it lacks a split, a merge or a change of peers',
        ),
      ],
    ],
    ['applied entries are of the epoch that the region has', { 104: '104=6-18,commit=17,epoch=5:61' }, []],
    [
      'an applied entry is of peers that the region has not',
      { 104: '104=6-18,commit=17,epoch=6:61' },
      [
        mismatch(
          104,
          'entry 6, which has been applied, was proposed at version 61 and conf version 6 of the region, and its state has not reached these: it lacks a split, a merge or a change of peers',
        ),
      ],
    ],
    [
      'an entry does not decode',
      { 104: '104=6-18,commit=17,entry=9' },
      ['error malformed-state: log entry 9 of region 104 does not decode'],
    ],
  ])('%s', async (_, raft, expected) => {
    expect((await found(await store(raft))).sort()).toEqual(expected.sort());
  });

  it.each<[string, StoreOp[], string[]]>([
    [
      'more has been applied than was committed',
      [
        {
          family: 'raft',
          key: tikv.applyStateKey(112n),
          value: tikv.encodeApplyState({
            appliedIndex: 18n,
            truncatedIndex: LOG.truncated,
            truncatedTerm: 5n,
            commitIndex: 17n,
            commitTerm: LOG.term,
          }),
        },
      ],
      [mismatch(112, 'entries up to 18 have been applied, and only 17 is known to be committed')],
    ],
    [
      'the log has been cut further than was applied',
      [applyStateOf(116n, 4n)],
      [mismatch(116, 'the log has been cut at 5, and only 4 has been applied')],
    ],
    [
      'a region has no apply state',
      [{ family: 'raft', key: tikv.applyStateKey(120n) }],
      ['error apply-state-missing: region 120 has no apply state'],
    ],
    [
      'an apply state does not decode',
      [{ family: 'raft', key: tikv.applyStateKey(120n), value: Uint8Array.of(0x0a, 0x7f) }],
      [
        'error apply-state-missing: region 120 has no apply state',
        'error malformed-state: the apply state of region 120 does not decode',
      ],
    ],
  ])('%s', async (_, kv, expected) => {
    expect((await found(await store({}, kv))).sort()).toEqual(expected.sort());
  });

  it('the entries of a region are damaged: those to be applied are missed', async () => {
    const dir = await store();
    const file = path.join(dir, 'raft-engine', '0000000000000001.raftlog');
    const bytes = fs.readFileSync(file);
    const at = bytes.indexOf('entry 6 of region 104');
    bytes[at] ^= 1;
    fs.writeFileSync(file, bytes);
    expect(await found(dir)).toEqual([
      mismatch(104, 'the entry at the applied index 17 is not in the raft log'),
      gap('error', 104, 'entries 6 to 18 are missing from the raft log, which goes from 6 to 18'),
    ]);
  });

  it('the raft log does not open: it is said to be unread', async () => {
    const dir = await store();
    const file = path.join(dir, 'raft-engine', '0000000000000001.raftlog');
    fs.writeFileSync(file, fs.readFileSync(file).fill(0, 0, 10));
    fs.writeFileSync(path.join(dir, 'raft-engine', '0000000000000002.raftlog'), '');
    expect(await found(dir)).toEqual([
      expect.stringMatching(/^note raft-log-unread: .* does not open, since a file/),
    ]);
  });
});

describe.skipIf(why !== undefined)('the data directory of a store', () => {
  it('is its kv database and its raft log, wherever its configuration says that they are', async () => {
    const dir = await store();
    expect(await instanceDirectories(dir)).toEqual([path.join(dir, 'db'), path.join(dir, 'raft-engine')]);
    const elsewhere = path.join(dir, 'logs');
    fs.renameSync(path.join(dir, 'raft-engine'), elsewhere);
    const config = `[rocksdb]\ndir = "no"\n\n[raft-engine]\nenable = true\ndir = "${elsewhere}"\n`;
    fs.writeFileSync(path.join(dir, 'last_tikv.toml'), config);
    expect(await instanceDirectories(dir)).toEqual([path.join(dir, 'db'), elsewhere]);
    expect(await found(dir)).toEqual([]);
    expect(await instanceDirectories(path.join(dir, 'db'))).toEqual([path.join(dir, 'db')]);
  });

  it('and snapshots and tables to be ingested, which are named as unchecked', async () => {
    const dir = await store();
    for (const name of ['snap', 'import/.temp']) fs.mkdirSync(path.join(dir, name), { recursive: true });
    // nothing is in them
    expect(await instanceDirectories(dir)).toHaveLength(2);
    const files = {
      snap: [
        'rev_100_6_18.meta',
        'rev_100_6_18_default.sst',
        'rev_100_6_18_write_0001.sst',
        'gen_104_6_18.meta',
      ],
      import: ['0d9c2b44-9a6e-4c55-9f0b-3a1f1f5b8a11_100_5_60_write_2.sst'],
    };
    for (const [name, of] of Object.entries(files))
      for (const file of of) fs.writeFileSync(path.join(dir, name, file), 'anything');
    const directories = await instanceDirectories(dir);
    expect(directories.map((each) => path.basename(each))).toEqual(['db', 'raft-engine', 'snap', 'import']);
    for (const each of directories.slice(2)) {
      const { findings, unchecked } = await scanTarget(each, { application: true });
      expect(findings).toEqual([]);
      expect(unchecked.map(({ reason }) => reason).join()).toMatch(
        /holds (snapshots of regions|tables that are to be ingested) of a TiKV store, which are not checked/,
      );
    }
  });
});
