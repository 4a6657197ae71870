import type { Profile } from '../app/profile.js';
import type { FindReport, KeyReport } from '../find/find.js';
import type { FoundVersion } from '../find/found.js';
import { keyBytes } from '../finding/evidence.js';
import { valueTypeName } from '../format/sst/internal-key.js';
import { valueSaid } from './text/find.js';
import { toolVersion } from './tool.js';

/** What was found as JSON: sequences are decimal strings, keys and values `{utf8?, base64}`. */
export function findJson(report: FindReport, key: Uint8Array, prefix: boolean): string {
  const { target, keys, tombstones, moreKeys, unchecked, unread, searched, recovery, interrupted } = report;
  const document = {
    schemaVersion: 1,
    tool: { name: 'kvdoctor', version: toolVersion },
    target,
    ...(report.profile && { application: { name: report.profile.title, profile: report.profile.name } }),
    key: keyBytes(key),
    prefix,
    found: keys.length > 0,
    complete: unread.length === 0 && unchecked.length === 0 && !interrupted,
    ...(recovery && { recovery: { ...recovery, lastSequence: String(recovery.lastSequence) } }),
    keys: keys.map((each) => keyJson(each, report.profile)),
    ...(tombstones.length > 0 && { rangeTombstones: tombstones.map((each) => versionJson(each)) }),
    ...(moreKeys && { moreKeys }),
    ...(unchecked.length > 0 && { unchecked }),
    unread,
    searched,
    ...(interrupted && { interrupted }),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function keyJson(
  { family, key, said, reader, versions, tombstones, dropped, doubt }: KeyReport,
  profile: Profile | undefined,
): unknown {
  return {
    columnFamily: { id: family.id, ...(family.name !== undefined && { name: family.name }) },
    key: { ...keyBytes(key), ...(said !== undefined && { text: said }) },
    reader: {
      ...reader,
      ...('value' in reader && { value: keyBytes(reader.value) }),
      ...('sequence' in reader && { sequence: String(reader.sequence) }),
    },
    versions: versions.map((each) => versionJson(each, profile)),
    ...(tombstones.length > 0 && { rangeTombstones: tombstones.map((each) => versionJson(each)) }),
    ...(doubt !== undefined && { doubt }),
    ...(dropped > 0 && { versionsLeftOut: dropped }),
  };
}

function versionJson(version: FoundVersion, profile?: Profile): unknown {
  const said = valueSaid(version, profile);
  const { file, timestamp, sequence, type, value, valueLength, at, inner, blob, damaged, note, status, by } =
    version;
  const isRange = type !== undefined && valueTypeName(type) === 'range-delete';
  return {
    ...(sequence !== undefined && { sequence: String(sequence) }),
    ...(type !== undefined && { type: valueTypeName(type) }),
    file: file.entry.file,
    ...(file.entry.root !== undefined && { root: file.entry.root }),
    kind: file.kind,
    use: file.use,
    ...(file.level !== undefined && { level: file.level }),
    offset: at.offset,
    length: at.length,
    ...(inner !== undefined && { offsetInside: inner }),
    status,
    ...(by && { by: { sequence: String(by.sequence), file: by.file.entry.file } }),
    ...(timestamp && { timestamp: Buffer.from(timestamp).toString('hex') }),
    ...(isRange
      ? { begin: keyBytes(version.key), end: keyBytes(value) }
      : { value: { ...keyBytes(value), ...(said !== undefined && { text: said }) }, valueLength }),
    ...(blob && { blob: { ...blob, fileNumber: String(blob.fileNumber) } }),
    ...(damaged !== undefined && { damaged }),
    ...(note !== undefined && { note }),
  };
}
