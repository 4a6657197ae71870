import type { ByteSource } from '../bytes/source.js';
import { type CheckedFile, checkFile } from '../check/check-file.js';
import { sizeMismatch } from '../check/directory/live-files.js';
import { checkTable } from '../check/sst/table.js';
import type { UnitResult } from '../check/unit.js';
import type { RuleId } from '../finding/catalog.js';
import type { Cause, Finding, Range } from '../finding/finding.js';
import { counted } from '../finding/quantity.js';
import { dialectNamed } from '../format/dialect.js';
import { openTable } from '../format/sst/table.js';
import { PiecedSource } from '../io/pieces.js';
import { memorySource } from '../io/source.js';
import { insertedRun } from './inserted-log.js';
import { changeShown, type LineEndings } from './line-endings.js';
import { blobBefore, logBefore } from './line-endings-records.js';
import { tableBefore } from './line-endings-table.js';
import { findShift, offsetInFile, type Shift } from './shifted-table.js';

/*
 * Damage that moves bytes: everything after it stands in the wrong place, and a check finds all of it damaged. Where the
 * checksums show what was done, the file is checked as it was, and what was done is said once.
 */

/** What was done to a file as a whole, and the file without it. */
interface Alteration {
  source: ByteSource;
  /** The check of `source`: offsets are of it, until `place` puts them into the file. */
  result: UnitResult;
  /** Puts the offsets of findings, and of bits in their causes, into the file as it is, and adds what was done to it. */
  place(result: UnitResult): void;
}

/** Larger files are not read into memory for the ends of their lines. Bytes. */
const LARGEST = 256 << 20;

/** Findings of a table that show damage at its end, which moved bytes bring about. */
const MOVED: ReadonlySet<RuleId> = new Set([
  'sst/bad-footer',
  'sst/bad-handle',
  'sst/bad-magic',
  'sst/block-checksum',
  'sst/footer-checksum',
  'sst/trailing-bytes',
  'sst/truncated',
]);

/** Finds out whether bytes of a damaged file were moved. Rejects only when the medium fails. */
export async function findAlteration(
  source: ByteSource,
  unit: CheckedFile,
  found: UnitResult,
): Promise<Alteration | undefined> {
  if (!found.findings.some(({ severity }) => severity === 'error')) return undefined;
  if (unit.kind !== 'table')
    return (await lineEndings(source, unit, found)) ?? (await insertion(source, unit, found));
  const { live, orphan, blocks } = unit.context;
  if (orphan || (blocks?.from ?? 0) > 0 || !found.findings.some(({ rule }) => MOVED.has(rule)))
    return undefined;
  const shift =
    (await appended(source, Number(live?.size ?? source.size))) ?? (await findShift(source, live));
  if (shift?.exact !== true) {
    // many small runs look like one large one whose place is not clear
    const endings = await lineEndings(source, unit, found);
    if (endings !== undefined || shift === undefined) return endings;
  }
  const without = new PiecedSource(source.descriptor, shift.pieces);
  return {
    source: without,
    result: await checkTable(without, unit.context),
    place: (result) => placeShift(result, shift, source, unit.context.file),
  };
}

/** A whole table of the size that the MANIFEST gives it, with more after it. */
async function appended(source: ByteSource, size: number): Promise<Shift | undefined> {
  if (source.size <= size) return undefined;
  const pieces = [{ source, offset: 0, length: size }];
  const { footer, anomalies, metaindexSound } = await openTable(new PiecedSource(source.descriptor, pieces));
  if (footer === undefined || !metaindexSound || anomalies.length > 0) return undefined;
  return { by: source.size - size, at: size, exact: true, length: source.size - size, pieces };
}

