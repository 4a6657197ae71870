import { type KeyBytes, keyBytes } from '../../finding/evidence.js';
import { decodeMemcomparable, memcomparableEnd, partOfMemcomparable } from './memcomparable.js';
import { plainBytes } from './plain.js';
import { type Peer, peerRoles, type Region } from './states.js';
import { decodeTableKey, userKeyText } from './table-key.js';
import { invertedTimestamp, TIMESTAMP, timestampText } from './timestamp.js';

/** The column families of the kv database, and the one of the raft log. */
export type TikvFamily = 'default' | 'lock' | 'write' | 'raft' | 'raft-log';

/** `t`, the table's id and `_r`; and with an integer as handle. */
const ROW_PREFIX = 11;
const ROW_KEY = 19;

const moments: Partial<Record<TikvFamily, string>> = { default: 'started at', write: 'committed at' };

/** A key of data without its `z`, as the column family has it: user key and, in some, a timestamp. */
export function dataKeyText(key: Uint8Array, family: TikvFamily | undefined): string {
  const decoded = decodeMemcomparable(key);
  if (decoded === undefined) return rawKeyText(key);
  const { bytes, end } = decoded;
  const behind = key.length - end;
  if (behind === 0) return userKeyText(bytes);
  if (behind !== TIMESTAMP) return rawKeyText(key);
  const moment = (family && moments[family]) ?? 'at';
  return `${userKeyText(bytes)}, ${moment} ${timestampText(invertedTimestamp(key, end))}`;
}

function rawKeyText(key: Uint8Array): string {
  return `raw key ${plainBytes(key)}`;
}

/** A bound of a region: memcomparable for transactions, plain for raw keys, and cut anywhere. */
export function boundText(key: Uint8Array): string {
  const end = memcomparableEnd(key);
  const decoded = end === key.length ? decodeMemcomparable(key) : undefined;
  if (decoded !== undefined) return userKeyText(decoded.bytes);
  const part = end === undefined ? partOfMemcomparable(key) : undefined;
  return part !== undefined && decodeTableKey(part) !== undefined
    ? userKeyText(withHandle(part))
    : plainBytes(key);
}

/** The first key of a table's rows that a cut key can stand for. */
function withHandle(part: Uint8Array): Uint8Array {
  const isRow = part.length > ROW_PREFIX && part.length < ROW_KEY && part[10] === 0x72;
  if (!isRow) return part;
  const whole = new Uint8Array(ROW_KEY);
  whole.set(part);
  return whole;
}

/** `the first key to table 45, row 7`. */
export function boundsText({ startKey, endKey }: Region): string {
  const from = startKey.length === 0 ? 'the first key' : boundText(startKey);
  return `${from} to ${endKey.length === 0 ? 'the last key' : boundText(endKey)}`;
}

/** `peers 13 on store 1 (this one), 14 on store 2 (learner)`. */
export function peersText(peers: readonly Peer[], ownStore?: bigint): string {
  const each = peers.map(({ id, storeId, role, witness }) => {
    const what = [
      ...(storeId === ownStore ? ['this one'] : []),
      ...(role === 0 ? [] : [peerRoles[role] ?? `role ${role}`]),
      ...(witness ? ['witness'] : []),
    ];
    return `${id} on store ${storeId}${what.length === 0 ? '' : ` (${what.join(', ')})`}`;
  });
  return `${peers.length === 1 ? 'peer' : 'peers'} ${each.join(', ')}`;
}

/** Version, then that of the members, as TiKV's log says `version: 5 conf_ver: 3`. */
export function epochText({ version, confVersion }: Region): string {
  return `version ${version}, conf_ver ${confVersion}`;
}

/** Ids in one line, runs of them as ranges: `2, 5–9, 12`. At most `limit` of these. */
export function idsText(ids: readonly bigint[], limit = 200): string {
  const runs: string[] = [];
  const sorted = [...new Set(ids)].sort((a, b) => (a < b ? -1 : 1));
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    while (end + 1 < sorted.length && sorted[end + 1] === sorted[end] + 1n) end++;
    if (end === i + 1) end = i;
    runs.push(end === i ? String(sorted[i]) : `${sorted[i]}–${sorted[end]}`);
    i = end + 1;
  }
  const shown = runs.slice(0, limit).join(', ');
  return runs.length > limit ? `${shown} and more up to ${sorted.at(-1)}` : shown;
}

/** A key of data, with its `z` and without a timestamp, as bytes and as a person calls it. */
export function namedDataKey(key: Uint8Array): KeyBytes {
  return { ...keyBytes(key), text: boundText(key.subarray(1)) };
}

/** The same of a bound, which has no `z`. */
export function namedBound(key: Uint8Array): KeyBytes {
  return { ...keyBytes(key), text: boundText(key) };
}
