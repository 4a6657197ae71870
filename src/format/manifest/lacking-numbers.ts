import type { Anomaly, Range } from '../../finding/finding.js';
import type { DialectName } from '../dialect.js';
import type { ManifestReplayState } from './apply.js';

/** What LevelDB calls the numbers that a MANIFEST must state (leveldb db/version_set.cc); it asks for them in another order. */
const levelDbWords = {
  next_file_number: 'meta-nextfile',
  log_file_number: 'meta-lognumber',
  last_sequence: 'last-sequence-number',
} as const;

/**
 * The numbers that an engine asks of a MANIFEST and that no edit of it states; `undefined`: none.
 *
 * @param size Bytes of the MANIFEST.
 * @param last Its last record.
 */
export function lackingNumbers(
  state: ManifestReplayState,
  size: number,
  last: Range | undefined,
  dialect: DialectName = 'rocksdb',
): Anomaly | undefined {
  if (dialect === 'pebble') return lackingForPebble(state, size);
  const { version, logNumberSeen } = state;
  const missing: (keyof typeof levelDbWords)[] = [
    ...(logNumberSeen ? [] : ['log_file_number' as const]),
    ...(version.nextFileNumber === undefined ? ['next_file_number' as const] : []),
    ...(version.lastSequence === undefined ? ['last_sequence' as const] : []),
  ];
  if (missing.length === 0) return undefined;
  const leveldb = dialect === 'leveldb';
  // LevelDB states all of them in each edit: the last one lacks what is missing
  const { offset, length } = (leveldb && last) || { offset: 0, length: size };
  return {
    rule: 'manifest/incomplete',
    offset,
    length,
    message: `no edit states ${missing.join(', ')}`,
    evidence: {
      missing,
      engine: leveldb
        ? `Corruption: no ${levelDbWords[missing[0]]} entry in descriptor`
        : `Corruption: no ${missing.join(', ')} entry in MANIFEST`,
    },
  };
}

/** Pebble asks for a log number or a file number that was given out. */
function lackingForPebble({ version }: ManifestReplayState, size: number): Anomaly | undefined {
  const states =
    (version.columnFamilies.get(0)?.logNumber ?? 0n) > 0n || (version.nextFileNumber ?? 0n) >= 2n;
  if (states) return undefined;
  return {
    rule: 'manifest/incomplete',
    offset: 0,
    length: size,
    message: 'no edit states a log number or the next file number',
    evidence: { engine: 'pebble: malformed manifest file' },
  };
}