function placeShift(
  result: UnitResult,
  { by, at, exact, length, pieces }: Shift,
  source: ByteSource,
  file: string,
): void {
  for (const finding of result.findings) {
    if (finding.offset !== undefined) {
      const end = offsetInFile(finding.offset + (finding.length ?? 0), pieces, source);
      finding.offset = offsetInFile(finding.offset, pieces, source);
      // of a block that misses bytes, what is left of it
      if (finding.length !== undefined)
        finding.length = Math.min(finding.length, Math.max(0, end - finding.offset));
    }
    if (!exact) withoutProof(finding);
    for (const change of finding.cause?.changes ?? [])
      change.offset = offsetInFile(change.offset, pieces, source);
  }
  for (const each of result.unchecked)
    if (each.offset !== undefined) each.offset = offsetInFile(each.offset, pieces, source);
  const { size } = source;
  const isTail = at + by === size;
  const evidence = {
    bytes: by,
    size,
    expectedSize: size - by,
    engine: `Corruption: ${sizeMismatch(file, size - by, size)}`,
  };
  result.findings.unshift({
    rule: isTail ? 'sst/trailing-bytes' : 'sst/shifted',
    severity: 'error',
    file,
    offset: at,
    length: exact ? length : Math.max(0, length),
    message: shiftMessage(by, isTail, exact),
    evidence,
    cause: shiftCause(by, { offset: at, length }, isTail, exact),
  });
  if (result.facts.kind !== 'table') return;
  result.facts.size = size;
  result.facts.errors = (result.facts.errors ?? 0) + 1;
}

/** What is found in a file of which not all is where it should be proves no byte of it. */
function withoutProof({ cause }: Finding): void {
  if (cause === undefined) return;
  delete cause.restores;
  delete cause.changes;
  if (cause.certainty === 'proven') cause.certainty = 'possible';
}

function shiftMessage(by: number, isTail: boolean, exact: boolean): string {
  if (isTail) return `The file is ${by} bytes too long: they follow the end of the table`;
  if (by < 0)
    return `The file is ${-by} bytes too short: they are missing here, and what follows stands too early`;
  return exact
    ? `The file is ${by} bytes too long: they were put in here, and what follows stands that much too late`
    : `The file is ${by} bytes too long: they were put in here or after, and what follows stands too late`;
}

function shiftCause(by: number, run: Range, isTail: boolean, exact: boolean): Cause {
  if (by < 0) {
    const detail = `${counted(-by, 'byte')} were taken out of the table; its footer at the end of the file and the blocks before and after still hold`;
    return { kind: 'removed-bytes', certainty: 'proven', detail, basis: 'the footer says where it stood' };
  }
  const detail = isTail
    ? `${counted(by, 'byte')} were appended to the table: a copy that did not replace the file, or another writer`
    : `${counted(by, 'byte')} were put into the table; without them every block before and after holds`;
  return {
    kind: isTail ? 'appended-bytes' : 'inserted-bytes',
    certainty: exact ? 'proven' : 'likely',
    detail,
    basis: isTail
      ? 'the table before them ends in its own footer and has the size that the MANIFEST gives it'
      : 'the footer says where it stood, and the checksums show where the run begins',
    ...(exact && { removes: [run], restores: true }),
  };
}

/** A WAL into which a run of bytes was put. */
async function insertion(
  source: ByteSource,
  unit: CheckedFile,
  found: UnitResult,
): Promise<Alteration | undefined> {
  if (unit.kind !== 'wal' || source.size > LARGEST) return undefined;
  const bytes = new Uint8Array(source.size);
  if ((await source.read(bytes, 0)) < bytes.length) return undefined;
  const run = insertedRun(bytes, dialectNamed(unit.context.dialect).wal);
  if (run === undefined) return undefined;
  const without = memorySource(withoutRun(bytes, run));
  const result = await checkFile(unit, without);
  const isSound = result.findings.every(({ severity }) => severity === 'note');
  if (!isSound || result.unchecked.length > found.unchecked.length) return undefined;
  return {
    source: without,
    result,
    place: (placed) => {
      placed.findings = [
        {
          rule: 'wal/shifted',
          severity: 'error',
          file: unit.context.file,
          ...run,
          message: shiftMessage(run.length, false, true),
          evidence: { bytes: run.length, size: source.size, expectedSize: without.size },
          cause: insertionCause(run),
        },
      ];
      placed.facts.size = source.size;
    },
  };
}

