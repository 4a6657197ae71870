import { append } from '../../bytes/append.js';
import { crc32c } from '../../bytes/crc32c.js';
import { hex32 } from '../../bytes/hexdump.js';
import type { ByteSource } from '../../bytes/source.js';
import { codecOf, isUnsupported } from '../../codec/block.js';
import { ruleOf } from '../../finding/catalog.js';
import type { Anomaly, Finding, Severity } from '../../finding/finding.js';
import { type BlobFileHeader, decodeBlobFileHeader } from '../../format/blob/header.js';
import { BLOB } from '../../format/blob/layout.js';
import { walkBlobFile } from '../../format/blob/walk.js';
import type { LiveBlobFile } from '../../format/manifest/version.js';
import type { BlobContext, BlobFacts, Unchecked, UnitResult } from '../unit.js';
import { closingOf } from './closing.js';
import { RecordTally } from './records.js';

/**
 * Checks one blob file: header, every record's checksums (depth `structure`: of record headers only), footer, counts, all
 * against what the MANIFEST says of the file, and at depth `full` that values decompress. A file that the MANIFEST does not
 * name may lack a footer, and nothing that is wrong with it costs data: notes. Rejects only when the medium fails.
 */
export async function checkBlob(source: ByteSource, context: BlobContext): Promise<UnitResult> {
  const { live } = context;
  const orphan = context.orphan ?? live === undefined;
  const facts: BlobFacts = {
    kind: 'blob',
    file: context.file,
    number: context.number,
    size: source.size,
    readable: false,
    records: 0,
    bytes: 0,
    hasFooter: false,
  };

  const { header, anomalies } = await readHeader(source);
  if (header !== undefined) {
    facts.columnFamily = header.columnFamily;
    facts.compression = header.compression;
    append(anomalies, headerAgainstManifest(header, live));
    const closing = await closingOf(source, live);
    facts.hasFooter = closing.footer !== undefined;
    facts.readable = anomalies.length === 0 && facts.hasFooter;
    append(anomalies, closing.anomalies);

    const tally = new RecordTally(header, context.depth === 'full' && anomalies.length === 0);
    const expiring = (header.flags & BLOB.hasTtl) !== 0;
    const contents = context.depth !== 'structure';
    for await (const span of walkBlobFile(source, { end: closing.end, contents, expiring })) tally.add(span);
    facts.records = tally.records;
    facts.bytes = tally.bytes;
    append(anomalies, await tally.finish(source, { closing, live, orphan }));
    if (anomalies.length === 0 && contents) append(anomalies, await fileChecksum(source, context));
  }

  const findings = mergeHeader(anomalies).map((anomaly) => toFinding(anomaly, context.file, orphan));
  return { findings, unchecked: uncheckedOf(context, facts), facts, bytesRead: source.size };
}

/** Values whose codec kvdoctor does not have match their checksums, and that is all that is known of them. */
function uncheckedOf({ file, depth }: BlobContext, { compression }: BlobFacts): Unchecked[] {
  const codec = compression === undefined ? undefined : codecOf(compression);
  if (depth !== 'full' || codec === undefined || !isUnsupported(codec)) return [];
  return [{ file, reason: `values compressed with ${codec} cannot be decompressed` }];
}

async function readHeader(source: ByteSource): Promise<{ header?: BlobFileHeader; anomalies: Anomaly[] }> {
  const bytes = new Uint8Array(Math.min(BLOB.headerLength, source.size));
  const length = await source.read(bytes, 0);
  return decodeBlobFileHeader(bytes.subarray(0, length));
}

/** Several wrong fields of the header are one damage. */
function mergeHeader(anomalies: readonly Anomaly[]): Anomaly[] {
  const inHeader = anomalies.filter((anomaly) => anomaly.rule === 'blob/bad-header');
  if (inHeader.length < 2) return [...anomalies];
  const offset = Math.min(...inHeader.map((anomaly) => anomaly.offset));
  const end = Math.max(...inHeader.map((anomaly) => anomaly.offset + anomaly.length));
  const message = inHeader.map((anomaly) => anomaly.message).join('; ');
  const evidence = Object.assign({}, ...inHeader.map((anomaly) => anomaly.evidence));
  const merged: Anomaly = { rule: 'blob/bad-header', offset, length: end - offset, message, evidence };
  return [merged, ...anomalies.filter((anomaly) => anomaly.rule !== 'blob/bad-header')];
}

function toFinding(anomaly: Anomaly, file: string, orphan: boolean): Finding {
  const { rule, offset, length, message, evidence = {} } = anomaly;
  const severity: Severity = orphan ? 'note' : ruleOf(rule).severity;
  return { rule, severity, file, offset, length, message, evidence };
}

const CHUNK = 1 << 20;

/** The CRC of the whole file, where the MANIFEST holds one: big-endian and not masked. */
async function fileChecksum(source: ByteSource, { live }: BlobContext): Promise<Anomaly[]> {
  if (live?.checksumMethod !== 'FileChecksumCrc32c' || live.checksum.length !== 4) return [];
  const [a, b, c, d] = live.checksum;
  const stored = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const buffer = new Uint8Array(Math.min(CHUNK, source.size));
  let computed = 0;
  for (let at = 0; at < source.size; at += CHUNK) {
    const length = await source.read(buffer.subarray(0, Math.min(CHUNK, source.size - at)), at);
    computed = crc32c(buffer, 0, length, computed);
  }
  if (stored === computed) return [];
  const message =
    'the file as a whole does not match the checksum in the MANIFEST, though all of its parts do';
  const evidence = { stored: hex32(stored), computed: hex32(computed) };
  return [{ rule: 'blob/file-checksum', offset: 0, length: source.size, message, evidence }];
}

/** What the header says that contradicts the MANIFEST, or that this kind of database cannot have. */
function headerAgainstManifest(header: BlobFileHeader, live: LiveBlobFile | undefined): Anomaly[] {
  const anomalies: Anomaly[] = [];
  const wrong = (offset: number, length: number, message: string) =>
    anomalies.push({ rule: 'blob/bad-header', offset, length, message });
  if (codecOf(header.compression) === undefined) {
    wrong(13, 1, `no codec has the compression type ${header.compression}`);
  }
  if (live === undefined) return anomalies;
  if (header.columnFamily !== live.columnFamily) {
    wrong(
      8,
      4,
      `the column family is ${header.columnFamily}, the MANIFEST has the file in ${live.columnFamily}`,
    );
  }
  if ((header.flags & BLOB.hasTtl) !== 0)
    wrong(12, 1, 'the values expire, which files in a MANIFEST never do');
  return anomalies;
}
