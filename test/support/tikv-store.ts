import type { Region } from '../../src/app/tikv/states.js';
import { type Bytes, type EngineReport, type EngineStep, runEngine } from './engine.js';
import * as tikv from './tikv.js';

/** A put, or without a value a deletion. */
export interface StoreOp {
  family: 'default' | 'lock' | 'write' | 'raft';
  key: Uint8Array;
  value?: Uint8Array;
}

export interface StoreShape {
  regions: number;
  /** In each region. Every third row has its value in column family default. */
  rows: number;
  /** Regions of one table. */
  perTable: number;
  /** Id of the first region; the others follow four apart, with the ids of their peers in between. */
  firstId?: bigint;
  /** When its first transaction began. */
  begun?: string;
}

const CLUSTER = 7_301_123_456_789n;
const STORE = 1n;
const OTHER_STORES = [4n, 5n];
const FIRST_TABLE = 45n;
const ROWS_APART = 1000n;
const NOTHING = new Uint8Array(0);
/** Log of each region: what has been cut off, applied, written. */
export const LOG = { truncated: 5n, applied: 17n, last: 18n, term: 6n };
const BEGUN = '2026-03-01T08:00:00Z';

/** Regions of a store of TiDB's, side by side from the first key to the last, several to a table. */
export function regionsOf({ regions, perTable, firstId = 100n }: StoreShape): Region[] {
  const bound = (i: number) =>
    tikv.memcomparable(
      i % perTable === 0
        ? tikv.rowKey(tableOf(i, perTable))
        : tikv.rowKey(tableOf(i, perTable), firstRow(i, perTable)),
    );
  return Array.from({ length: regions }, (_, i) => {
    const id = firstId + 4n * BigInt(i);
    return {
      id,
      startKey: i === 0 ? NOTHING : bound(i),
      endKey: i === regions - 1 ? NOTHING : bound(i + 1),
      confVersion: 5n,
      version: 60n + BigInt(i),
      peers: [STORE, ...OTHER_STORES].map((storeId, n) => ({
        id: id + 1n + BigInt(n),
        storeId,
        role: 0,
        witness: false,
      })),
    };
  });
}

const tableOf = (i: number, perTable: number) => FIRST_TABLE + BigInt(Math.floor(i / perTable));
const firstRow = (i: number, perTable: number) => BigInt(i % perTable) * ROWS_APART;

/** The key of a row of the region at a position. */
export const rowOf = (region: number, row: number, perTable: number) =>
  tikv.rowKey(tableOf(region, perTable), firstRow(region, perTable) + BigInt(row + 1));

export const applyStateOf = (region: bigint, appliedIndex = LOG.applied): StoreOp => ({
  family: 'raft',
  key: tikv.applyStateKey(region),
  value: tikv.encodeApplyState({
    appliedIndex,
    truncatedIndex: LOG.truncated,
    truncatedTerm: 5n,
    commitIndex: appliedIndex,
    commitTerm: LOG.term,
  }),
});

export const regionStateOf = (region: Region, state = 0): StoreOp => ({
  family: 'raft',
  key: tikv.regionStateKey(region.id),
  value: tikv.encodeRegionState(state, region),
});

/** What a transaction does when it has locked and written a row, and when it commits. */
export function transaction(user: Uint8Array, startTs: bigint, commitTs: bigint, value: Uint8Array) {
  const isShort = value.length <= 64;
  const lock = {
    type: 'P' as const,
    primary: user,
    startTs,
    ttl: 3000n,
    forUpdateTs: 0n,
    minCommitTs: startTs + 1n,
    inConflict: false,
    ...(isShort && { shortValue: value }),
  };
  const prewrite: StoreOp[] = [
    { family: 'lock', key: tikv.dataKey(user), value: tikv.encodeLock(lock) },
    ...(isShort ? [] : [{ family: 'default' as const, key: tikv.dataKey(user, startTs), value }]),
  ];
  const write = { type: 'P' as const, startTs, ...(isShort && { shortValue: value }) };
  const commit: StoreOp[] = [
    { family: 'write', key: tikv.dataKey(user, commitTs), value: tikv.encodeWrite(write) },
    { family: 'lock', key: tikv.dataKey(user) },
  ];
  return { prewrite, commit };
}

