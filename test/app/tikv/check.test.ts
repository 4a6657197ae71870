import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectProfile } from '../../../src/app/applications.js';
import { databaseFacts } from '../../../src/app/facts.js';
import { readDatabase } from '../../../src/engine/database.js';
import type { KeyBytes } from '../../../src/finding/evidence.js';
import type { Finding } from '../../../src/finding/finding.js';
import { viewOf } from '../../lsm/views.js';
import { leaksOf } from '../../support/leaks.js';
import * as tikv from '../../support/tikv.js';
import {
  kvBatches,
  LOG,
  raftBatches,
  regionStateOf,
  regionsOf,
  rowOf,
  type StoreOp,
  transaction,
  writeStore,
} from '../../support/tikv-store.js';

const shape = { regions: 8, rows: 4, perTable: 4 };
const regions = regionsOf(shape);
const [, second, third] = regions;
const row = (region: number, number: number) => rowOf(region, number, shape.perTable);
const long = Buffer.from('a value that is too long for a write record'.padEnd(120, '.'));
const short = Buffer.from('short');
const at = (time: string) => tikv.timestampOf(`2026-03-02T${time}Z`);
const lock = {
  type: 'P' as const,
  primary: row(1, 0),
  startTs: at('08:00:00'),
  ttl: 3000n,
  forUpdateTs: 0n,
  minCommitTs: 0n,
  inConflict: false,
};
const put = (family: StoreOp['family'], key: Uint8Array, value: Uint8Array): StoreOp => ({
  family,
  key,
  value,
});
const gone = (family: StoreOp['family'], key: Uint8Array): StoreOp => ({ family, key });
const writeOf = (user: Uint8Array, commit: bigint, record: Parameters<typeof tikv.encodeWrite>[0]) =>
  put('write', tikv.dataKey(user, commit), tikv.encodeWrite(record));
const raftState = (region: bigint, change: Partial<Parameters<typeof tikv.encodeRaftState>[0]>) =>
  put(
    'default',
    tikv.raftStateKey(region),
    tikv.encodeRaftState({
      term: LOG.term,
      vote: region + 1n,
      commit: LOG.applied,
      lastIndex: LOG.last,
      ...change,
    }),
  );
const withoutEntries = (region: bigint, ...indexes: bigint[]) =>
  indexes.map((index) => gone('default', tikv.raftLogKey(region, index)));

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'tikv-check-'));
});
afterAll(() => rmSync(scratch, { recursive: true }));

let made = 0;
/** What is found in a whole store to which something more was written. */
async function found(kv: StoreOp[], raft?: StoreOp[]): Promise<Finding[]> {
  const dir = path.join(scratch, String(made++));
  mkdirSync(dir);
  await writeStore(path.join(dir, 'db'), [[...kvBatches(shape), kv]]);
  if (raft !== undefined) await writeStore(path.join(dir, 'raft'), [[...raftBatches(shape), raft]], 'raft');
  return checked(path.join(dir, 'db'));
}

async function checked(dir: string): Promise<Finding[]> {
  const facts = databaseFacts(await readDatabase(dir));
  const profile = await detectProfile(facts);
  facts.close();
  const view = await viewOf(dir);
  const findings: Finding[] = [];
  await profile!.check?.(view, (finding) => findings.push(finding));
  expect(await leaksOf(findings, view, 'tikv')).toEqual([]);
  view.close();
  return findings;
}

const said = (findings: Finding[]) =>
  findings.map(({ severity, rule, message }) => [severity, rule, message]);

const keyNames = (findings: Finding[]) => findings.map(({ evidence }) => (evidence.key as KeyBytes).text);

describe('a store that is whole', () => {
  it('has nothing to be found', async () => expect(await found([])).toEqual([]));

  it('may have what looks odd and is not', async () => {
    const [older, newer] = [row(1, 0), row(1, 1)];
    const ops: StoreOp[] = [
      // a lock whose value waits beside it, and one that another transaction was rolled back after
      ...transaction(row(1, 9), lock.startTs, 0n, long).prewrite,
      put('lock', tikv.dataKey(older), tikv.encodeLock({ ...lock, shortValue: short })),
      writeOf(older, lock.startTs + 9n, { type: 'R', startTs: lock.startTs + 9n }),
      // locked in conflict: for-update is the other's commit
      writeOf(newer, lock.startTs + 7n, { type: 'P', startTs: lock.startTs + 1n, shortValue: short }),
      put(
        'lock',
        tikv.dataKey(newer),
        tikv.encodeLock({ ...lock, type: 'S', forUpdateTs: lock.startTs + 7n, inConflict: true }),
      ),
      // collected, as the fence says
      writeOf(row(1, 2), lock.startTs, { type: 'P', startTs: lock.startTs - 5n, gcFence: lock.startTs + 3n }),
      // a peer that knows nothing yet, and a region that is gone
      regionStateOf({
        ...second,
        id: 9001n,
        startKey: new Uint8Array(0),
        endKey: new Uint8Array(0),
        peers: [],
      }),
      regionStateOf({ ...second, id: 9002n }, 2),
    ];
    expect(await found(ops, [])).toEqual([]);
  });
});

