import path from 'node:path';
import type { Profile } from '../app/profile.js';
import { profileBeside } from '../app/profile-of.js';
import { append } from '../bytes/append.js';
import type { SourceDescriptor } from '../bytes/source.js';
import { checkInvariants } from '../check/manifest/invariants.js';
import { diagnoseManifest } from '../diagnose/manifest.js';
import { dialectBeside } from '../engine/beside.js';
import { SNIFF_BYTES, sniffFile } from '../engine/file-type.js';
import type { Anomaly, Finding } from '../finding/finding.js';
import { findingAt } from '../finding/finding-at.js';
import { decodeCurrent } from '../format/current.js';
import { type DialectName, dialectNamed } from '../format/dialect.js';
import { type FileName, parseFileName } from '../format/filename.js';
import { replayManifest } from '../format/manifest/replay.js';
import { parseOptions } from '../format/options.js';
import { parsePebbleOptions } from '../format/pebble-options.js';
import { parseRaftLogName } from '../format/raft-engine/file.js';
import { fileSize } from '../io/file-size.js';
import { readHead, readTail } from '../io/head.js';
import type { InventoryEntry } from '../io/inventory.js';
import { entryOf } from '../io/listing.js';
import { openSource } from '../io/source.js';
import type { FileKind, FileStatus, TargetReport } from '../report/report.js';
import { applicationReport, sayWhatWasWritten } from './application-report.js';
import type { ScanHooks, ScanOptions } from './options.js';
import { scanSubject } from './pipeline.js';
import type { PlannedUnit } from './plan.js';
import { type FileOutcome, runEach } from './run.js';
import type { Subject } from './subject.js';
import { blankTarget } from './target.js';

/** Whether the target is one file rather than a directory. False for what is not there: listing it says why. */
export async function isFile(target: string | Buffer): Promise<boolean> {
  return (await fileSize(target)) !== undefined;
}

/** What checking a file that needs no unit came to, or what a unit came to. */
type Outcome = Pick<FileOutcome, 'findings' | 'unchecked' | 'bytesRead' | 'facts'> & { kind: FileKind };

/** Checks one file by itself: what holds between files, and against a MANIFEST, cannot be said. It is always read. */
export async function scanFile(
  target: string | Buffer,
  { since: _, sample: __, budget: ___, ...options }: ScanOptions,
  hooks: ScanHooks,
  source: SourceDescriptor = { kind: 'file', path: target },
): Promise<TargetReport> {
  const subject = await fileSubject(target, source, options);
  return scanSubject(subject, { run: runEach, seekable: true, inPlace: true }, options, hooks);
}

async function fileSubject(
  target: string | Buffer,
  source: SourceDescriptor,
  options: ScanOptions,
): Promise<Subject> {
  const name = path.basename(target.toString());
  const size = await sizeOf(source);
  const identity = await identify(name, source);
  const entry = entryOf({ path: name, size, mtimeMs: 0, source }, name);
  const own = identity.engine === 'leveldb' ? undefined : identity.engine;
  const dialect = own ?? (await dialectBeside(target.toString(), options.store));
  const unit = unitOf(entry, identity, dialect, options);
  let recognised: Promise<Profile | undefined> | undefined;
  const profiling = () => (recognised ??= profileBeside(target.toString(), options.profile, options.store));
  const report = blankTarget(target.toString(), 'file');
  if (Buffer.isBuffer(target)) report.pathBase64 = target.toString('base64');
  const { engine = dialect === 'rocksdb' ? undefined : dialect } = identity;
  report.engine = { name: engine ?? 'unknown' };
  return {
    report,
    units: unit === undefined ? [] : [unit],
    checksContents: false,
    judged: (_unit, findings) => [...findings],
    async say(_unit, { findings, facts }, from) {
      const profile = await profiling();
      if (profile !== undefined) await sayWhatWasWritten(findings, facts, from, profile);
    },
    async conclude([read]) {
      const outcome =
        unit === undefined
          ? await checkSmall(name, identity, dialect, source)
          : { kind: unit.kind, ...(read.vanished ? unsupported(unit.kind, name, 'the file is gone') : read) };
      const profile = outcome.findings.length > 0 ? await profiling() : undefined;
      if (profile !== undefined) report.application = applicationReport(profile);
      report.files = [{ path: name, kind: outcome.kind, size, status: statusOf(outcome) }];
      report.findings = outcome.findings;
      report.unchecked = outcome.unchecked;
      report.bytesRead = outcome.bytesRead;
      return report;
    },
  };
}

