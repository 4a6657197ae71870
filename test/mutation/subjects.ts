import { checkTitanBlobFile } from '../../src/check/titan/blob-file.js';
import { catalog } from '../../src/finding/catalog.js';
import type { Finding } from '../../src/finding/finding.js';
import { decodeCurrent } from '../../src/format/current.js';
import { databaseOptions } from '../../src/format/database-options.js';
import type { DialectName } from '../../src/format/dialect.js';
import type { LiveBlobFile, LiveTable, Version } from '../../src/format/manifest/version.js';
import { parseOptions } from '../../src/format/options.js';
import { parsePebbleOptions } from '../../src/format/pebble-options.js';
import { readTitanManifest } from '../../src/format/titan/manifest.js';
import { readTitanValue } from '../../src/format/titan/read-value.js';
import { memorySource } from '../../src/io/source.js';
import { runUnit } from '../../src/scan/run-unit.js';
import type { WorkUnit } from '../../src/scan/unit.js';
import { withFieldCase } from '../support/field.js';
import { type FileSet, fixture, fixtureNames, readFileSet } from '../support/files.js';
import { replayBytes } from '../support/manifest.js';
import { isTitanBlob, layoutOf } from './layout.js';
import type { Layout } from './mutate.js';

/** A file of a fixture and what a scan does with it. */
export interface Subject {
  base: string;
  /** All files of the base; shared, as `healthy` is one of them. */
  files: ReadonlyMap<string, Uint8Array>;
  file: string;
  healthy: Uint8Array;
  layout: Layout;
  /** Checks bytes in the file's place. */
  run(bytes: Uint8Array): Promise<Verdict>;
}

export interface Verdict {
  /** What is wrong with how the check took it, not with the bytes. */
  complaints: string[];
  /** It found something. */
  noticed: boolean;
}

