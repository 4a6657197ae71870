import { keyInWords } from '../app/command-lines.js';
import type { Profile } from '../app/profile.js';
import type { Database } from '../engine/database.js';
import type { EvidenceValue, KeyBytes } from '../finding/evidence.js';
import type { LossStatement } from './plan.js';

/** Lines of one loss that a report keeps. */
const KEPT = 20;

/** Losses of keys with what the application calls these: sets `text` of the keys, and `hits`. */
export function lossInWords(
  loss: readonly LossStatement[],
  { version }: Database,
  profile: Profile | undefined,
): LossStatement[] {
  const families = [...(version?.columnFamilies.values() ?? [])];
  return loss.map((statement) => {
    const { columnFamily, from, to } = statement.facts;
    const family = families.find(({ name }) => name === columnFamily);
    if (profile === undefined || family === undefined || !isKey(from) || !isKey(to)) return statement;
    const lines = profile.rangeText?.(family.id, bytesOf(from), bytesOf(to)) ?? [];
    const left = lines.length - KEPT;
    const inWords = (key: EvidenceValue) => (isKey(key) ? { ...keyInWords(key, family.id, profile) } : key);
    const { keyRanges } = statement.facts;
    const facts: LossStatement['facts'] = {
      ...statement.facts,
      ...(Array.isArray(keyRanges) && {
        keyRanges: keyRanges.map((range) =>
          typeof range === 'object' && 'from' in range && 'to' in range
            ? { from: inWords(range.from), to: inWords(range.to) }
            : range,
        ),
      }),
      from: { ...keyInWords(from, family.id, profile) },
      to: { ...keyInWords(to, family.id, profile) },
      ...(lines.length > 0 && { hits: lines.slice(0, KEPT).map((keyText) => ({ keyText })) }),
      ...(left > 0 && { hitsLeftOut: left }),
    };
    return { ...statement, facts };
  });
}

function isKey(value: EvidenceValue | undefined): value is { base64: string } {
  return typeof value === 'object' && 'base64' in value;
}

const bytesOf = ({ base64 }: KeyBytes) => Buffer.from(base64, 'base64');
