import type { ByteSource } from '../../bytes/source.js';
import { codecOf, decompressBlock, isUnsupported } from '../../codec/block.js';
import type { Range } from '../../finding/finding.js';
import { SourceWindow } from '../../format/sst/window.js';
import {
  openTitanBlobFile,
  TITAN_RECORD_HEADER,
  type TitanBlobFile,
  titanPayload,
  titanRecordHolds,
  titanRecordLength,
} from '../../format/titan/blob-file.js';
import type { Depth } from '../unit.js';

/** Records of more bytes are not read: 257 MiB. */
const LARGEST_RECORD = 257 << 20;
const MOST_DAMAGED = 1000;

/** A reference of a table, or of several, to one place. */
export interface TitanReference {
  offset: number;
  size: number;
}

export interface TitanBlobReport {
  file: TitanBlobFile;
  /** Absent where they were not read. */
  records?: number;
  /** Bytes that are no whole record. */
  damaged: (Range & { message: string })[];
  /** References that lead to no record, or to one of another size. */
  dangling: (TitanReference & { message: string })[];
  /** References into a hole that garbage collection may have punched. */
  punched: number;
  unchecked: (Range & { reason: string })[];
}

/**
 * Checks all records of a blob file: checksum and, at depth `full`, codec and form; and that each reference is to one of them. At depth
 * `structure` what stands around the records. `references` are in order of offset, each place once. Rejects only when the medium fails.
 */
export async function checkTitanBlobFile(
  source: ByteSource,
  references: readonly TitanReference[],
  depth: Depth,
): Promise<TitanBlobReport> {
  const file = await openTitanBlobFile(source);
  const report: TitanBlobReport = { file, damaged: [], dangling: [], punched: 0, unchecked: [] };
  if (file.start === 0 || depth === 'structure') return report;
  report.records = 0;
  const decompress = depth === 'full' && file.flaws.every(({ part }) => part === 'header');
  await new Walk(source, file, references, report, decompress).run();
  return report;
}

class Walk {
  private readonly window: SourceWindow;
  /** The first reference that lies at or after what has been walked. */
  private next = 0;

  constructor(
    source: ByteSource,
    private readonly file: TitanBlobFile,
    private readonly references: readonly TitanReference[],
    private readonly report: TitanBlobReport,
    private readonly decompress: boolean,
  ) {
    this.window = new SourceWindow(source, file.end);
  }

  async run(): Promise<void> {
    const { file, report } = this;
    this.refuseBefore(file.start, 'where no record is');
    let at = file.start;
    while (at < file.end) {
      const found = await this.recordAt(at);
      if (found === undefined) {
        at = await this.passDamage(at);
        continue;
      }
      this.settle(at, found);
      if (found.holds) report.records!++;
      if (found.holds && this.decompress) this.checkPayload(at, found.bytes);
      at += found.bytes;
      if (file.blockSize > 0) at = Math.ceil(at / file.blockSize) * file.blockSize;
    }
    this.refuseBefore(Number.POSITIVE_INFINITY, 'beyond the last record');
  }

  /** The extent of what begins here: a record, or a block of zeros where holes are punched; `undefined` where it is neither. */
  private async recordAt(at: number, size?: number): Promise<{ bytes: number; holds: boolean } | undefined> {
    const { window, file, report } = this;
    if (!(await this.has(at, TITAN_RECORD_HEADER))) return undefined;
    const bytes = titanRecordLength(window.bytes, window.position(at));
    if (file.blockSize > 0 && bytes === TITAN_RECORD_HEADER && (await this.isHole(at)))
      return { bytes: file.blockSize, holds: false };
    // in noise the length is anything: no checksum is computed where the reference says another one
    if (bytes > file.end - at || (size !== undefined && bytes !== size)) return undefined;
    if (bytes > LARGEST_RECORD) {
      report.unchecked.push({
        offset: at,
        length: bytes,
        reason: 'a record is larger than what is looked at',
      });
      return { bytes, holds: true };
    }
    if (!(await this.has(at, bytes))) return undefined;
    const start = window.position(at);
    return titanRecordHolds(window.bytes, start, start + bytes) ? { bytes, holds: true } : undefined;
  }