/** Bytes; 0 of a file that may not be looked at. */
async function sizeOf(source: SourceDescriptor): Promise<number> {
  if (source.kind !== 'file') return source.kind === 'object' ? source.size : 0;
  const { path } = source;
  return (await fileSize(typeof path === 'string' ? path : Buffer.from(path))) ?? 0;
}

function statusOf({ findings, unchecked }: Outcome): FileStatus {
  if (findings.some(({ severity }) => severity === 'error')) return 'damaged';
  if (findings.some(({ severity }) => severity === 'warning')) return 'suspicious';
  return unchecked.length > 0 ? 'unchecked' : 'clean';
}

type Identity = FileName & { engine?: 'rocksdb' | 'leveldb' | 'pebble' };

/** By its name where that says it; a table under a strange name still ends in a table's magic number. */
async function identify(name: string, source: SourceDescriptor): Promise<Identity> {
  const named = parseFileName(name);
  const sniffed = sniffFile(await readHead(source, SNIFF_BYTES), await readTail(source, 8));
  const { engine } = sniffed ?? {};
  // its records have the framing of a WAL's
  if (name.startsWith('REMOTE-OBJ-CATALOG')) return { ...named, kind: 'pebble-remote-catalog' };
  const kind = named.kind === 'other' && sniffed ? sniffed.kind : named.kind;
  return { ...named, kind, ...(engine && { engine }) };
}

/** `undefined` for a file that no unit checks. */
function unitOf(
  entry: InventoryEntry,
  { kind, number = 0n }: Identity,
  dialect: DialectName,
  { depth = 'full' }: ScanOptions,
): PlannedUnit | undefined {
  const { file, source, size: weight } = entry;
  const unit = { id: 0, entry, source, weight };
  if (kind === 'wal')
    return {
      ...unit,
      kind,
      context: { dialect, file, number, depth, recycling: dialectNamed(dialect).recycles },
    };
  if (kind === 'table') return { ...unit, kind, context: { dialect, file, depth } };
  return kind === 'blob' ? { ...unit, kind, context: { file, depth, dialect, orphan: false } } : undefined;
}

async function checkSmall(
  name: string,
  { kind }: Identity,
  dialect: DialectName,
  source: SourceDescriptor,
): Promise<Outcome> {
  const parse = dialect === 'pebble' ? parsePebbleOptions : parseOptions;
  switch (kind) {
    case 'manifest':
      return manifest(name, dialect, source);
    case 'current':
      return small('current', name, source, (bytes) => decodeCurrent(bytes).anomalies);
    case 'options':
      return small('options', name, source, (bytes) => parse(bytes).anomalies);
    case 'pebble-remote-catalog':
      return unsupported(
        'other',
        name,
        'the catalog of Pebble’s objects in remote storage: scan the directory that it lies in',
      );
    default:
      if (parseRaftLogName(name) !== undefined)
        return unsupported('wal', name, 'a file of raft-engine: scan the directory that it lies in');
      return unsupported(
        'other',
        name,
        'neither its name nor its content says that it is a file of a database',
      );
  }
}

async function manifest(name: string, dialect: DialectName, descriptor: SourceDescriptor): Promise<Outcome> {
  const source = await openSource(descriptor);
  try {
    const replay = await replayManifest(source, { dialect });
    const findings = findingsOf(name, replay.anomalies);
    if (replay.complete)
      append(findings, checkInvariants(replay.version, { manifest: name, stackedBlobs: false }));
    await diagnoseManifest(source, findings, replay);
    const unchecked = replay.beyond === undefined ? [] : [{ file: name, reason: replay.beyond }];
    return { kind: 'manifest', findings, unchecked, bytesRead: replay.size };
  } finally {
    await source.close();
  }
}

async function small(
  kind: FileKind,
  name: string,
  source: SourceDescriptor,
  decode: (bytes: Uint8Array) => Anomaly[],
): Promise<Outcome> {
  const bytes = await readHead(source, 16 << 20);
  return { kind, findings: findingsOf(name, decode(bytes)), unchecked: [], bytesRead: bytes.length };
}

function findingsOf(file: string, anomalies: readonly Anomaly[]): Finding[] {
  return anomalies.map(({ rule, ...about }) => findingAt({ file }, rule, about));
}

function unsupported(kind: FileKind, file: string, reason: string): Outcome {
  return { kind, findings: [], unchecked: [{ file, reason }], bytesRead: 0 };
}
