import { crc32c } from '../bytes/crc32c.js';
import { isBlobFileFooter } from '../format/blob/footer.js';
import { decodeBlobFileHeader } from '../format/blob/header.js';
import { BLOB } from '../format/blob/layout.js';
import { decodeBlobRecordHeader, isHeaderIntact, recordLength } from '../format/blob/record.js';
import { checksumHolds, lengthAt } from '../format/log/physical.js';
import { BLOCK_SIZE, LEGACY_HEADER, type LogDialect, RecordKind } from '../format/log/types.js';
import { type LineEndingChange, type LineEndings, type UndoneRun, UndoneRuns } from './line-endings.js';

/** A file as it was before its line endings changed, every record of it proven by its checksum. */
interface UndoneFile {
  bytes: Uint8Array;
  endings: LineEndings;
}

/** Puts the runs of a file one after the other. */
class UndoneRecords {
  private readonly runs: UndoneRuns;
  private readonly parts: Uint8Array[] = [];
  private readonly exceptions: number[] = [];
  /** Bytes taken, as they are now and as they were. */
  at = 0;
  size = 0;

  constructor(
    private readonly bytes: Uint8Array,
    change: LineEndingChange,
  ) {
    this.runs = new UndoneRuns(bytes, change);
  }

  /** Takes the first run that is right; false when no run is right. */
  take(
    lengthOf: (bytes: Uint8Array, have: number) => number,
    isRight: (bytes: Uint8Array) => boolean,
  ): boolean {
    for (const run of this.runs.after(this.at, lengthOf)) {
      if (!isRight(run.bytes)) continue;
      this.add(run);
      return true;
    }
    return false;
  }

  /** Takes zeros, which have no ends of lines among them. */
  takeZeros(length: number): boolean {
    const bytes = this.bytes.subarray(this.at, this.at + length);
    if (bytes.length < length || bytes.some((byte) => byte !== 0)) return false;
    this.add({ bytes, from: this.at, to: this.at + length, exceptions: [] });
    return true;
  }

  result(): UndoneFile {
    const bytes = new Uint8Array(this.size);
    let at = 0;
    for (const part of this.parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return { bytes, endings: { change: this.runs.change, exceptions: this.exceptions } };
  }

  private add({ bytes, to, exceptions }: UndoneRun): void {
    this.parts.push(bytes);
    for (const each of exceptions) this.exceptions.push(each);
    this.at = to;
    this.size += bytes.length;
  }
}

/** A WAL or a MANIFEST; zeros that were reserved may end it. */
export function logBefore(
  bytes: Uint8Array,
  change: LineEndingChange,
  dialect: LogDialect,
): UndoneFile | undefined {
  const file = new UndoneRecords(bytes, change);
  let records = 0;
  while (file.at < bytes.length) {
    const room = BLOCK_SIZE - (file.size % BLOCK_SIZE);
    if (room < LEGACY_HEADER) {
      if (!file.takeZeros(Math.min(room, bytes.length - file.at))) return undefined;
      continue;
    }
    const isRecord = file.take(
      (run, have) => {
        if (have < LEGACY_HEADER) return LEGACY_HEADER;
        return Math.min(room + 1, dialect.headerSizes[run[6]] + lengthAt(run, 0));
      },
      (run) =>
        run.length <= room && dialect.kinds[run[6]] >= RecordKind.full && checksumHolds(run, 0, run.length),
    );
    if (isRecord) records++;
    else if (!file.takeZeros(bytes.length - file.at)) return undefined;
  }
  return records > 0 ? file.result() : undefined;
}

/** A blob file. Nothing protects its header, so the records after it have to say that it is right. */
export function blobBefore(bytes: Uint8Array, change: LineEndingChange): UndoneFile | undefined {
  const file = new UndoneRecords(bytes, change);
  const isHeader = (run: Uint8Array) => decodeBlobFileHeader(run).anomalies.length === 0;
  if (!file.take(() => BLOB.headerLength, isHeader)) return undefined;
  let records = 0;
  while (file.at < bytes.length) {
    const isRecord = file.take((run, have) => {
      if (have < BLOB.recordHeaderLength) return BLOB.recordHeaderLength;
      const header = decodeBlobRecordHeader(run);
      // lengths that nothing vouches for are not followed
      return isHeaderIntact(header) && recordLength(header) <= 2 * bytes.length ? recordLength(header) : have;
    }, isBlobRecord);
    if (isRecord) records++;
    else
      return file.take(() => BLOB.footerLength, isBlobFileFooter) && file.at === bytes.length && records > 0
        ? file.result()
        : undefined;
  }
  return records > 0 ? file.result() : undefined;
}

function isBlobRecord(run: Uint8Array): boolean {
  const header = decodeBlobRecordHeader(run);
  return (
    isHeaderIntact(header) &&
    recordLength(header) === run.length &&
    crc32c(run, BLOB.recordHeaderLength, run.length) === header.blobCrc
  );
}