  /** Reads so many bytes, where the records go as far. */
  private async has(at: number, length: number): Promise<boolean> {
    const { window, file } = this;
    if (!window.has(at, length)) await window.ensure(at, Math.min(length, file.end - at));
    return window.has(at, length);
  }

  private checkPayload(offset: number, length: number): void {
    const { window } = this;
    // one that is too large is not in memory
    if (!window.has(offset, length)) return;
    const start = window.position(offset);
    const record = window.bytes.subarray(start, start + length);
    const codec = codecOf(record[8]);
    const { damaged, unchecked } = this.report;
    if (codec !== undefined && isUnsupported(codec)) {
      if (unchecked.length === 0)
        unchecked.push({
          offset,
          length: record.length,
          reason: `values compressed with ${codec} cannot be decompressed`,
        });
      return;
    }
    const { dictionary } = this.file;
    const { bytes, error } = decompressBlock(record[8], record.subarray(TITAN_RECORD_HEADER), {
      ...(dictionary && { dictionary }),
    });
    const message = error ?? (titanPayload(bytes!) === undefined ? 'it is no key and value' : undefined);
    if (message !== undefined && damaged.length < MOST_DAMAGED)
      damaged.push({
        offset,
        length: record.length,
        message: `the checksum of the record holds, and ${message}`,
      });
  }

  private async isHole(at: number): Promise<boolean> {
    const { window, file } = this;
    const length = Math.min(file.blockSize, file.end - at);
    if (!(await this.has(at, length))) return false;
    const start = window.position(at);
    return window.bytes.subarray(start, start + length).every((byte) => byte === 0);
  }

  /** Reports what is no record, up to where one is known to begin again. Returns that place. */
  private async passDamage(at: number): Promise<number> {
    const { file, references, report, window } = this;
    while (references[this.next]?.offset < at) this.next++;
    const candidates: number[] = [];
    if (window.has(at, TITAN_RECORD_HEADER))
      candidates.push(at + titanRecordLength(window.bytes, window.position(at)));
    const { blockSize } = file;
    if (blockSize > 0) candidates.push((Math.floor(at / blockSize) + 1) * blockSize);
    let resume = file.end;
    for (const candidate of candidates)
      if (resume === file.end && candidate < file.end && (await this.recordAt(candidate)) !== undefined)
        resume = candidate;
    for (let i = this.next; i < references.length && references[i].offset < resume; i++) {
      const { offset, size } = references[i];
      if (offset > at && (await this.recordAt(offset, size)) !== undefined) resume = offset;
    }
    // without a footer or what it leads to, the end of the records is not known
    const isEnd = resume === file.end && file.flaws.length > 0 && references[this.next] === undefined;
    if (!isEnd && report.damaged.length < MOST_DAMAGED)
      report.damaged.push({ offset: at, length: resume - at, message: 'it does not match its checksum' });
    // what refers into the damage is hit by it
    while (references[this.next]?.offset < resume) this.next++;
    return resume;
  }

  private settle(at: number, { bytes, holds }: { bytes: number; holds: boolean }): void {
    const { references, report } = this;
    this.refuseBefore(at, 'between two records');
    if (!holds) {
      for (; references[this.next]?.offset < at + bytes; this.next++) report.punched++;
      return;
    }
    for (; references[this.next]?.offset === at; this.next++)
      if (references[this.next].size !== bytes)
        this.refuse(references[this.next], `to a record of ${bytes} bytes`);
  }

  private refuseBefore(at: number, where: string): void {
    const { references } = this;
    for (; references[this.next]?.offset < at; this.next++) this.refuse(references[this.next], where);
  }

  private refuse(reference: TitanReference, message: string): void {
    if (this.report.dangling.length < MOST_DAMAGED) this.report.dangling.push({ ...reference, message });
  }
}
