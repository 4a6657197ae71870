import type { ByteSource } from '../../bytes/source.js';
import { u32At } from '../../bytes/u32.js';
import { type RuleId, ruleOf } from '../../finding/catalog.js';
import type { EvidenceValue } from '../../finding/evidence.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import type { Tail } from '../../format/log/damage.js';
import { engineMessageOfTail } from '../../format/log/engine-message.js';
import { END_MARK } from '../../format/log/physical.js';
import { BLOCK_SIZE, RecordType } from '../../format/log/types.js';
import type { WalFacts } from '../unit.js';
import { damageFinding } from './damage.js';
import { hexAround } from './evidence.js';
import { type LogState, lengthThatFits, wasOurs } from './plausible.js';

interface TailVerdict {
  tail: WalFacts['tail'];
  finding?: Finding;
}

/**
 * Tells the ends of a log apart: a torn last record, zeros, what an earlier log left in a recycled file, damage, something
 * else's bytes. After `tail.offset` no whole record of this log is left.
 */
export async function judgeTail(
  source: ByteSource,
  file: string,
  tail: Tail,
  state: LogState,
): Promise<TailVerdict> {
  const inRecord = tail.damage?.recordOffset;
  switch (tail.kind) {
    case 'clean':
      return { tail: 'clean' };
    case 'closed':
      return closed(source, file, tail);
    case 'torn-fragments':
      return torn(source, file, tail, 'The record that begins here has no last fragment');
    case 'zero-fill':
      return inRecord === undefined
        ? zeroFill(source, file, tail)
        : tornInRecord(source, file, tail, 'zeros');
    case 'recycled':
      return inRecord === undefined
        ? remains(source, file, tail)
        : tornInRecord(source, file, tail, 'an earlier log');
    case 'torn-header':
      return torn(source, file, tail, `The file ends ${tail.length} bytes into a record header`);
    case 'torn-body':
    case 'damaged':
      return damaged(source, file, tail, state);
  }
}

/** After the mark lies what is left of older logs, or nothing. */
async function closed(source: ByteSource, file: string, tail: Tail): Promise<TailVerdict> {
  const offset = tail.offset + END_MARK;
  const length = tail.offset + tail.length - offset;
  if (length <= 0) return { tail: 'closed' };
  const message = `${length} bytes after the mark of a closed log are not read`;
  const place = { ...tail, offset, length };
  return {
    tail: 'closed',
    finding: await tailFinding(source, file, place, 'wal/recycled-remains', message, {}),
  };
}

/** A log is closed before its file is written over, so that what is left of it ends in its mark. */
async function endsInMark(source: ByteSource, logNumber: number): Promise<boolean> {
  const mark = new Uint8Array(END_MARK);
  if ((await source.read(mark, Math.max(0, source.size - END_MARK))) < END_MARK) return false;
  const isMark = mark.subarray(0, 6).every((byte) => byte === 0) && mark[6] === RecordType.recyclableFull;
  return isMark && u32At(mark, 7) <= logNumber;
}

async function damaged(source: ByteSource, file: string, tail: Tail, state: LogState): Promise<TailVerdict> {
  const damage = tail.damage!;
  const bytes = new Uint8Array(Math.min(tail.length, BLOCK_SIZE));
  const head = bytes.subarray(0, await source.read(bytes, tail.offset));
  const ours = damage.reason === 'false-end' || wasOurs(head, damage, state);
  if (!ours && state.style === 'recyclable') {
    const isForeign =
      state.dialect === 'pebble' &&
      tail.oldRecord === undefined &&
      !(await endsInMark(source, state.logNumber));
    if (isForeign && damage.recordOffset === undefined) return garbage(source, file, tail);
    return damage.recordOffset === undefined
      ? remains(source, file, tail)
      : tornInRecord(source, file, tail, 'an earlier log');
  }
  if (tail.kind === 'torn-body' && ours && lengthThatFits(head, damage, false) === undefined) {
    const there = tail.length - damage.header!.headerSize;
    return torn(
      source,
      file,
      tail,
      `The record should have ${damage.header!.length} bytes, the file ends after ${there}`,
    );
  }
  if (damage.reason === 'checksum' && damage.header !== undefined)
    damage.length = Math.min(damage.length, damage.header.headerSize + damage.header.length);
  const finding = await damageFinding(source, file, damage);
  finding.evidence.following = 'nothing that is a record of this log';
  if (!ours && finding.evidence.fittingLength === undefined) {
    finding.rule = 'wal/trailing-garbage';
    finding.severity = ruleOf('wal/trailing-garbage').severity;
    finding.message = `${tail.length} bytes to the end of the file are no records of this log`;
  }
  return { tail: 'damaged', finding };
}

async function garbage(source: ByteSource, file: string, tail: Tail): Promise<TailVerdict> {
  const message = `${tail.length} bytes to the end of the file are no records of this log, nor what an older one left`;
  const finding = await tailFinding(source, file, tail, 'wal/trailing-garbage', message, {});
  return { tail: 'recycled', finding: { ...finding, severity: 'warning' } };
}

async function torn(source: ByteSource, file: string, tail: Tail, message: string): Promise<TailVerdict> {
  return { tail: 'torn', finding: await tailFinding(source, file, tail, 'wal/torn-tail', message, {}) };
}

/** A record of several fragments begins, and then something else comes. */
async function tornInRecord(
  source: ByteSource,
  file: string,
  tail: Tail,
  what: string,
): Promise<TailVerdict> {
  const offset = tail.damage!.recordOffset!;
  const message = `The record that begins here has no last fragment; ${what} follow${what === 'zeros' ? '' : 's'} at ${tail.offset}`;
  const place = { ...tail, offset, length: tail.offset - offset };
  return { tail: 'torn', finding: await tailFinding(source, file, place, 'wal/torn-tail', message, {}) };
}

async function zeroFill(source: ByteSource, file: string, tail: Tail): Promise<TailVerdict> {
  const message = `${tail.length} zeros to the end of the file`;
  return { tail: 'zero-fill', finding: await tailFinding(source, file, tail, 'wal/zero-fill', message, {}) };
}

async function remains(source: ByteSource, file: string, tail: Tail): Promise<TailVerdict> {
  const old = tail.oldRecord;
  const message =
    old === undefined
      ? `${tail.length} bytes after the last record are none of this log`
      : `${tail.length} bytes are left of log ${old.logNumber}, which this file held before`;
  const evidence: Record<string, EvidenceValue> =
    old === undefined
      ? { proof: 'none: the log recycles files, and nothing of this log follows' }
      : { proof: `a whole record of log ${old.logNumber} follows`, oldRecordOffset: old.offset };
  return {
    tail: 'recycled',
    finding: await tailFinding(source, file, tail, 'wal/recycled-remains', message, evidence),
  };
}

async function tailFinding(
  source: ByteSource,
  file: string,
  tail: Tail,
  rule: RuleId,
  message: string,
  evidence: Record<string, EvidenceValue>,
): Promise<Finding> {
  const { offset, length } = tail;
  const says = engineMessageOfTail(tail);
  return findingAt({ file }, rule, {
    offset,
    length,
    message,
    evidence: {
      ...evidence,
      ...(says !== undefined && { strictModeSays: says }),
      bytes: await hexAround(source, offset, Math.min(length, 16)),
    },
  });
}