describe('rules about regions', () => {
  it('tikv/overlapping-regions', async () => {
    const findings = await found([regionStateOf({ ...second, endKey: third.endKey, version: 59n })]);
    expect(said(findings)).toEqual([
      [
        'error',
        'tikv/overlapping-regions',
        'regions 104 (version 59, conf_ver 5) and 108 (version 62, conf_ver 5) both claim keys; region 104 is the older claim',
      ],
    ]);
  });

  it('tikv/data-outside-regions', async () => {
    const findings = await found([regionStateOf(third, 2)]);
    expect(said(findings)).toEqual([
      ['note', 'tikv/data-outside-regions', '6 entries belong to no region of this store'],
    ]);
    expect(findings[0].evidence).toMatchObject({
      first: { text: 'table 45, row 2001' },
      last: { text: 'table 45, row 2004' },
    });
  });

  it('tikv/apply-state-missing', async () => {
    expect(said(await found([gone('raft', tikv.applyStateKey(104n))], []))).toEqual([
      ['error', 'tikv/apply-state-missing', expect.stringContaining('region 104')],
    ]);
  });

  it('tikv/malformed-state', async () => {
    const ops = [
      put('raft', tikv.applyStateKey(104n), Buffer.from([0x0f])),
      put('raft', tikv.regionStateKey(9000n), tikv.encodeRegionState(2, { ...second, id: 9001n })),
      put('raft', Buffer.from('stray'), Buffer.from('1')),
    ];
    expect(said(await found(ops)).filter(([, rule]) => rule === 'tikv/malformed-state')).toEqual([
      ['error', 'tikv/malformed-state', 'the apply state of region 104 does not decode'],
      ['error', 'tikv/malformed-state', 'under the key of region 9000 is the state of region 9001'],
      ['error', 'tikv/malformed-state', 'a key is none of those that TiKV keeps its states under'],
    ]);
  });
});

