import type { RestateLayout } from './instance.js';
import {
  decodeLocalLogletKey,
  decodeLogletKey,
  decodeMetadataKey,
  decodeRaftEntryKey,
  decodeRaftStateKey,
  decodeRecordKey,
  type LogKey,
} from './log-keys.js';
import { decodePartitionKey, type PartitionKey } from './partition-keys.js';

export type RestateKey = LogKey | ({ kind: 'partition' } & PartitionKey);

/** A key of a column family. `undefined` for what Restate does not write there, and for column families without known keys. */
export function decodeKey(
  { instance, families }: RestateLayout,
  columnFamily: number,
  key: Uint8Array,
): RestateKey | undefined {
  const family = families.get(columnFamily);
  switch (family) {
    case 'data':
      return instance === 'metadata-server' ? decodeRaftEntryKey(key) : decodeRecordKey(key);
    case 'metadata':
      if (instance === 'metadata-server') return decodeRaftStateKey(key);
      return instance === 'log-server' ? decodeLogletKey(key) : decodeLocalLogletKey(key);
    case 'pairs':
      return decodeMetadataKey(key);
    case 'partition': {
      const decoded = decodePartitionKey(key);
      return decoded && { kind: 'partition', ...decoded };
    }
    default:
      return undefined;
  }
}
