import type { ByteSource } from '../bytes/source.js';
import type { EvidenceValue } from '../finding/evidence.js';
import type { Cause, Finding, Impact, Range } from '../finding/finding.js';
import { counted } from '../finding/quantity.js';
import { dialectNamed } from '../format/dialect.js';
import { checksumHolds } from '../format/log/physical.js';
import { BLOCK_SIZE, LEGACY_HEADER } from '../format/log/types.js';
import type { VersionEdit } from '../format/manifest/edit.js';
import { type ManifestReplay, replayManifest } from '../format/manifest/replay.js';
import { memorySource } from '../io/source.js';
import { insertionCause, lineEndingCause, withoutRun } from './alteration.js';
import { FlippedSource, flipBits } from './flipped-source.js';
import { type Flip, flipText, isConclusive, pairCause } from './flips.js';
import { insertedRun } from './inserted-log.js';
import { changeShown } from './line-endings.js';
import { logBefore } from './line-endings-records.js';
import {
  lengthCause,
  lengthChanges,
  recordEnd,
  searchRecord,
  searchRecordBytes,
  searchRecordPairs,
} from './log-flips.js';
import { overwrittenByte } from './overwritten-byte.js';
import { patternOf, sectorsOf } from './pattern.js';

const RECORD_RULES = new Set([
  'manifest/checksum-mismatch',
  'manifest/bad-record-length',
  'manifest/torn-tail',
  'manifest/zeroed-range',
]);

/** Every engine frames its MANIFEST alike. */
const framing = dialectNamed().manifest.log;

/** Larger MANIFESTs are not replayed again. Bytes. */
const LARGEST = 256 << 20;

/** Findings whose cause is sought: each takes another replay. */
const MOST_DIAGNOSED = 16;

/** Sets cause and impact of findings about records of a MANIFEST, where the bytes tell. `before`: the replay as it is. */
export async function diagnoseManifest(
  source: ByteSource,
  findings: readonly Finding[],
  before: ManifestReplay,
): Promise<void> {
  if (await wasAltered(source, findings, before)) return;
  for (const finding of findings.slice(0, MOST_DIAGNOSED)) await diagnoseRecord(source, finding, before);
}

/** All records hold once the ends of lines are put back, or a run that was put in is taken out: one cause for whatever was found. */
async function wasAltered(
  source: ByteSource,
  findings: readonly Finding[],
  { dialect }: ManifestReplay,
): Promise<boolean> {
  const damage = findings.filter(({ severity }) => severity !== 'note');
  if (damage.length === 0 || source.size > LARGEST) return false;
  const bytes = new Uint8Array(source.size);
  if ((await source.read(bytes, 0)) < bytes.length) return false;
  const change = changeShown(bytes);
  const undone = change && logBefore(bytes, change, framing);
  const run = undone === undefined ? insertedRun(bytes, framing) : undefined;
  const was = undone?.bytes ?? (run && withoutRun(bytes, run));
  if (was === undefined || was.length === bytes.length) return false;
  const { complete, anomalies } = await replayManifest(memorySource(was), { dialect });
  if (!complete || anomalies.length > 0) return false;
  const whole = undone === undefined ? insertionCause(run!) : lineEndingCause(undone.endings);
  const { lineEndings, removes, restores, ...cause } = whole;
  for (const [i, finding] of damage.entries())
    finding.cause =
      i === 0
        ? {
            ...cause,
            ...(lineEndings && { lineEndings }),
            ...(removes && { removes }),
            ...(restores && { restores }),
          }
        : cause;
  return true;
}

async function diagnoseRecord(source: ByteSource, finding: Finding, before: ManifestReplay): Promise<void> {
  const { rule, offset, length } = finding;
  if (!RECORD_RULES.has(rule) || offset === undefined || length === undefined) return;
  const damaged = await damagedRecord(source, { offset, length });
  if (damaged !== undefined && (await oneBit(source, finding, damaged, before))) return;
  if (damaged !== undefined && (await lostLength(source, finding, damaged, before))) return;
  if (rule === 'manifest/torn-tail') return;
  finding.cause = (await sectorsOf(source, { offset, length })) ??
    (damaged && ((await oneByte(source, damaged, before)) ?? (await twoBits(source, damaged, before)))) ??
    (await patternOf(source, { offset, length })) ?? {
      kind: 'garbage',
      certainty: 'possible',
      detail: 'more than one bit of the record is wrong, in no pattern that tells why',
    };
}

interface Damaged {
  at: number;
  /** From there to the end of the block, or of the file. */
  bytes: Uint8Array;
}

/** The physical record that does not hold, in a range that begins with a record. */
async function damagedRecord(source: ByteSource, place: Range): Promise<Damaged | undefined> {
  const end = place.offset + Math.max(place.length, 1);
  for (let at = place.offset; at < end; ) {
    const bytes = new Uint8Array(BLOCK_SIZE - (at % BLOCK_SIZE));
    const read = bytes.subarray(0, await source.read(bytes, at));
    const next = recordEnd(read, framing);
    if (next === undefined || !checksumHolds(read, 0, next)) return { at, bytes: read };
    at += next;
    if (BLOCK_SIZE - (at % BLOCK_SIZE) < LEGACY_HEADER) at += BLOCK_SIZE - (at % BLOCK_SIZE);
  }
  return undefined;
}

