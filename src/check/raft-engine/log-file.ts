/** What is wrong with a file of raft-engine, from where reading it ended and what its batches hold. */
import type { EvidenceValue } from '../../finding/evidence.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import type { EntriesFault } from '../../format/raft-engine/batch.js';
import type { LogItem } from '../../format/raft-engine/items.js';
import type { BatchPlace, FileStop } from '../../format/raft-engine/place.js';
import type { RaftLogBatch, StopReason } from '../../format/raft-engine/reader.js';
import type { Beyond } from '../../format/raft-engine/search.js';

const stopTexts: Record<StopReason, string> = {
  compression: 'its compression type is none that is known',
  'items-past-end': 'its items begin after its own end',
  'items-in-header': 'its items begin in its header',
  'header-cut': 'the file ends in its header',
  'past-end': 'it is longer than the file',
  'items-too-short': 'it has no items',
  'items-checksum': 'the checksum of its items does not match',
  'items-malformed': 'its items do not decode',
  alignment: 'the alignment in the header of the file is larger than any',
  limit: 'it is larger than what is looked at',
};

const entriesTexts: Record<EntriesFault, string> = {
  'too-short': 'they are shorter than their checksum',
  checksum: 'their checksum does not match',
  lz4: 'they do not decompress',
  limit: 'they are larger than what is looked at',
};

const headerTexts = {
  magic: 'the first 53 bytes are not those of a raft log',
  version: 'its version is none that is known',
  cut: 'the file ends in it',
  unfinished: 'it was not written to its end',
} as const;

/** How a file ends: `clean`, or as a killed process leaves the newest file, or in a part of a batch, or damaged before its end. */
export type RaftLogTail = 'clean' | 'zeros' | 'recycled' | 'torn' | 'damaged';

/** How a file ends where reading it stopped. `beyond`: what lies from there on. */
export function tailOf({ isLast, offset, file, cause }: FileStop, beyond: Beyond): RaftLogTail {
  if (!isLast || beyond.own !== undefined || beyond.cut) return 'damaged';
  // of these a whole batch is passed over: what lies beyond begins after it
  if (cause.kind === 'entries') return 'torn';
  if (cause.kind === 'batch' && cause.stop.reason === 'items-malformed') return 'damaged';
  if (beyond.zeros || offset >= file.size) return 'zeros';
  if (cause.kind === 'header')
    return cause.fault === 'cut' || cause.fault === 'unfinished' ? 'torn' : 'damaged';
  if (cause.stop.reason === 'alignment') return 'damaged';
  // what an older file left there is no part of a batch, unless it says to be one of this file
  if (beyond.older !== undefined && cause.stop.header === undefined) return 'recycled';
  if (beyond.older?.offset === offset) return 'recycled';
  return 'torn';
}

/** Says where reading a file ended and why. Nothing of what a killed process leaves. */
export function checkStop(stop: FileStop, beyond: Beyond, tail: RaftLogTail): Finding[] {
  if (tail === 'zeros' || tail === 'recycled') return [];
  const { file, offset, cause } = stop;
  const place = { file: file.file };
  const evidence = evidenceOf(stop, beyond);
  if (cause.kind === 'header')
    return [
      findingAt(place, tail === 'torn' ? 'raft-engine/torn-tail' : 'raft-engine/header', {
        offset: 0,
        length: Math.min(file.size, 69),
        message: `the header of the file is damaged: ${headerTexts[cause.fault]}`,
        evidence,
      }),
    ];
  const length = tail === 'torn' ? file.size - offset : lengthOf(stop, beyond);
  const text =
    cause.kind === 'entries'
      ? `its entries are damaged: ${entriesTexts[cause.fault]}; the items after them are whole, which a loss of power can leave and a killed process cannot`
      : `a batch is damaged: ${stopTexts[cause.stop.reason]}${cause.stop.detail === undefined ? '' : ` (${cause.stop.detail})`}`;
  if (tail === 'torn')
    return [
      findingAt(place, 'raft-engine/torn-tail', {
        offset,
        length,
        message: `the newest file of its queue ends in a part of a batch; ${text}`,
        evidence,
      }),
    ];
  const malformed = cause.kind === 'batch' && cause.stop.reason === 'items-malformed';
  // the entries of every batch are looked at as they are read
  if (cause.kind === 'entries') return [];
  return [
    findingAt(place, malformed ? 'raft-engine/malformed-batch' : 'raft-engine/batch', {
      offset,
      length,
      message: text,
      evidence,
    }),
  ];
}

function lengthOf({ file, offset, cause }: FileStop, { own }: Beyond): number {
  const end = own?.offset ?? file.size;
  const header = cause.kind === 'batch' ? cause.stop.header : undefined;
  return header === undefined ? end - offset : Math.min(header.length, end - offset);
}

function evidenceOf({ file, isLast, offset }: FileStop, { own, cut }: Beyond): Record<string, EvidenceValue> {
  return {
    ...(own && {
      proof: `a whole batch of this file follows at ${own.offset}: damage, not the end of a write`,
    }),
    ...(own === undefined && cut && { searched: 'too much looks like a batch to say whether one follows' }),
    ...(!isLast && { newest: false }),
    unread: file.size - offset,
  };
}

/** Entries of one batch that the engine does not give back. */
export function checkBatch(
  batch: Pick<RaftLogBatch, 'offset' | 'length' | 'entries' | 'items'>,
  { file, fault, misfits = [] }: BatchPlace,
): Finding[] {
  if (fault !== undefined && fault !== 'limit')
    return [
      findingAt({ file }, 'raft-engine/entries', {
        ...batch.entries,
        message: `the entries of a batch cannot be read: ${entriesTexts[fault]}`,
        evidence: { batch: batch.offset, entries: entriesText(batch.items) },
      }),
    ];
  return misfits.slice(0, MISFITS_SHOWN).map(({ region, index, says }) =>
    findingAt({ file }, 'raft-engine/entry', {
      ...batch.entries,
      message:
        says === undefined
          ? `entry ${index} of region ${region} does not decode`
          : `in the place of entry ${index} of region ${region} is entry ${says}`,
      evidence: { batch: batch.offset, region: String(region), index: String(index) },
    }),
  );
}

/** Of one batch; software that writes one such entry writes many. */
const MISFITS_SHOWN = 10;
const SPANS_SHOWN = 8;

/** `region 4: 12 to 15; region 7: 90`. */
function entriesText(items: readonly LogItem[]): string {
  const spans: string[] = [];
  for (const item of items) {
    if (item.kind !== 'entries' || item.ends.length === 0) continue;
    const last = item.first + BigInt(item.ends.length) - 1n;
    spans.push(`region ${item.region}: ${item.first}${last === item.first ? '' : ` to ${last}`}`);
  }
  const more = spans.length > SPANS_SHOWN ? `; ${spans.length - SPANS_SHOWN} more` : '';
  return `${spans.slice(0, SPANS_SHOWN).join('; ')}${more}`;
}