/** What must hold for findings whatever the bytes are. */
function judge(findings: readonly Finding[], size: number): Verdict {
  const complaints: string[] = [];
  for (const { rule, offset, length, message, severity } of findings) {
    const place = `${severity} ${rule} at ${offset}+${length} of ${size}`;
    if (!(rule in catalog)) complaints.push(`${place}: no such rule`);
    if (message === '' || /undefined|NaN|\[object/.test(message))
      complaints.push(`${place}: message "${message}"`);
    const inside =
      offset === undefined || (offset >= 0 && (length ?? 0) >= 0 && offset + (length ?? 0) <= size);
    if (!inside) complaints.push(`${place}: outside the file`);
  }
  return { complaints, noticed: findings.length > 0 };
}

function unitRunner(unit: (bytes: Uint8Array) => WorkUnit): Subject['run'] {
  return async (bytes) => {
    const outcome = await runUnit(unit(bytes), () => {});
    if (outcome.state !== 'done')
      return { complaints: [`the unit came back ${outcome.state}`], noticed: true };
    return judge(outcome.result.findings, bytes.length);
  };
}

/** Every record is referred to, and read for its value as well as checked. */
function titanRunner(records: Layout['blobRecords']): Subject['run'] {
  return async (bytes) => {
    const source = memorySource(bytes);
    const places = records.map(({ offset, length }) => ({ offset, size: length }));
    const { file, damaged, dangling, unchecked } = await checkTitanBlobFile(source, places, 'full');
    for (const place of places) await readTitanValue(source, file, { ...place, key: new Uint8Array(0) });
    const verdict = judgePlaces([...file.flaws, ...damaged], bytes.length);
    for (const { reason } of unchecked)
      if (/undefined|NaN/.test(reason)) verdict.complaints.push(`unchecked: "${reason}"`);
    return { ...verdict, noticed: verdict.noticed || dangling.length > 0 || unchecked.length > 0 };
  };
}

function judgePlaces(
  places: readonly { offset: number; length: number; message: string }[],
  size: number,
): Verdict {
  return judge(
    places.map((place) => ({ rule: 'titan/record', severity: 'error', file: '', evidence: {}, ...place })),
    size,
  );
}

interface Base {
  name: string;
  dialect: DialectName;
  files: FileSet;
  version?: Version;
}

function liveTable({ version }: Base, number: bigint): LiveTable | undefined {
  for (const family of version?.columnFamilies.values() ?? []) {
    const table = family.tables.get(number);
    if (table) return table;
  }
  return undefined;
}

function liveBlob({ version }: Base, number: bigint): LiveBlobFile | undefined {
  for (const family of version?.columnFamilies.values() ?? []) {
    const blob = family.blobFiles.get(number);
    if (blob) return blob;
  }
  return undefined;
}

async function subjectFor(base: Base, file: string): Promise<Subject | undefined> {
  const healthy = base.files.get(file)!;
  const layout = await layoutOf(file, healthy);
  const subject = (run: Subject['run']): Subject => ({
    base: base.name,
    files: base.files,
    file,
    healthy,
    layout,
    run,
  });
  const [, digits, ending] = /(?:^|\/)(\d+)[^/]*\.(log|sst|ldb|blob)$/.exec(file) ?? [];
  const number = BigInt(digits ?? 0);
  const common = { id: 0, weight: healthy.length };
  const source = (bytes: Uint8Array) => ({ kind: 'memory', bytes }) as const;
  if (ending === 'log') {
    const context = {
      dialect: base.dialect,
      file,
      number,
      depth: 'full',
      recycling: base.name.includes('recycled'),
    } as const;
    return subject(unitRunner((bytes) => ({ ...common, kind: 'wal', source: source(bytes), context })));
  }
  if (ending === 'sst' || ending === 'ldb') {
    const context = {
      dialect: base.dialect,
      file,
      number,
      depth: 'full',
      live: liveTable(base, number),
      ...(base.name.startsWith('titan/') && { titan: true as const }),
    } as const;
    return subject(unitRunner((bytes) => ({ ...common, kind: 'table', source: source(bytes), context })));
  }
  if (isTitanBlob(file)) return subject(titanRunner(layout.blobRecords));
  if (/(^|\/)titandb\/MANIFEST-\d+$/.test(file)) {
    return subject(async (bytes) => {
      const { anomalies } = await readTitanManifest(memorySource(bytes));
      return judgePlaces(anomalies, bytes.length);
    });
  }
  if (ending === 'blob') {
    const context = { file, number, depth: 'full', live: liveBlob(base, number) } as const;
    return subject(unitRunner((bytes) => ({ ...common, kind: 'blob', source: source(bytes), context })));
  }
  if (/(^|\/)MANIFEST-\d+$/.test(file)) {
    return subject(async (bytes) => {
      const { anomalies } = await replayBytes(bytes, { dialect: base.dialect });
      return judge(
        anomalies.map((anomaly) => ({ severity: 'error', file, evidence: {}, ...anomaly })),
        bytes.length,
      );
    });
  }
  if (/(^|\/)OPTIONS-\d+$/.test(file)) {
    return subject(async (bytes) => {
      const options = base.dialect === 'pebble' ? parsePebbleOptions(bytes) : parseOptions(bytes);
      databaseOptions(options);
      return { complaints: [], noticed: options.anomalies.length > 0 };
    });
  }
  if (/(^|\/)CURRENT$/.test(file)) {
    return subject(async (bytes) => {
      const { anomalies } = decodeCurrent(bytes);
      return { complaints: [], noticed: anomalies.length > 0 };
    });
  }
  return undefined;
}

/** LevelDB directories among the field's archives: Snappy and none, Mojang's zlib, three orders of keys. */
const LEVELDB = ['leveldb-chainstate', 'leveldb-indexeddb', 'leveldb-reverse-order', 'leveldb-world'];

/** Rows of all formats, values apart, range keys, virtual tables; columns, with keys of two schemas. */
const PEBBLE = [
  'cosmos',
  'rangekeys',
  'valueblocks',
  'virtual',
  'columns',
  'values',
  'columns-cockroach',
  'columns-v5',
].map((name) => `pebble-stores/${name}`);

/** LZ4, a zstd dictionary, records at multiples of 4 KiB. */
const TITAN = ['lz4', 'dict', 'hole'].map((name) => `titan/${name}`);

async function bases(): Promise<Base[]> {
  const names = fixtureNames().filter((name) => name !== 'pebble-stores');
  const all: Base[] = [...names, ...PEBBLE, ...TITAN].map((name) => ({
    name,
    dialect: name === 'leveldb' ? 'leveldb' : name.startsWith('pebble') ? 'pebble' : 'rocksdb',
    files: fixture(name),
  }));
  for (const name of LEVELDB)
    all.push({
      name,
      dialect: 'leveldb',
      files: await withFieldCase(name, [], async (dir) => readFileSet(dir)),
    });
  return all;
}

/** The MANIFEST that CURRENT names, or else a marker. */
function manifestOf(files: FileSet): Uint8Array | undefined {
  const marker = [...files.keys()].find((name) => name.startsWith('marker.manifest.'));
  const current = files.get('CURRENT');
  const name = marker?.split('.').at(-1) ?? (current && Buffer.from(current).toString().trim());
  return name === undefined ? undefined : files.get(name);
}

/** Every file of every fixture that a check reads, of those whose name `only` matches. */
export async function allSubjects(only = /./): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const base of await bases()) {
    if (!only.test(base.name)) continue;
    const manifest = manifestOf(base.files);
    if (manifest) base.version = (await replayBytes(manifest, { dialect: base.dialect })).version;
    for (const file of base.files.keys()) {
      const subject = await subjectFor(base, file);
      if (subject) subjects.push(subject);
    }
  }
  return subjects;
}