async function oneBit(
  source: ByteSource,
  finding: Finding,
  { at, bytes }: Damaged,
  before: ManifestReplay,
): Promise<boolean> {
  const search = searchRecord(bytes, at, framing);
  const [flip] = search.flips;
  if (flip === undefined || source.size > LARGEST) return false;
  const trial = await replayWith(source, [flip], { at, bytes }, before);
  if (trial === undefined) return false;
  finding.cause = bitFlip(flip, isConclusive(search), search.method);
  if (trial.edit !== undefined) finding.impact = editImpact(trial.edit);
  return true;
}

/** The length, which no checksum covers, where the next record shows it and the checksum holds with it. */
async function lostLength(
  source: ByteSource,
  finding: Finding,
  damaged: Damaged,
  before: ManifestReplay,
): Promise<boolean> {
  const { recordsFollowAt } = finding.evidence;
  if (typeof recordsFollowAt !== 'number' || source.size > LARGEST) return false;
  const changes = lengthChanges(damaged.bytes, damaged.at, recordsFollowAt - damaged.at - LEGACY_HEADER);
  const flips = changes.map((change): Flip => ({ ...change, field: 'length' }));
  if (flips.length === 0 || (await replayWith(source, flips, damaged, before)) === undefined) return false;
  finding.cause = lengthCause(changes);
  return true;
}

async function oneByte(
  source: ByteSource,
  damaged: Damaged,
  before: ManifestReplay,
): Promise<Cause | undefined> {
  if (source.size > LARGEST) return undefined;
  const candidates = searchRecordBytes(damaged.bytes, damaged.at, framing);
  return overwrittenByte(candidates, recordEnd(damaged.bytes, framing) ?? 0, async (changes) => {
    const flips = changes.map((change): Flip => ({ ...change, field: 'content' }));
    return (await replayWith(source, flips, damaged, before)) === undefined ? 'fails' : 'decodes';
  });
}

async function twoBits(
  source: ByteSource,
  damaged: Damaged,
  before: ManifestReplay,
): Promise<Cause | undefined> {
  if (source.size > LARGEST) return undefined;
  const decoding: [Flip, Flip][] = [];
  for (const pair of searchRecordPairs(damaged.bytes, damaged.at, framing)) {
    if ((await replayWith(source, pair, damaged, before)) !== undefined) decoding.push(pair);
  }
  return pairCause(decoding, recordEnd(damaged.bytes, framing) ?? 0, 'the edit decodes');
}

function bitFlip(flip: Flip, conclusive: boolean, method: string): Cause {
  return {
    kind: 'bit-flip',
    certainty: conclusive ? 'proven' : 'likely',
    detail: flipText(flip),
    basis: `${method}; the edit decodes and the MANIFEST replays when it is flipped back`,
    ...(conclusive ? { changes: [{ offset: flip.offset, bit: flip.bit }], restores: true } : {}),
  };
}

/** Replays the MANIFEST with bits put back. Undefined when the record is then no better, or another place is worse. */
async function replayWith(
  source: ByteSource,
  flips: readonly Flip[],
  { at, bytes }: Damaged,
  before: ManifestReplay,
): Promise<{ edit?: VersionEdit } | undefined> {
  const changed = Uint8Array.from(bytes);
  flipBits(changed, at, flips);
  const end = recordEnd(changed, framing);
  if (end === undefined || !checksumHolds(changed, 0, end)) return undefined;
  let edit: VersionEdit | undefined;
  const replay = await replayManifest(new FlippedSource(source, flips), {
    dialect: before.dialect,
    onEdit: (decoded, record) => {
      if (record.offset <= at && record.end >= at + end) edit = decoded.edit;
    },
  });
  const touches = (range: Range) => range.offset < at + end && range.offset + Math.max(range.length, 1) > at;
  const { tail, anomalies } = replay;
  if (anomalies.some(touches) || (tail.state !== 'clean' && touches(tail))) return undefined;
  const known = new Set(before.anomalies.map(({ rule, offset }) => `${rule}@${offset}`));
  return anomalies.every(({ rule, offset }) => known.has(`${rule}@${offset}`))
    ? { ...(edit && { edit }) }
    : undefined;
}

/** What an edit would have told the engine. */
function editImpact(edit: VersionEdit): Impact {
  const parts: string[] = [];
  const impact: Impact = {};
  const note = (name: string, words: string, values: EvidenceValue[]) => {
    if (values.length === 0) return;
    parts.push(
      `${words} ${values.slice(0, 8).join(', ')}${values.length > 8 ? ` and ${counted(values.length - 8, 'more', 'more')}` : ''}`,
    );
    impact[name] = values.slice(0, 64);
  };
  note(
    'tablesAdded',
    edit.newFiles.length === 1 ? 'adds table' : 'adds tables',
    edit.newFiles.map(({ number }) => String(number)),
  );
  note(
    'tablesDeleted',
    edit.deletedFiles.length === 1 ? 'deletes table' : 'deletes tables',
    edit.deletedFiles.map(({ number }) => String(number)),
  );
  if (edit.logNumber !== undefined) {
    parts.push(`sets the log number to ${edit.logNumber}`);
    impact.logNumber = String(edit.logNumber);
  }
  const what = parts.length > 0 ? parts.join(', ') : 'holds no tables';
  return { summary: `an edit that ${what}; the engine does not open without it`, ...impact };
}