/** The batches of a kv database: how the store began, then rounds of applying, eight regions to a batch. */
export function kvBatches(shape: StoreShape): StoreOp[][] {
  const regions = regionsOf(shape);
  const begin: StoreOp[] = [
    { family: 'default', key: tikv.storeIdentKey, value: tikv.encodeStoreIdent(CLUSTER, STORE) },
    ...regions.map((region) => regionStateOf(region)),
  ];
  const batches = [begin];
  for (let first = 0; first < regions.length; first += 8) {
    const round = regions.slice(first, first + 8);
    const index = (n: number) => first + n;
    batches.push(round.flatMap(({ id }, n) => [...rows(shape, index(n)).prewrite, applyStateOf(id, 16n)]));
    batches.push(round.flatMap(({ id }, n) => [...rows(shape, index(n)).commit, applyStateOf(id)]));
  }
  return batches;
}

function rows({ rows: count, perTable, begun = BEGUN }: StoreShape, region: number, later = 0n) {
  const each = Array.from({ length: count }, (_, row) => {
    const startTs = tikv.timestampOf(begun) + later + BigInt((region * count + row) * 10);
    const size = row % 3 === 0 ? 120 : 24;
    const value = Buffer.from(`row ${row} of region ${region} `.padEnd(size, 'abcdefghij'));
    return transaction(rowOf(region, row, perTable), startTs, startTs + 5n, value);
  });
  return {
    prewrite: each.flatMap(({ prewrite }) => prewrite),
    commit: each.flatMap(({ commit }) => commit),
  };
}

/** Two more rounds on the same rows, an hour later: what is locked and written in the first is committed in the second. */
export function laterRounds(shape: StoreShape): StoreOp[][] {
  const regions = regionsOf(shape);
  const later = regions.map((_, i) => rows(shape, i, 3_600_000n << 18n));
  return [
    regions.flatMap(({ id }, i) => [...later[i].prewrite, applyStateOf(id, LOG.applied + 1n)]),
    regions.flatMap(({ id }, i) => [...later[i].commit, applyStateOf(id, LOG.applied + 2n)]),
  ];
}

/** The batches of the raft database beside it. */
export function raftBatches(shape: StoreShape, last = LOG.last): StoreOp[][] {
  return regionsOf(shape).map(({ id }) => {
    const ops: StoreOp[] = [];
    for (let index = LOG.truncated + 1n; index <= last; index++)
      ops.push({
        family: 'default',
        key: tikv.raftLogKey(id, index),
        value: tikv.encodeEntry(index, LOG.term, Buffer.from(`entry ${index} of region ${id}`)),
      });
    ops.push({
      family: 'default',
      key: tikv.raftStateKey(id),
      value: tikv.encodeRaftState({
        term: LOG.term,
        vote: id + 1n,
        commit: last - 1n,
        lastIndex: last,
      }),
    });
    return ops;
  });
}

const base64 = (bytes: Uint8Array): Bytes => ({ base64: Buffer.from(bytes).toString('base64') });

function batchStep(ops: readonly StoreOp[], columns: boolean): EngineStep {
  return {
    op: 'batch',
    ops: ops.map(({ family, key, value }) => ({
      ...(columns && { column: family }),
      key: base64(key),
      ...(value === undefined ? { type: 'del' as const } : { type: 'put' as const, value: base64(value) }),
    })),
  };
}

const FAMILIES = ['default', 'lock', 'write', 'raft'] as const;

/**
 * Writes a kv database, or a tablet, or with one family a raft log, by the RocksDB that npm brings, and kills it. Each list of batches is a
 * life of the process: what one has left in its WAL the next one writes to tables.
 */
export async function writeStore(
  dir: string,
  lives: readonly (readonly StoreOp[][])[],
  kind: 'kv' | 'raft' | 'tablet' = 'kv',
): Promise<void> {
  const family = { compression: false, blockSize: 4096, infoLogLevel: 'header' };
  const names = { kv: FAMILIES, tablet: FAMILIES.slice(0, 3), raft: undefined }[kind];
  const columns = names && Object.fromEntries(names.map((name) => [name, { ...family }]));
  for (const batches of lives) {
    const report: EngineReport = await runEngine('rocksdb-9.7', dir, {
      options: {
        ...family,
        createIfMissing: true,
        createMissingColumnFamilies: true,
        ...(columns && { columns }),
      },
      steps: [...batches.map((ops) => batchStep(ops, columns !== undefined)), { op: 'kill' }],
    });
    if (!report.opened && report.error !== undefined) throw new Error(report.error);
  }
}
