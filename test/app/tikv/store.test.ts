import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectProfile } from '../../../src/app/applications.js';
import { databaseFacts } from '../../../src/app/facts.js';
import type { Profile } from '../../../src/app/profile.js';
import { readDatabase } from '../../../src/engine/database.js';
import type { Finding } from '../../../src/finding/finding.js';
import { scanTarget } from '../../../src/scan/scan.js';
import * as tikv from '../../support/tikv.js';
import {
  kvBatches,
  raftBatches,
  regionsOf,
  rowOf,
  transaction,
  writeStore,
} from '../../support/tikv-store.js';

const shape = { regions: 1000, rows: 6, perTable: 8 };
const regions = regionsOf(shape);
let dir: string;
let db: string;
beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'tikv-store-'));
  db = path.join(dir, 'db');
  await writeStore(db, [kvBatches(shape), [[]]]);
  await writeStore(path.join(dir, 'raft'), [raftBatches(shape), []], 'raft');
}, 60_000);
afterAll(() => rmSync(dir, { recursive: true }));

async function profileOf(directory: string): Promise<Profile | undefined> {
  const facts = databaseFacts(await readDatabase(directory));
  try {
    return await detectProfile(facts);
  } finally {
    facts.close();
  }
}

/** The table of a column family. */
async function tableOf(family: string): Promise<string> {
  const { version } = await readDatabase(db);
  const [table] = [...version!.columnFamilies.values()].find(({ name }) => name === family)!.tables.values();
  return `${String(table.number).padStart(6, '0')}.sst`;
}

/** What a scan finds in the kv database with one bit flipped, and what it says that is hit. */
async function flipped(family: string, share: number): Promise<{ finding: Finding; hits: string[] }> {
  const copy = path.join(dir, 'copy');
  rmSync(copy, { recursive: true, force: true });
  cpSync(db, copy, { recursive: true });
  const file = path.join(copy, await tableOf(family));
  const bytes = readFileSync(file);
  bytes[Math.floor(bytes.length * share)] ^= 0x10;
  writeFileSync(file, bytes);
  const { findings } = await scanTarget(copy);
  const finding = findings.find(({ rule }) => rule === 'sst/block-checksum')!;
  const hits = finding.impact?.hits as { keyText: string }[];
  return { finding, hits: hits.map(({ keyText }) => keyText) };
}

