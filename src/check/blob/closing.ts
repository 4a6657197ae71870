import { hex32, hexWindow } from '../../bytes/hexdump.js';
import type { ByteSource } from '../../bytes/source.js';
import type { Anomaly } from '../../finding/finding.js';
import { type BlobFileFooter, decodeBlobFileFooter, isBlobFileFooter } from '../../format/blob/footer.js';
import { BLOB } from '../../format/blob/layout.js';
import type { LiveBlobFile } from '../../format/manifest/version.js';

/** How a blob file ends. */
export interface Closing {
  /** Where records end: the footer, or the end of the file where there is none. */
  end: number;
  /** Absent when no intact footer was found. */
  footer?: BlobFileFooter;
  /** The footer's place is known and its bytes are damaged. */
  damagedFooter: boolean;
  anomalies: Anomaly[];
}

/**
 * Looks for the footer: in the last 32 bytes, or where the MANIFEST says that the records end. Of a file that is shorter
 * than the MANIFEST says nothing is concluded here: the walk over its records shows where it was cut.
 */
export async function closingOf(source: ByteSource, live: LiveBlobFile | undefined): Promise<Closing> {
  const last = source.size - BLOB.footerLength;
  const atEnd = await footerAt(source, last);
  if (atEnd.intact) return { end: last, footer: atEnd.footer, damagedFooter: false, anomalies: [] };
  if (live === undefined) return { end: source.size, damagedFooter: false, anomalies: [] };

  const expected = BLOB.headerLength + Number(live.totalBytes);
  if (expected > last) return { end: source.size, damagedFooter: false, anomalies: [] };
  const there = expected === last ? atEnd : await footerAt(source, expected);
  const behind = expected + BLOB.footerLength;
  const anomalies: Anomaly[] = [];
  if (!there.intact) anomalies.push(badFooter(there.bytes, expected));
  if (behind < source.size) anomalies.push(trailingBytes(behind, source.size));
  return {
    end: expected,
    footer: there.intact ? there.footer : undefined,
    damagedFooter: !there.intact,
    anomalies,
  };
}

interface FooterReading {
  bytes: Uint8Array;
  footer?: BlobFileFooter;
  intact: boolean;
}

export async function footerAt(source: ByteSource, offset: number): Promise<FooterReading> {
  const bytes = new Uint8Array(BLOB.footerLength);
  if (offset < BLOB.headerLength || (await source.read(bytes, offset)) < bytes.length)
    return { bytes, intact: false };
  return { bytes, footer: decodeBlobFileFooter(bytes), intact: isBlobFileFooter(bytes) };
}

export function badFooter(bytes: Uint8Array, offset: number): Anomaly {
  const { hasMagic, storedCrc, computedCrc, recordCount } = decodeBlobFileFooter(bytes);
  const message =
    storedCrc !== computedCrc
      ? 'the footer does not match its checksum'
      : 'the footer has another magic number';
  return {
    rule: 'blob/bad-footer',
    offset,
    length: BLOB.footerLength,
    message,
    evidence: {
      stored: hex32(storedCrc),
      computed: hex32(computedCrc),
      magic: hasMagic,
      recordCount: Number.isFinite(recordCount) ? recordCount : 'more than 2^53',
      window: { hex: hexWindow(bytes, { base: offset, marks: [{ offset, length: BLOB.footerLength }] }) },
    },
  };
}

export function trailingBytes(from: number, to: number): Anomaly {
  const message = `${to - from} bytes stand after the footer`;
  return { rule: 'blob/trailing-bytes', offset: from, length: to - from, message };
}
