import { hex32, hexWindow } from '../../bytes/hexdump.js';
import type { ByteSource } from '../../bytes/source.js';
import { codecOf, decompressBlock, isUnsupported } from '../../codec/block.js';
import { type EvidenceValue, keyBytes } from '../../finding/evidence.js';
import type { Anomaly } from '../../finding/finding.js';
import { decodeBlobFileFooter } from '../../format/blob/footer.js';
import type { BlobFileHeader } from '../../format/blob/header.js';
import { BLOB } from '../../format/blob/layout.js';
import type { BlobRecordHeader } from '../../format/blob/record.js';
import type { BlobSpan } from '../../format/blob/walk.js';
import type { LiveBlobFile } from '../../format/manifest/version.js';
import { badFooter, type Closing, footerAt, trailingBytes } from './closing.js';

/** What the records of one blob file come to, and what is wrong with them. */
export class RecordTally {
  /** Records whose header could be read, and their bytes. */
  records = 0;
  bytes = 0;
  private readonly anomalies: Anomaly[] = [];
  /** The last span where it is not a record: a place where the footer may really be. */
  private stopped: Extract<BlobSpan, { kind: 'damaged' | 'cut' }> | undefined;
  /** Stretches without a readable record header, so that counts prove nothing. */
  private unknown = 0;
  private decompressed = 0;
  private undecodable: Anomaly[] = [];

  constructor(
    private readonly header: BlobFileHeader,
    private readonly decompress: boolean,
  ) {}

  add(span: BlobSpan): void {
    if (span.kind === 'record') {
      this.stopped = undefined;
      this.records++;
      this.bytes += span.length;
      if (span.computedBlobCrc === undefined) return;
      if (span.computedBlobCrc !== span.header.blobCrc) this.anomalies.push(blobChecksum(span));
      else if (this.decompress && span.value !== undefined) this.decompressValue(span, span.value);
      return;
    }
    this.stopped = span;
    this.unknown++;
    if (span.kind === 'damaged') this.anomalies.push(headerChecksum(span));
  }

  private decompressValue(span: BlobSpan, value: Uint8Array): void {
    const codec = codecOf(this.header.compression);
    if (codec === undefined || codec === 'none' || isUnsupported(codec)) return;
    this.decompressed++;
    const { error } = decompressBlock(this.header.compression, value);
    if (error === undefined) return;
    const message = `the value does not decompress: ${error}`;
    const evidence = { compression: codec };
    this.undecodable.push({
      rule: 'blob/decompression',
      offset: span.offset,
      length: span.length,
      message,
      evidence,
    });
  }

  /** Everything that is wrong, once the walk is over. */
  async finish(
    source: ByteSource,
    about: { closing: Closing; live: LiveBlobFile | undefined; orphan: boolean },
  ): Promise<Anomaly[]> {
    const { closing, live, orphan } = about;
    if (closing.footer === undefined && !closing.damagedFooter)
      await this.withoutFooter(source, live, orphan);
    this.anomalies.push(...this.compression());
    if (this.unknown === 0) this.counts(closing, live);
    return this.anomalies;
  }

  /** The walk went to the end of the file: what stands where it stopped? */
  private async withoutFooter(
    source: ByteSource,
    live: LiveBlobFile | undefined,
    orphan: boolean,
  ): Promise<void> {
    const { stopped } = this;
    if (stopped !== undefined) {
      const there = await footerAt(source, stopped.offset);
      const behind = stopped.offset + BLOB.footerLength;
      if (there.intact) {
        this.dropLast(stopped);
        this.anomalies.push(trailingBytes(behind, source.size));
        return;
      }
      if (behind === source.size && this.looksLikeFooter(there.bytes)) {
        this.dropLast(stopped);
        this.anomalies.push(badFooter(there.bytes, stopped.offset));
        return;
      }
    }
    const cut = stopped?.kind === 'cut' ? stopped : undefined;
    if (orphan) {
      const { offset, length } = cut ?? { offset: source.size, length: 0 };
      const message = `the file has no footer; ${this.records} records are whole`;
      this.anomalies.push({ rule: 'blob/unsealed', offset, length, message });
      return;
    }
    this.anomalies.push(truncated(source.size, this.records, cut, live));
  }

