import type { FoundEntry, RaftLogFound } from '../../find/raft-log.js';
import { counted } from '../../finding/quantity.js';
import { printable } from '../printable.js';
import { paragraph } from './layout.js';

/** Entries of a region, a line each. */
export function* raftLogFoundText(
  { region, entries, more, log, files }: RaftLogFound,
  width: number,
): Generator<string> {
  const { first, last, values = 0 } = log ?? {};
  const held =
    log === undefined
      ? 'nothing is left of it'
      : first === undefined
        ? `no entries, ${counted(values, 'key value')}`
        : `entries ${first} to ${last}, ${counted(values, 'key value')}`;
  yield `region ${region}: ${held}\n\n`;
  for (const entry of entries) yield `${paragraph(printable(entryText(entry)), width, '  ')}\n`;
  if (entries.length === 0) yield '  no entry is found\n';
  if (more) yield '  more are there: --limit shows more, --index fewer\n';
  yield `\nSearched ${counted(files, 'file')}.\n`;
}

const faults: Record<NonNullable<FoundEntry['fault']>, string> = {
  'too-short': 'cannot be read: the entries of its batch are shorter than their checksum',
  checksum: 'cannot be read: the checksum of the entries of its batch does not match',
  lz4: 'cannot be read: the entries of its batch do not decompress',
  limit: 'not looked at: its batch is larger than what is looked at',
  misfit: 'what lies there is not this entry',
};

function entryText({ index, file, offset, state, words, size, fault }: FoundEntry): string {
  const what =
    fault !== undefined
      ? faults[fault]
      : words === undefined
        ? `${counted(size ?? 0, 'byte')} that are no entry`
        : `term ${words.term}, ${words.command}: ${words.text}`;
  const since = state === 'kept' ? '' : ' (written over or removed since)';
  return `${index}  ${what}${since}; ${file}, batch at ${offset}`;
}

/** The same as JSON. */
export function* raftLogFoundJson({
  target,
  region,
  entries,
  more,
  log,
  files,
}: RaftLogFound): Generator<string> {
  const { first, last, values } = log ?? {};
  const found = {
    schemaVersion: 1,
    target,
    region: String(region),
    ...(log && {
      log: { ...(first !== undefined && { first: String(first), last: String(last) }), values },
    }),
    entries: entries.map(({ index, words, ...rest }) => ({
      index: String(index),
      ...rest,
      ...(words && { term: String(words.term), command: words.command, text: words.text }),
    })),
    more,
    files,
  };
  yield `${JSON.stringify(found, null, 2)}\n`;
}
