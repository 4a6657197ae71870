import path from 'node:path';
import { profileBeside } from '../app/application.js';
import type { SourceDescriptor } from '../bytes/source.js';
import { finding } from '../check/cross/finding.js';
import type { UnitFacts } from '../check/unit.js';
import { diagnoseManifest } from '../diagnose/manifest.js';
import { SNIFF_BYTES, sniffFile } from '../engine/file-type.js';
import type { Anomaly, Finding } from '../finding/finding.js';
import { decodeCurrent } from '../format/current.js';
import { type FileName, parseFileName } from '../format/filename.js';
import { replayManifest } from '../format/manifest/replay.js';
import { parseOptions } from '../format/options.js';
import { fileSize } from '../io/file-size.js';
import { readHead, readTail } from '../io/head.js';
import { openSource } from '../io/source.js';
import type { FileKind, TargetReport } from '../report/report.js';
import { applicationReport, sayWhatWasWritten } from './application.js';
import type { ScanOptions } from './options.js';
import { runUnit } from './run-unit.js';
import type { WorkUnit } from './unit.js';

/** Whether the target is one file rather than a directory. False for what is not there: listing it says why. */
export async function isFile(target: string | Buffer): Promise<boolean> {
  return (await fileSize(target)) !== undefined;
}

interface Outcome {
  kind: FileKind;
  findings: Finding[];
  unchecked: TargetReport['unchecked'];
  bytesRead: number;
  facts?: UnitFacts;
}

/** Checks one file by itself: what holds between files, and against a MANIFEST, cannot be said. */
export async function scanFile(target: string | Buffer, options: ScanOptions): Promise<TargetReport> {
  const name = path.basename(target.toString());
  const source: SourceDescriptor = { kind: 'file', path: target };
  const parsed = await identify(name, source);
  const outcome = await check(name, parsed, source, options);
  const profile =
    outcome.findings.length > 0 ? await profileBeside(target.toString(), options.profile) : undefined;
  if (profile !== undefined) await sayWhatWasWritten(outcome.findings, outcome.facts, source, profile);
  const size = (await fileSize(target)) ?? 0;
  const severities = outcome.findings.map((f) => f.severity);
  const status = severities.includes('error')
    ? 'damaged'
    : severities.includes('warning')
      ? 'suspicious'
      : outcome.unchecked.length > 0
        ? 'unchecked'
        : 'clean';
  return {
    path: target.toString(),
    ...(Buffer.isBuffer(target) && { pathBase64: target.toString('base64') }),
    kind: 'file',
    engine: { name: parsed.engine ?? 'unknown' },
    ...(profile && { application: applicationReport(profile) }),
    options: { walRecoveryMode: 'point-in-time' },
    columnFamilies: [],
    files: [{ path: name, kind: outcome.kind, size, status }],
    findings: outcome.findings,
    unchecked: outcome.unchecked,
    bytesRead: outcome.bytesRead,
  };
}

type Identity = FileName & { engine?: 'rocksdb' | 'leveldb' | 'pebble' };

/** By its name where that says it; a table under a strange name still ends in a table's magic number. */
async function identify(name: string, source: SourceDescriptor): Promise<Identity> {
  const named = parseFileName(name);
  const sniffed = sniffFile(await readHead(source, SNIFF_BYTES), await readTail(source, 8));
  const { engine } = sniffed ?? {};
  const kind = named.kind === 'other' && sniffed ? sniffed.kind : named.kind;
  return { ...named, kind, ...(engine && { engine }) };
}

async function check(
  name: string,
  identity: Identity,
  source: SourceDescriptor,
  { depth = 'full' }: ScanOptions,
): Promise<Outcome> {
  const number = identity.number ?? 0n;
  const unit = { id: 0, source, weight: 0 };
  const dialect = identity.engine === 'leveldb' ? 'leveldb' : 'rocksdb';
  if (identity.engine === 'pebble')
    return unsupported('other', name, 'a Pebble file, which is not supported yet');
  switch (identity.kind) {
    case 'wal':
      return run('wal', name, {
        ...unit,
        kind: 'wal',
        context: { dialect, file: name, number, depth, recycling: false },
      });
    case 'table':
      return run('table', name, { ...unit, kind: 'table', context: { dialect, file: name, depth } });
    case 'blob':
      return run('blob', name, {
        ...unit,
        kind: 'blob',
        context: { file: name, depth, orphan: false },
      });
    case 'manifest':
      return manifest(name, source);
    case 'current':
      return small('current', name, source, (bytes) => decodeCurrent(bytes).anomalies);
    case 'options':
      return small('options', name, source, (bytes) => parseOptions(bytes).anomalies);
    default:
      return unsupported(
        'other',
        name,
        'neither its name nor its content says that it is a file of a database',
      );
  }
}

async function run(kind: FileKind, name: string, unit: WorkUnit): Promise<Outcome> {
  const outcome = await runUnit(unit, () => {});
  if (outcome.state === 'done') {
    const { findings, unchecked, bytesRead, facts } = outcome.result;
    return { kind, findings, unchecked, bytesRead, facts };
  }
  return unsupported(kind, name, outcome.state === 'vanished' ? 'the file is gone' : outcome.reason);
}

async function manifest(name: string, descriptor: SourceDescriptor): Promise<Outcome> {
  const source = await openSource(descriptor);
  try {
    const replay = await replayManifest(source);
    const findings = findingsOf(name, replay.anomalies);
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
  return anomalies.map(({ rule, ...about }) => finding(rule, file, about));
}

function unsupported(kind: FileKind, file: string, reason: string): Outcome {
  return { kind, findings: [], unchecked: [{ file, reason }], bytesRead: 0 };
}