  private looksLikeFooter(bytes: Uint8Array): boolean {
    const { hasMagic, storedCrc, computedCrc, recordCount } = decodeBlobFileFooter(bytes);
    return hasMagic || storedCrc === computedCrc || recordCount === this.records;
  }

  /** A stretch that proved to be something else than a record is not damage of its own. */
  private dropLast(span: BlobSpan): void {
    if (this.anomalies.at(-1)?.offset === span.offset) this.anomalies.pop();
  }

  /** When no value decompresses, it is the header that names the wrong codec. */
  private compression(): Anomaly[] {
    const failed = this.undecodable.length;
    if (failed < 2 || failed < this.decompressed) return this.undecodable;
    const codec = codecOf(this.header.compression) ?? this.header.compression;
    const message = `none of ${failed} values decompresses as ${codec}, which the header names`;
    return [{ rule: 'blob/bad-header', offset: 13, length: 1, message, evidence: { compression: codec } }];
  }

  private counts(closing: Closing, live: LiveBlobFile | undefined): void {
    const counted = closing.footer?.recordCount;
    const wrong = (offset: number, length: number, message: string) =>
      this.anomalies.push({
        rule: 'blob/wrong-count',
        offset,
        length,
        message,
        evidence: { records: this.records },
      });
    if (counted !== undefined && counted !== this.records) {
      wrong(
        closing.end,
        BLOB.footerLength,
        `the footer counts ${counted} records, ${this.records} are there`,
      );
    } else if (
      live !== undefined &&
      closing.footer !== undefined &&
      BigInt(this.records) !== live.totalCount
    ) {
      const message = `the MANIFEST counts ${live.totalCount} records, ${this.records} are there`;
      wrong(BLOB.headerLength, closing.end - BLOB.headerLength, message);
    }
  }
}

function crcEvidence(
  header: BlobRecordHeader,
  stored: number,
  computed: number | undefined,
): Record<string, EvidenceValue> {
  return {
    stored: hex32(stored),
    ...(computed === undefined ? {} : { computed: hex32(computed) }),
    ...(Number.isFinite(header.keyLength) ? { keyLength: header.keyLength } : {}),
    ...(Number.isFinite(header.valueLength) ? { valueLength: header.valueLength } : {}),
  };
}

function blobChecksum(span: Extract<BlobSpan, { kind: 'record' }>): Anomaly {
  const { offset, length, header, key, value } = span;
  return {
    rule: 'blob/record-checksum',
    offset,
    length,
    message: 'key and value do not match their checksum',
    evidence: {
      ...crcEvidence(header, header.blobCrc, span.computedBlobCrc),
      ...(key === undefined || key.length > 1024 ? {} : { key: keyBytes(key) }),
      ...(value === undefined ? {} : { zeroed: isZeroed(value) }),
    },
  };
}

function headerChecksum(span: Extract<BlobSpan, { kind: 'damaged' }>): Anomaly {
  const { offset, header, headerBytes, headerOnly } = span;
  const mark = { offset: offset + 24, length: 4 };
  const window = { hex: hexWindow(headerBytes, { base: offset, marks: [mark] }) };
  return {
    rule: 'blob/record-header-checksum',
    offset,
    length: headerOnly ? BLOB.recordHeaderLength : span.length,
    message: headerOnly
      ? 'the record header does not match its checksum; key and value match theirs'
      : 'the record header does not match its checksum; the next intact one follows after this range',
    evidence: { ...crcEvidence(header, header.headerCrc, header.computedHeaderCrc), headerOnly, window },
  };
}

function truncated(
  size: number,
  records: number,
  cut: Extract<BlobSpan, { kind: 'cut' }> | undefined,
  live: LiveBlobFile | undefined,
): Anomaly {
  const expected =
    live === undefined ? undefined : Number(live.totalBytes) + BLOB.headerLength + BLOB.footerLength;
  const missing = expected === undefined || expected <= size ? '' : `; ${expected - size} bytes are missing`;
  return {
    rule: 'blob/truncated',
    offset: cut?.offset ?? size,
    length: cut?.length ?? 0,
    message: `the file ends ${cut ? 'inside a record' : 'without a footer'}${missing}`,
    evidence: { records, ...(live ? { recordsInManifest: String(live.totalCount) } : {}) },
  };
}

function isZeroed(bytes: Uint8Array): boolean {
  return bytes.length > 0 && bytes.every((byte) => byte === 0);
}
