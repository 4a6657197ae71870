import type { Damage, Tail } from './damage.js';

/**
 * What RocksDB's log reader says at this place in absolute-consistency mode, without `Corruption: ` (rocksdb
 * db/log_reader.cc, 11.9). `undefined`: nothing, the records are dropped in silence.
 */
export function engineMessage(damage: Damage): string | undefined {
  const inRecord = damage.recordOffset !== undefined;
  switch (damage.reason) {
    case 'checksum':
      return 'checksum mismatch';
    case 'bad-length':
      if (!damage.inShortBlock) return 'bad record length';
      return damage.header === undefined ? 'truncated header' : 'truncated record body';
    case 'zeros':
    case 'zero-gap':
    case 'decompression':
      return inRecord ? 'error in middle of record' : undefined;
    case 'unknown-type':
      return `unknown record type ${damage.header?.type}`;
    case 'orphan-fragment':
      return `missing start of fragmented record(${damage.header?.kind === 'middle' ? 1 : 2})`;
    case 'stale-record':
      return inRecord ? 'error reading trailing data due to encountering old record' : undefined;
    case 'misplaced-compression':
      return 'SetCompressionType not the first record';
    case 'unfinished-record':
    case 'metadata':
      return damage.detail;
    case 'false-end':
    case 'mixed-headers':
    case 'wrong-log-number':
    case 'trailer':
      return undefined;
  }
}

/** As `engineMessage`, of the end of a file. */
export function engineMessageOfTail(tail: Tail): string | undefined {
  if (tail.damage !== undefined) return engineMessage(tail.damage);
  return tail.kind === 'torn-fragments' ? 'error reading trailing data due to encountering EOF' : undefined;
}
