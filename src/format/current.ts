/**
 * CURRENT, the pointer to the valid MANIFEST:
 *
 *   4d 41 4e 49 46 45 53 54 2d 30 30 30 30 32 35 0a
 *   M  A  N  I  F  E  S  T  -  0  0  0  0  2  5  \n
 *
 * Anything but a MANIFEST's name and one newline is refused (rocksdb db/manifest_ops.cc `GetCurrentManifestPath`).
 */
import { keyBytes } from '../finding/evidence.js';
import type { Anomaly } from '../finding/finding.js';
import { parseFileName } from './filename.js';

export interface CurrentFile {
  /** The name as written, where it is that of a MANIFEST; also when the newline is missing. */
  manifest?: string;
  number?: bigint;
  /**
   * The number where white space around the name, before the newline at the end, is all that is wrong. Pebble takes the name without it
   * (pebble internal/manifest, open.go); RocksDB and LevelDB refuse.
   */
  spacedNumber?: bigint;
  anomalies: Anomaly[];
}

const NEWLINE = 0x0a;

/** How many bytes of CURRENT are looked at; the longest valid one has 32. */
export const CURRENT_LIMIT = 4096;

/** Decodes the content of CURRENT. Reads at most {@link CURRENT_LIMIT} bytes of it. */
export function decodeCurrent(content: Uint8Array): CurrentFile {
  const bytes = content.subarray(0, CURRENT_LIMIT);
  const anomalies: Anomaly[] = [];
  const whole = { offset: 0, length: content.length };
  const terminated = bytes.length > 0 && content.length <= CURRENT_LIMIT && bytes.at(-1) === NEWLINE;
  if (!terminated) {
    anomalies.push({
      rule: 'directory/current-no-newline',
      ...whole,
      message: content.length === 0 ? 'CURRENT is empty' : 'CURRENT does not end with a newline',
      evidence: {
        engine: 'Corruption: CURRENT file does not end with newline',
        content: keyBytes(bytes.subarray(0, 64)),
      },
    });
  }
  const text = Buffer.from(terminated ? bytes.subarray(0, -1) : bytes).toString('latin1');
  const { kind, number } = parseFileName(text);
  if (kind !== 'manifest' || number === undefined) {
    if (content.length > 0) {
      anomalies.push({
        rule: 'directory/current-malformed',
        ...whole,
        message: 'CURRENT does not hold the name of a MANIFEST',
        evidence: {
          engine: 'Corruption: CURRENT file corrupted',
          content: keyBytes(bytes.subarray(0, 64)),
        },
      });
    }
    const spaced = terminated ? parseFileName(text.trim()) : undefined;
    const isName = spaced?.kind === 'manifest' && spaced.number !== undefined;
    return { ...(isName && { spacedNumber: spaced.number }), anomalies };
  }
  return { manifest: text.replace(/^\//, ''), number, anomalies };
}