/** A file without a run of its bytes. */
export function withoutRun(bytes: Uint8Array, { offset, length }: Range): Uint8Array {
  return Buffer.concat([bytes.subarray(0, offset), bytes.subarray(offset + length)]);
}

/** The cause of all damage in a log into which a run of bytes was put. */
export function insertionCause(run: Range): Cause {
  return {
    kind: 'inserted-bytes',
    certainty: 'proven',
    detail: `${counted(run.length, 'byte')} were put into the log; without them every record before and after holds`,
    basis: 'with the run taken out, and with no other, every checksum of the file holds',
    removes: [run],
    restores: true,
  };
}

/** A file of which every LF was made CR LF, or every CR LF an LF. */
async function lineEndings(
  source: ByteSource,
  unit: CheckedFile,
  found: UnitResult,
): Promise<Alteration | undefined> {
  if (source.size > LARGEST) return undefined;
  const bytes = new Uint8Array(source.size);
  if ((await source.read(bytes, 0)) < bytes.length) return undefined;
  const change = changeShown(bytes);
  if (change === undefined) return undefined;
  let undone: { source: ByteSource; endings: LineEndings } | undefined;
  if (unit.kind === 'table') undone = await tableBefore(bytes, change, unit.context.live);
  else {
    const file =
      unit.kind === 'wal'
        ? logBefore(bytes, change, dialectNamed(unit.context.dialect).wal)
        : blobBefore(bytes, change);
    undone = file && { source: memorySource(file.bytes), endings: file.endings };
  }
  // where no LF is an exception a file that misses nothing would be its own original
  if (undone === undefined || undone.source.size === source.size) return undefined;
  const result = await checkFile(unit, undone.source);
  const isSound = ({ severity }: Finding) => severity === 'note';
  if (!result.findings.every(isSound) || result.unchecked.length > found.unchecked.length) return undefined;
  const { endings } = undone;
  const { size } = undone.source;
  return {
    ...undone,
    result,
    place: (placed) => {
      placed.findings = [lineEndingFinding(unit, endings, source.size, size)];
      const { facts } = placed;
      facts.size = source.size;
      if (facts.kind === 'table') facts.errors = 1;
    },
  };
}

const RULES = {
  table: 'sst/line-endings',
  wal: 'wal/line-endings',
  blob: 'blob/line-endings',
} as const satisfies Record<CheckedFile['kind'], RuleId>;

function lineEndingFinding(unit: CheckedFile, endings: LineEndings, size: number, was: number): Finding {
  return {
    rule: RULES[unit.kind],
    severity: 'error',
    file: unit.context.file,
    offset: 0,
    length: size,
    message: lineEndingMessage(endings, size, was),
    evidence: { size, sizeBefore: was, exceptions: endings.exceptions.length },
    cause: lineEndingCause(endings),
  };
}

function lineEndingMessage({ change }: LineEndings, size: number, was: number): string {
  return change === 'lf-to-crlf'
    ? `Every LF in the file became CR LF: ${size - was} bytes were put in`
    : `Every CR LF in the file became LF: ${was - size} bytes are missing`;
}

/** The cause of all damage in a file whose line endings changed. */
export function lineEndingCause(endings: LineEndings): Cause {
  return {
    kind: 'line-endings',
    certainty: 'proven',
    detail:
      'the file was taken for text, and the ends of its lines were changed: git (core.autocrlf, or * text in .gitattributes), a transfer in text mode, an editor',
    basis: 'with that undone every checksum of the file holds',
    lineEndings: endings,
    restores: true,
  };
}
