import { compareBytes } from '../../format/sst/comparator.js';
import { isDataKey } from './keys.js';
import type { TikvLayout } from './layout.js';
import { decodeMemcomparable, partOfMemcomparable } from './memcomparable.js';
import { boundText, idsText, peersText } from './region-text.js';
import type { HeldRegion } from './regions.js';
import { decodeTableKey } from './table-key.js';

/** Regions that get a line of their own. */
const LISTED = 15;
const FIRST_DATA = Uint8Array.of(0x7a);
/** First bytes of TiKV's own keys: see keys.ts. */
const LOCAL = 0x01;
const RAFT = 0x02;
const STATE = 0x03;

/**
 * What keys from `smallest` to `largest` belong to: regions with the part of each that is meant and where their other peers
 * are, tables, and TiKV's own keys. A line each; where there are many regions, the ids of all and the first few in full.
 */
export function tikvRangeText(layout: TikvLayout, smallest: Uint8Array, largest: Uint8Array): string[] {
  const lines: string[] = [];
  if (compareBytes(smallest, FIRST_DATA) < 0) {
    lines.push(...localLines(layout, smallest, largest));
    if (!isDataKey(largest)) return lines;
  }
  const from = isDataKey(smallest) ? smallest.subarray(1) : new Uint8Array(0);
  const to = isDataKey(largest) ? largest.subarray(1) : undefined;
  if (!isDataKey(smallest) && compareBytes(smallest, FIRST_DATA) > 0) return lines;
  return [...lines, ...dataLines(layout, withoutTimestamp(from), to && withoutTimestamp(to))];
}

/** TiKV's own keys. Without them the store cannot be made whole by removing a region's data and fetching it again. */
function localLines({ store }: TikvLayout, smallest: Uint8Array, largest: Uint8Array): string[] {
  const told = 'TiKV’s own keys: the store cannot be put right by removing the peers that are hit';
  const [first, last] = [regionOf(smallest), regionOf(largest)];
  if (first === undefined) return [`${told} (the store’s ident is among them)`];
  // states of regions lie after all keys of raft: a range from these to those has some of the regions on either side
  const isAcross = !first.isState && last?.isState === true;
  const isHit = (id: bigint) => {
    const [isBehind, isBefore] = [id >= first.id, last === undefined || id <= last.id];
    return isAcross ? isBehind || isBefore : isBehind && isBefore;
  };
  const hit = store.regions.held.map(({ id }) => id).filter(isHit);
  const ids = hit.length > 0 || last === undefined ? hit : [first.id, last.id];
  const what = first.isState ? 'states of regions' : 'raft and apply states of regions';
  return [`${told} (${what} ${idsText(ids)})`];
}

/** The region that a key of TiKV's own is about; of a key that was cut, the first one that it can stand for. */
function regionOf(key: Uint8Array): { id: bigint; isState: boolean } | undefined {
  if (key[0] !== LOCAL || key.length <= 2 || (key[1] !== RAFT && key[1] !== STATE)) return undefined;
  const id = new Uint8Array(8);
  id.set(key.subarray(2, 10));
  return { id: new DataView(id.buffer).getBigUint64(0), isState: key[1] === STATE };
}

function dataLines({ store }: TikvLayout, from: Uint8Array, to: Uint8Array | undefined): string[] {
  const { regions, ident } = store;
  const hit = regions.within(from, to);
  const lines: string[] = [];
  if (hit.length > 0) {
    const all = `${hit.length} of ${regions.held.length}${regions.partial ? ' or more' : ''} on this store`;
    lines.push(`${hit.length === 1 ? 'region' : 'regions'} ${idsText(hit.map(({ id }) => id))} (${all})`);
  } else if (regions.held.length > 0)
    lines.push('no region of this store: left over from a peer that has moved');
  const tables = tablesText(from, to, hit);
  if (tables !== undefined) lines.push(tables);
  for (const region of hit.slice(0, LISTED)) {
    const [first, last] = partOf(region, from, to);
    const peers = peersText(region.peers, ident?.storeId);
    lines.push(`region ${region.id}: ${first} to ${last}; ${peers}`);
  }
  if (hit.length > LISTED) lines.push(`and ${hit.length - LISTED} regions more`);
  if (hit.length === 0) lines.push(`keys ${keyName(from)} to ${to === undefined ? 'the last' : keyName(to)}`);
  return lines;
}

/** The part of a region between two keys. */
function partOf(
  { startKey, endKey }: HeldRegion,
  from: Uint8Array,
  to: Uint8Array | undefined,
): [string, string] {
  const first = compareBytes(startKey, from) >= 0 ? startKey : from;
  const ends = endKey.length > 0 && (to === undefined || compareBytes(endKey, to) <= 0);
  const last = ends ? endKey : to;
  return [keyName(first), last === undefined ? 'the last key' : keyName(last)];
}

function keyName(key: Uint8Array): string {
  return key.length === 0 ? 'the first key' : boundText(key);
}

/** TiDB's tables: of the two keys, and where regions in between begin or end. */
function tablesText(
  from: Uint8Array,
  to: Uint8Array | undefined,
  hit: readonly HeldRegion[],
): string | undefined {
  const keys = [from, ...(to === undefined ? [] : [to])];
  for (const { startKey, endKey } of hit) {
    if (compareBytes(startKey, from) > 0) keys.push(startKey);
    if (endKey.length > 0 && to !== undefined && compareBytes(endKey, to) <= 0) keys.push(endKey);
  }
  const ids = new Set<bigint>();
  for (const key of keys) {
    const user = decodeMemcomparable(key)?.bytes ?? partOfMemcomparable(key);
    const { table } = decodeTableKey(user) ?? {};
    if (table !== undefined) ids.add(table);
  }
  if (ids.size === 0) return undefined;
  const sorted = [...ids].sort((a, b) => (a < b ? -1 : 1));
  const gaps = sorted.some((id, i) => i > 0 && id !== sorted[i - 1] + 1n);
  return `${ids.size === 1 ? 'table' : 'tables'} ${idsText(sorted)}${gaps ? ' and any in between' : ''}`;
}

/** Versions of a key belong together: bounds of regions have no timestamps. */
function withoutTimestamp(key: Uint8Array): Uint8Array {
  const decoded = decodeMemcomparable(key);
  return decoded === undefined ? key : key.subarray(0, decoded.end);
}