describe('a store of 1,000 regions', () => {
  it('is recognised, and so is its raft log', async () => {
    expect(await profileOf(db)).toMatchObject({
      name: 'tikv',
      title: 'TiKV',
      detail: 'store 1 of cluster 7301123456789, 1000 regions',
    });
    expect(await profileOf(path.join(dir, 'raft'))).toMatchObject({ name: 'tikv', title: 'TiKV raft log' });
  });

  it('kept as tablets is recognised too', async () => {
    const tablet = path.join(dir, 'tablets', '100_5');
    const data = kvBatches({ ...shape, regions: 1 }).map((ops) =>
      ops.filter(({ family, key }) => family !== 'raft' && key[0] === 0x7a),
    );
    mkdirSync(path.dirname(tablet));
    await writeStore(tablet, [data.filter((ops) => ops.length > 0)], 'tablet');
    expect(await profileOf(tablet)).toMatchObject({ name: 'tikv', title: 'TiKV tablet of region 100' });
    expect((await scanTarget(tablet, { application: true })).findings).toEqual([]);
  });

  it('is whole', async () => {
    const { findings } = await scanTarget(db, { application: true });
    expect(findings).toEqual([]);
  });

  it.each(['default', 'write'])(
    'names regions, tables, keys and peers that a flipped bit in %s hits',
    async (family) => {
      const { finding, hits } = await flipped(family, 0.4);
      expect(finding.severity).toBe('error');
      const ids = /^regions ([\d, ]+) \((\d+) of 1000 on this store\)$/.exec(hits[0])!;
      const hit = ids[1].split(', ').map(BigInt);
      expect(hit.length).toBe(Number(ids[2]));
      const first = regions.findIndex(({ id }) => id === hit[0]);
      expect(hit).toEqual(regions.slice(first, first + hit.length).map(({ id }) => id));
      const tables = hit.map((_, i) => 45 + Math.floor((first + i) / 8));
      expect(hits[1]).toContain(String(tables[0]));
      expect(hits[2]).toMatch(
        new RegExp(
          `^region ${hit[0]}: table ${tables[0]}, row \\d+ to table \\d+.*; peers ${hit[0] + 1n} on store 1 \\(this one\\), ${hit[0] + 2n} on store 4, ${hit[0] + 3n} on store 5$`,
        ),
      );
      expect(hits).toHaveLength(Math.min(hit.length, 15) + (hit.length > 15 ? 3 : 2));
    },
  );

  it('warns where the keys are TiKV’s own', async () => {
    const { hits } = await flipped('raft', 0.2);
    expect(hits).toHaveLength(1);
    expect(hits[0]).toMatch(/^TiKV’s own keys: .*\(raft and apply states of regions \d+, /);
  });

  it('names the keys on either side where the block cannot be put right', async () => {
    const profile = (await profileOf(db))!;
    const { version } = await readDatabase(db);
    const write = [...version!.columnFamilies.values()].find(({ name }) => name === 'write')!;
    const [from, to] = [tikv.dataKey(rowOf(9, 2, 8), 17n), tikv.dataKey(rowOf(10, 1, 8), 3n)];
    expect(profile.rangeText!(write.id, from, to)).toEqual([
      'regions 136, 140 (2 of 1000 on this store)',
      'table 46',
      'region 136: table 46, row 1003 to table 46, row 2000; peers 137 on store 1 (this one), 138 on store 4, 139 on store 5',
      'region 140: table 46, row 2000 to table 46, row 2002; peers 141 on store 1 (this one), 142 on store 4, 143 on store 5',
    ]);
    // as the index of a table cuts them
    const cut = profile.rangeText!(write.id, from.subarray(0, 21), to.subarray(0, 21));
    expect(cut.map((each) => each.replace(/;.*/, ''))).toEqual([
      'regions 132, 136 (2 of 1000 on this store)',
      'table 46',
      'region 132: table 46, row 768 to table 46, row 1000',
      'region 136: table 46, row 1000 to table 46, row 1792',
    ]);
    const [local] = profile.rangeText!(
      0,
      tikv.applyStateKey(4000n),
      tikv.regionStateKey(104n).subarray(0, 10),
    );
    expect(local).toMatch(/\(raft and apply states of regions 100, 104, 4000, .*, 4096\)$/);
    const all = profile.rangeText!(write.id, tikv.storeIdentKey, Buffer.from('z\xff', 'latin1'));
    expect(all[0]).toBe(
      'TiKV’s own keys: the store cannot be put right by removing the peers that are hit (the store’s ident is among them)',
    );
    expect(all[1]).toMatch(/^regions 100, .* and more up to 4096 \(1000 of 1000 on this store\)$/);
    expect(all[2]).toBe('tables 45–169');
    expect(all.at(-1)).toBe('and 985 regions more');
  });
});

describe('its keys, values and batches', () => {
  let profile: Profile;
  const ids = new Map<string, number>();
  beforeAll(async () => {
    profile = (await profileOf(db))!;
    const { version } = await readDatabase(db);
    for (const { id, name } of version!.columnFamilies.values()) ids.set(name, id);
  });

  it('are put in words', () => {
    const user = rowOf(9, 2, 8);
    const startTs = tikv.timestampOf('2026-03-01T08:00:00Z', 1n);
    const { prewrite, commit } = transaction(user, startTs, startTs + 5n, Buffer.from('short'));
    const say = ({ family, key, value }: (typeof prewrite)[0]) => [
      profile.keyText(ids.get(family)!, key),
      profile.valueText(ids.get(family)!, key, value!),
    ];
    expect(say(prewrite[0])).toEqual([
      'table 46, row 1003, region 136',
      `put lock of the transaction started at ${startTs} (2026-03-01T08:00:00.000Z), primary key table 46, row 1003, lives 3000 ms`,
    ]);
    expect(say(commit[0])).toEqual([
      `table 46, row 1003, committed at ${startTs + 5n} (2026-03-01T08:00:00.000Z), region 136`,
      `put of the transaction started at ${startTs} (2026-03-01T08:00:00.000Z), value of 5 bytes`,
    ]);
    const states = kvBatches({ ...shape, regions: 9, rows: 1 })
      .flat()
      .filter(({ family }) => family === 'raft');
    expect(say(states[1])).toEqual([
      'state of region 104',
      'normal, table 45, row 1000 to table 45, row 2000, version 61, conf_ver 5, peers 105 on store 1 (this one), 106 on store 4, 107 on store 5',
    ]);
    expect(say(states.at(-1)!)).toEqual([
      'apply state of region 132',
      'applied 17, log truncated at 5 (term 5), commit 17',
    ]);
    expect(profile.keyText(0, Buffer.from('nothing of TiKV'))).toBeUndefined();
    expect(profile.keyText(0, Buffer.from('zraw:1'))).toBe('raw key raw:1, region 100');
  });

  const op = (family: string, key: Uint8Array, value?: Uint8Array) => ({
    tag: 0,
    kind: value === undefined ? ('delete' as const) : ('put' as const),
    columnFamily: ids.get(family)!,
    key,
    ...(value && { value }),
    counted: true,
    offset: 0,
    length: 0,
  });

  it('of several regions in one batch are told by region', () => {
    const round = kvBatches({ regions: 3, rows: 2, perTable: 8 })[2];
    const words = profile.batchWords(round.map(({ family, key, value }) => op(family, key, value)))!;
    expect(words.remarks).toEqual(['3 regions, each once and with its apply state']);
    expect(words.lines).toEqual([
      'region 100: 3 puts, 2 deletions (write 2, lock 2, raft 1), applied up to 17',
      'region 104: 3 puts, 2 deletions (write 2, lock 2, raft 1), applied up to 17',
      'region 108: 3 puts, 2 deletions (write 2, lock 2, raft 1), applied up to 17',
    ]);
    expect(words.data[0]).toEqual({
      region: '100',
      puts: 3,
      deletions: 2,
      rangeDeletions: 0,
      columnFamilies: { write: 2, lock: 2, raft: 1 },
      appliedIndex: '17',
    });
  });

  it('of a region that comes again are not contiguous, and without an apply state that is said', () => {
    const change = (region: number) => op('lock', tikv.dataKey(rowOf(region, 0, 8)));
    const words = profile.batchWords([change(0), change(1), change(0), op('default', tikv.storeIdentKey)])!;
    expect(words.remarks).toEqual([
      'region 100 comes again after region 104: in one round TiKV writes each region once (tikv/tikv#17700)',
      'no apply state of regions 100, 104 in this batch: a round that was split has it in one of the next',
    ]);
    expect(words.lines).toEqual([
      'region 100: 1 deletion (lock 1)',
      'region 104: 1 deletion (lock 1)',
      'region 100: 1 deletion (lock 1)',
      'the store itself: 1 deletion (default 1)',
    ]);
    expect(profile.batchWords([])).toBeUndefined();
  });

  it('of the raft log are entries and states', async () => {
    const log = (await profileOf(path.join(dir, 'raft')))!;
    const [ops] = raftBatches({ ...shape, regions: 1 });
    const words = log.batchWords(
      ops.map(({ key, value }) => ({ ...op('default', key, value), columnFamily: 0 })),
    );
    expect(words?.lines).toEqual(['region 100: 14 puts (raft-log 14), log entries 6–18, last entry 18']);
    expect(log.keyText(0, ops[0].key)).toBe('raft log entry 6 of region 100');
    expect(log.valueText(0, ops[0].key, ops[0].value!)).toBe('entry 6 of term 6, 21 bytes');
  });
});
