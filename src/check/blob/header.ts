import { codecOf } from '../../codec/block.js';
import type { Anomaly } from '../../finding/finding.js';
import type { BlobFileHeader } from '../../format/blob/header.js';
import { BLOB } from '../../format/blob/layout.js';
import type { LiveBlobFile } from '../../format/manifest/version.js';

/** What the header says that contradicts the MANIFEST, or that this kind of database cannot have. */
export function headerAgainstManifest(header: BlobFileHeader, live: LiveBlobFile | undefined): Anomaly[] {
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
