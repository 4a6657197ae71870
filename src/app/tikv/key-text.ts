import { entryWords } from './entry-text.js';
import { decodeTikvKey, type TikvKey } from './keys.js';
import type { TikvLayout } from './layout.js';
import { decodeLock, decodeWrite, lockTypes, writeTypes } from './records.js';
import { boundsText, dataKeyText, epochText, peersText, type TikvFamily } from './region-text.js';
import {
  decodeApplyState,
  decodeRaftState,
  decodeRegionState,
  decodeStoreIdent,
  peerStates,
} from './states.js';
import { userKeyText } from './table-key.js';
import { timestampText } from './timestamp.js';

const kinds: Record<Exclude<TikvKey['kind'], 'data'>, string> = {
  'store-ident': 'store ident',
  bootstrap: 'bootstrap in progress',
  recovery: 'recovery from a raft database',
  'raft-log': 'raft log entry',
  'sequence-relation': 'sequence relation',
  'raft-state': 'raft state',
  'apply-state': 'apply state',
  'snapshot-raft-state': 'raft state of a snapshot',
  'region-state': 'state',
};

/** `apply state of region 12`; `table 45, row 7, committed at 443852055297916932 (…), region 12`. */
export function tikvKeyText(layout: TikvLayout, columnFamily: number, key: Uint8Array): string | undefined {
  const decoded = decodeTikvKey(key);
  if (decoded === undefined) return undefined;
  if (decoded.kind === 'data') {
    const text = dataKeyText(decoded.key, layout.families.get(columnFamily));
    const region = layout.store.regions.at(decoded.key);
    return region === undefined ? text : `${text}, region ${region.id}`;
  }
  if (!('region' in decoded)) return kinds[decoded.kind];
  const { kind, region } = decoded;
  const index = 'index' in decoded && decoded.index !== undefined ? ` ${decoded.index}` : '';
  return `${kinds[kind]}${index} of region ${region}`;
}

/** What a value says; `undefined` for what an application stored in it. */
export function tikvValueText(
  layout: TikvLayout,
  columnFamily: number,
  key: Uint8Array,
  value: Uint8Array,
): string | undefined {
  const decoded = decodeTikvKey(key);
  if (decoded === undefined) return undefined;
  if (decoded.kind !== 'data') return stateText(layout, decoded.kind, value);
  const family: TikvFamily | undefined = layout.families.get(columnFamily);
  if (family === 'write') return writeText(value);
  return family === 'lock' ? lockText(value) : undefined;
}

function stateText(layout: TikvLayout, kind: TikvKey['kind'], value: Uint8Array): string | undefined {
  switch (kind) {
    case 'region-state': {
      const decoded = decodeRegionState(value);
      if (decoded === undefined) return undefined;
      const { state, region, mergeTarget } = decoded;
      const into = mergeTarget === undefined ? '' : ` into region ${mergeTarget}`;
      const peers =
        region.peers.length === 0 ? 'no peers' : peersText(region.peers, layout.store.ident?.storeId);
      return `${peerStates[state]}${into}, ${boundsText(region)}, ${epochText(region)}, ${peers}`;
    }
    case 'apply-state': {
      const state = decodeApplyState(value);
      return (
        state &&
        `applied ${state.appliedIndex}, log truncated at ${state.truncatedIndex} (term ${state.truncatedTerm}), commit ${state.commitIndex}`
      );
    }
    case 'raft-state':
    case 'snapshot-raft-state': {
      const state = decodeRaftState(value);
      return (
        state &&
        `term ${state.term}, vote for ${state.vote}, commit ${state.commit}, last entry ${state.lastIndex}`
      );
    }
    case 'raft-log': {
      const words = entryWords(value);
      if (words === undefined) return undefined;
      const { term, index, command, text } = words;
      return `entry ${index} of term ${term}, ${command === 'unknown' ? text : `${command}: ${text}`}`;
    }
    case 'store-ident': {
      const ident = decodeStoreIdent(value);
      return ident && `store ${ident.storeId} of cluster ${ident.clusterId}`;
    }
    default:
      return undefined;
  }
}

function writeText(value: Uint8Array): string | undefined {
  const write = decodeWrite(value);
  if (write === undefined) return undefined;
  const { type, startTs, shortValue } = write;
  const where =
    type !== 'P'
      ? ''
      : shortValue === undefined
        ? ', value in default'
        : `, value of ${shortValue.length} bytes`;
  return `${writeTypes[type]} of the transaction started at ${timestampText(startTs)}${where}`;
}

function lockText(value: Uint8Array): string | undefined {
  const lock = decodeLock(value);
  if (lock === undefined) return undefined;
  const { type, startTs, ttl, primary } = lock;
  return `${lockTypes[type]} lock of the transaction started at ${timestampText(startTs)}, primary key ${userKeyText(primary)}, lives ${ttl} ms`;
}
