import { type EvidenceValue, type KeyBytes, keyBytes } from '../finding/evidence.js';
import type { BatchWords, Profile } from './profile.js';

/** Lines of one batch that a report keeps. */
const KEPT = 100;

/** A line of an application's words in a report. `text` holds keys and values: redaction takes it out. */
export type CommandLine = { text: string } & { [name: string]: EvidenceValue };

/** The lines of a batch as a report has them, at most a hundred, and how many there are. */
export function toCommandLines({ lines, data }: BatchWords): { first: CommandLine[]; count: number } {
  const first = lines
    .slice(0, KEPT)
    .map((text, i) => ({ text, ...(data[i] as { [name: string]: EvidenceValue }) }));
  return { first, count: lines.length };
}

/** A key with what the application calls it. */
export function keyInWords(key: KeyBytes, family: number, profile: Profile): KeyBytes {
  const text = profile.keyText(family, Buffer.from(key.base64, 'base64'));
  return text === undefined ? key : { ...key, text };
}

/** The bytes of a key for a report, with what the application calls it where there is one. */
export function namedKey(bytes: Uint8Array, family: number, profile: Profile | undefined): KeyBytes {
  const key = keyBytes(bytes);
  return profile === undefined ? key : keyInWords(key, family, profile);
}
