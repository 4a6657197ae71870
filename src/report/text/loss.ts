import type { KeyBytes } from '../../finding/evidence.js';
import { byteSize, counted } from '../../finding/quantity.js';
import type { LossReport } from '../report.js';
import { commandSentences } from './command-lines.js';
import { evidenceText } from './evidence.js';

/** Column families of a loss that are listed by name. */
const FAMILIES_SHOWN = 8;

/** `loses 3 records, sequences 187–192: 4 operations of default ("a" to "b"), 2 of metadata`. */
export function lossSentences(lost: Partial<LossReport>): string[] {
  const {
    records,
    damagedBytes = 0,
    firstSequence,
    lastSequence,
    columnFamilies = [],
    commits,
    undecodable,
    commands,
  } = lost;
  // of a raft log nobody counts: whole batches may follow the damage
  const kind = records === undefined ? '' : ' that hold no whole record';
  const damaged = damagedBytes > 0 ? [`gives up ${byteSize(damagedBytes)}${kind}`] : [];
  const subject = records || damagedBytes > 0 ? 'that' : 'what is not kept';
  const said = commands === undefined ? [] : commandSentences(commands, subject);
  if (!records) return [...damaged, ...said];
  const families = columnFamilies.slice(0, FAMILIES_SHOWN).map(familyLossText);
  const more = columnFamilies.length - families.length;
  const sequences = firstSequence === undefined ? '' : `, sequences ${firstSequence}–${lastSequence}`;
  const what = [
    ...families,
    ...(more > 0 ? [`and ${counted(more, 'more column family', 'more column families')}`] : []),
    ...(commits ? [counted(commits, 'commit of a transaction', 'commits of transactions')] : []),
    ...(undecodable ? [`${counted(undecodable, 'record')} that stops decoding`] : []),
  ].join(', ');
  return [
    `loses ${counted(records, 'record')}${sequences}${what === '' ? '' : `: ${what}`}`,
    ...damaged,
    ...said,
  ];
}

/** `4 operations of default ("a" to "b")`. */
export function familyLossText({
  name,
  operations,
  firstKey,
  lastKey,
}: Omit<LossReport['columnFamilies'][number], 'id'>): string {
  const keys = firstKey === undefined || lastKey === undefined ? '' : ` (${keysText(firstKey, lastKey)})`;
  return `${counted(operations, 'operation')} of ${name}${keys}`;
}

/** `keys "a" to "b"`; an application's own words say what kind of thing it is themselves. */
function keysText(first: KeyBytes, last: KeyBytes): string {
  const one = first.base64 === last.base64;
  const named = first.text !== undefined;
  const head = named ? '' : one ? 'key ' : 'keys ';
  return `${head}${evidenceText({ ...first })}${one ? '' : ` to ${evidenceText({ ...last })}`}`;
}