describe('rules about transactions', () => {
  it('tikv/missing-value', async () => {
    const user = row(1, 0);
    const ops = [
      writeOf(user, at('09:00:00'), { type: 'P', startTs: at('08:59:00') }),
      put('lock', tikv.dataKey(row(2, 0)), tikv.encodeLock(lock)),
      writeOf(row(3, 0), at('09:00:00'), { type: 'P', startTs: at('08:59:00') }),
      writeOf(row(3, 0), at('10:00:00'), { type: 'D', startTs: at('09:59:00') }),
    ];
    const findings = await found(ops);
    expect(said(findings)).toEqual([
      [
        'error',
        'tikv/missing-value',
        expect.stringMatching(/^the newest version of a key, committed at \d+ \(2026-03-02T09:00:00/),
      ],
      ['error', 'tikv/missing-value', expect.stringMatching(/^a key is locked for a put/)],
      ['note', 'tikv/missing-value', expect.stringMatching(/^a version that newer ones hide/)],
    ]);
    expect(keyNames(findings)).toEqual(['table 45, row 1001', 'table 45, row 2001', 'table 45, row 3001']);
  });

  it('tikv/orphan-value', async () => {
    const ops = [put('default', tikv.dataKey(row(1, 0), at('08:00:00')), long)];
    expect(said(await found(ops))).toEqual([
      ['note', 'tikv/orphan-value', '1 value under one key belong to no write and no lock'],
    ]);
  });

  it('tikv/stale-lock', async () => {
    const [own, others] = [row(1, 0), row(1, 1)];
    const ops = [
      put('lock', tikv.dataKey(own), tikv.encodeLock({ ...lock, shortValue: short })),
      writeOf(own, at('08:00:01'), { type: 'P', startTs: lock.startTs, shortValue: short }),
      put('lock', tikv.dataKey(others), tikv.encodeLock({ ...lock, type: 'S', forUpdateTs: at('08:00:02') })),
      writeOf(others, at('08:00:03'), { type: 'D', startTs: at('08:00:01') }),
    ];
    expect(said(await found(ops))).toEqual([
      [
        'warning',
        'tikv/stale-lock',
        expect.stringContaining('although its own transaction was committed at'),
      ],
      ['warning', 'tikv/stale-lock', expect.stringContaining('although another transaction committed at')],
    ]);
  });

  it('tikv/malformed-record', async () => {
    const ops = [
      put('write', tikv.dataKey(row(1, 0), at('08:00:00')), Buffer.from('?')),
      put('write', tikv.dataKey(row(1, 1)), Buffer.from('R\x05')),
      put('lock', tikv.dataKey(row(1, 2)), Buffer.from('P')),
    ];
    const findings = await found(ops);
    expect(said(findings)).toEqual([
      ['error', 'tikv/malformed-record', 'a value in column family write is no Write record'],
      ['error', 'tikv/malformed-record', 'a key in column family write is none that TiKV writes there'],
      ['error', 'tikv/malformed-record', 'a value in column family lock is no Lock record'],
    ]);
    expect(keyNames(findings)).toEqual(['table 45, row 1001', undefined, 'table 45, row 1003']);
  });
});

describe('rules about the raft log', () => {
  it('tikv/apply-log-mismatch', async () => {
    const applied = (region: bigint, appliedIndex: bigint) =>
      put(
        'raft',
        tikv.applyStateKey(region),
        tikv.encodeApplyState({
          appliedIndex,
          truncatedIndex: 5n,
          truncatedTerm: 5n,
          commitIndex: 17n,
          commitTerm: 6n,
        }),
      );
    const entries = Array.from({ length: 13 }, (_, i) => BigInt(i + 6));
    const kv = [applied(112n, 18n), applied(116n, 4n)];
    const raft = [
      ...withoutEntries(100n, 16n, 17n, 18n),
      raftState(100n, { lastIndex: 15n, commit: 15n }),
      ...withoutEntries(104n, ...entries),
      gone('default', tikv.raftStateKey(104n)),
      raftState(108n, { commit: 19n }),
      raftState(120n, { term: 5n }),
      // the applied entry alone: a gap as well
      ...withoutEntries(124n, 17n),
    ];
    const findings = said(await found(kv, raft)).filter(([, rule]) => rule === 'tikv/apply-log-mismatch');
    expect(findings.map(([, , message]) => message).sort()).toEqual([
      'region 100: entries up to 17 have been applied, and the raft log ends at 15',
      'region 104: entries up to 17 have been applied, and the raft log knows nothing of the region',
      'region 108: entry 19 was committed, and the raft log ends at 18',
      'region 112: entries up to 18 have been applied, and only 17 is known to be committed',
      'region 116: the log has been cut at 5, and only 4 has been applied',
      'region 120: an entry of term 6 was committed, and the raft state is of term 5',
      'region 124: the entry at the applied index 17 is not in the raft log',
    ]);
  });

  it('tikv/raft-log-gap', async () => {
    expect(said(await found([], [...withoutEntries(104n, 18n), ...withoutEntries(108n, 8n, 9n)]))).toEqual([
      [
        'error',
        'tikv/raft-log-gap',
        'region 104: entry 18 is missing from the raft log, which goes from 6 to 18',
      ],
      [
        'warning',
        'tikv/raft-log-gap',
        'region 108: entries 8 to 9 are missing from the raft log, which goes from 6 to 18',
      ],
    ]);
  });

  it('tikv/raft-log-unread', async () => {
    const dir = path.join(scratch, 'unread');
    mkdirSync(path.join(dir, 'raft'), { recursive: true });
    await writeStore(path.join(dir, 'db'), [kvBatches(shape)]);
    expect(said(await checked(path.join(dir, 'db')))).toEqual([
      ['note', 'tikv/raft-log-unread', expect.stringMatching(/^the raft log in \.\.\/raft does not open/)],
    ]);
    mkdirSync(path.join(dir, 'raft-engine'));
    expect(said(await checked(path.join(dir, 'db')))).toEqual([
      [
        'note',
        'tikv/raft-log-unread',
        expect.stringMatching(/^the raft log in \.\.\/raft-engine holds no files/),
      ],
    ]);
  });

  it('tikv/malformed-state, of the log itself', async () => {
    const dir = path.join(scratch, 'log');
    const wrong = put('default', tikv.raftLogKey(104n, 7n), tikv.encodeEntry(8n, 6n, short));
    await writeStore(dir, [[...raftBatches(shape), [wrong]]], 'raft');
    expect(said(await checked(dir))).toEqual([
      ['error', 'tikv/malformed-state', 'under the key of log entry 7 of region 104 is entry 8'],
    ]);
  });
});

it('tells many findings of a rule as some of them and a number', async () => {
  const locks = Array.from({ length: 70 }, (_, i) =>
    put('lock', tikv.dataKey(row(1, 100 + i)), tikv.encodeLock(lock)),
  );
  const findings = await found(locks);
  expect(findings).toHaveLength(51);
  expect(findings.at(-1)?.message).toMatch(/^and 20 more like it; the last: a key is locked/);
  expect(keyNames(findings).at(-1)).toBe('table 45, row 1170');
});
