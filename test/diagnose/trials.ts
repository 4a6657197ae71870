import { diagnoseManifest } from '../../src/diagnose/manifest.js';
import type { Cause, Finding } from '../../src/finding/finding.js';
import type { LiveBlobFile, LiveTable, Version } from '../../src/format/manifest/version.js';
import { checksumName } from '../../src/format/sst/checksum.js';
import { locateFooter } from '../../src/format/sst/locate.js';
import { openSource } from '../../src/io/source.js';
import { runUnit } from '../../src/scan/run-unit.js';
import type { WorkUnit } from '../../src/scan/unit.js';
import type { Random } from '../mutation/random.js';
import { allSubjects, type Subject } from '../mutation/subjects.js';
import { fixture } from '../support/files.js';
import { replayBytes } from '../support/manifest.js';

/** A file to do damage to, with what a diagnosis says of it. */
export interface HealthyFile {
  /** What figures are kept by: `table crc32c`, `WAL`, `MANIFEST`, `blob file`. */
  group: string;
  healthy: Uint8Array;
  /** Blocks with their trailers, records with their headers: what one checksum stands for. */
  units: { offset: number; length: number }[];
  causes(bytes: Uint8Array): Promise<(Cause | undefined)[]>;
}

/** Fixtures that are damaged as they are, or not RocksDB's, and Titan's own files. */
const LEFT_OUT = /^(leveldb|pebble|kvrocks-race|backup)|\/titandb\//;

/** Every WAL, table, MANIFEST and blob file of the fixtures that holds anything. */
export async function healthyFiles(): Promise<HealthyFile[]> {
  const files: HealthyFile[] = [];
  for (const subject of await allSubjects()) {
    if (LEFT_OUT.test(`${subject.base}/${subject.file}`) || subject.healthy.length === 0) continue;
    const healthyFile = await healthyFileOf(subject);
    if (healthyFile !== undefined && healthyFile.units.length > 0) files.push(healthyFile);
  }
  return files;
}

async function healthyFileOf(subject: Subject): Promise<HealthyFile | undefined> {
  const { base, file, healthy, layout } = subject;
  const [, digits, ending] = /(?:^|\/)(\d+)[^/]*\.(log|sst|blob)$/.exec(file) ?? [];
  const number = BigInt(digits ?? 0);
  const version = await versionOf(base);
  const common = { id: 0, weight: 0 };
  const memory = (bytes: Uint8Array) => ({ kind: 'memory', bytes }) as const;
  if (ending === 'log') {
    const context = {
      dialect: 'rocksdb',
      file,
      number,
      depth: 'full',
      recycling: base.includes('recycled'),
    } as const;
    const unit = (bytes: Uint8Array) => ({ ...common, kind: 'wal', source: memory(bytes), context }) as const;
    return { group: 'WAL', healthy, units: layout.records, causes: (bytes) => causesOf(unit(bytes)) };
  }
  if (ending === 'sst') {
    const { footer } = await locateFooter(await openSource(memory(healthy)));
    const live = find<LiveTable>(version, 'tables', number);
    const context = {
      dialect: 'rocksdb',
      file,
      number,
      depth: 'full',
      orphan: false,
      ...(live && { live }),
    } as const;
    const unit = (bytes: Uint8Array) =>
      ({ ...common, kind: 'table', source: memory(bytes), context }) as const;
    const protectedBy = checksumName(footer?.checksumType ?? 0);
    return {
      group: `table, ${protectedBy}${footer?.baseContext ? ' with context' : ''}`,
      healthy,
      units: layout.blocks.map(({ offset, size }) => ({ offset, length: size + 5 })),
      causes: (bytes) => causesOf(unit(bytes)),
    };
  }
  if (ending === 'blob') {
    const live = find<LiveBlobFile>(version, 'blobFiles', number);
    const context = { file, number, depth: 'full', ...(live && { live }) } as const;
    const unit = (bytes: Uint8Array) =>
      ({ ...common, kind: 'blob', source: memory(bytes), context }) as const;
    return {
      group: 'blob file',
      healthy,
      units: layout.blobRecords,
      causes: (bytes) => causesOf(unit(bytes)),
    };
  }
  if (!/(^|\/)MANIFEST-\d+$/.test(file)) return undefined;
  return { group: 'MANIFEST', healthy, units: layout.records, causes: manifestCauses };
}

const versions = new Map<string, Version | undefined>();

async function versionOf(base: string): Promise<Version | undefined> {
  if (!versions.has(base)) {
    const files = fixture(base);
    const manifest = files.get(
      Buffer.from(files.get('CURRENT') ?? [])
        .toString()
        .trim(),
    );
    versions.set(base, manifest && (await replayBytes(manifest)).version);
  }
  return versions.get(base);
}

function find<T>(version: Version | undefined, kind: 'tables' | 'blobFiles', number: bigint): T | undefined {
  for (const family of version?.columnFamilies.values() ?? []) {
    const found = family[kind].get(number);
    if (found !== undefined) return found as T;
  }
  return undefined;
}

async function causesOf(unit: WorkUnit): Promise<(Cause | undefined)[]> {
  const outcome = await runUnit(unit, () => {});
  if (outcome.state !== 'done') throw new Error(`the unit came back ${outcome.state}`);
  return outcome.result.findings.map(({ cause }) => cause);
}

async function manifestCauses(bytes: Uint8Array): Promise<(Cause | undefined)[]> {
  const replay = await replayBytes(bytes);
  const { tail, anomalies } = replay;
  const torn = tail.state === 'clean' ? [] : [{ rule: 'manifest/torn-tail', message: '', ...tail } as const];
  const findings = [...anomalies, ...torn].map(
    ({ rule, offset, length, message }): Finding => ({
      rule,
      offset,
      length,
      message,
      severity: 'error',
      file: 'MANIFEST-000005',
      evidence: {},
    }),
  );
  const source = await openSource({ kind: 'memory', bytes });
  await diagnoseManifest(source, findings, replay);
  return findings.map(({ cause }) => cause);
}

/** What became of one piece of damage. */
export type Outcome =
  /** One flipped bit, or one byte, proven, and it is that one. */
  | 'named'
  /** Flipped bits, likely, and it is those. */
  | 'likely'
  /** Flipped bits, likely, and it is not so. */
  | 'mistaken'
  /** Found, and not called a flipped bit. */
  | 'unnamed'
  /** Nothing found: no checksum covers it, or nothing rests on it. */
  | 'silent'
  /** Proven, and it is not so. */
  | 'wrong';

interface Bit {
  offset: number;
  bit: number;
}

function judge(causes: readonly (Cause | undefined)[], bits: readonly Bit[]): Outcome {
  const isTrue = ({ offset, bit }: Bit) => bits.some((each) => each.offset === offset && each.bit === bit);
  const flips = causes.filter(
    (cause): cause is Cause => cause?.kind === 'bit-flip' || cause?.kind === 'overwritten-byte',
  );
  for (const { certainty, changes = [] } of flips) {
    if (certainty === 'proven' && !changes.every(isTrue)) return 'wrong';
  }
  // whatever a cause is called: what it would have written back must be what was there
  if (causes.some((cause) => cause?.restores === true && !cause.changes?.every(isTrue))) return 'wrong';
  if (bits.length > 0 && flips.some(({ certainty }) => certainty === 'proven')) return 'named';
  const likely = flips.filter(({ certainty }) => certainty === 'likely');
  if (likely.some(({ changes = [] }) => bits.length === 0 || !changes.every(isTrue))) return 'mistaken';
  if (likely.length > 0) return 'likely';
  return causes.length > 0 ? 'unnamed' : 'silent';
}

/** Flips `count` bits of a file; of two, both in the same block or record, in two bytes of it. */
export async function flipTrial(healthyFile: HealthyFile, count: 1 | 2, random: Random): Promise<Outcome> {
  const bytes = Uint8Array.from(healthyFile.healthy);
  const { offset, length } =
    count === 1 ? { offset: 0, length: bytes.length } : random.pick(healthyFile.units);
  const bits: Bit[] = [];
  while (bits.length < count) {
    const bit = { offset: offset + random.below(length), bit: random.below(8) };
    if (bits.some((other) => other.offset === bit.offset)) continue;
    bytes[bit.offset] ^= 1 << bit.bit;
    bits.push(bit);
  }
  return judge(await healthyFile.causes(bytes), bits);
}

/** Writes another value over one byte of a block or record that is no longer than what is searched for one. */
export async function byteTrial(healthyFile: HealthyFile, random: Random): Promise<Outcome> {
  const bytes = Uint8Array.from(healthyFile.healthy);
  const { offset, length } = random.pick(healthyFile.units);
  const at = offset + random.below(length);
  let mask = 0;
  while ((mask & (mask - 1)) === 0) mask = 1 + random.below(255);
  bytes[at] ^= mask;
  const bits = [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (mask >>> bit) & 1);
  return judge(
    await healthyFile.causes(bytes),
    bits.map((bit) => ({ offset: at, bit })),
  );
}

/** Writes noise over one whole block or record, checksum and all. */
export async function garbageTrial(healthyFile: HealthyFile, random: Random): Promise<Outcome> {
  const bytes = Uint8Array.from(healthyFile.healthy);
  const { offset, length } = random.pick(healthyFile.units);
  bytes.set(random.bytes(length), offset);
  return judge(await healthyFile.causes(bytes), []);
}

/** Damage of other kinds at any place: several bits near each other, noise, zeros, bytes from elsewhere in the file. */
export async function otherTrial(healthyFile: HealthyFile, random: Random): Promise<Outcome> {
  const { healthy } = healthyFile;
  const bytes = Uint8Array.from(healthy);
  const at = random.below(bytes.length);
  const length = Math.min(bytes.length - at, 1 + random.below(random.pick([4, 64, 600, 5000])));
  switch (random.below(4)) {
    case 0:
      for (let i = 0; i < 2 + random.below(5); i++)
        bytes[Math.min(bytes.length - 1, at + random.below(64))] ^= 1 << random.below(8);
      break;
    case 1:
      bytes.set(random.bytes(length), at);
      break;
    case 2:
      bytes.fill(0, at, at + length);
      break;
    default: {
      const from = random.below(bytes.length);
      bytes.copyWithin(at, from, Math.min(bytes.length, from + length));
    }
  }
  const bits: Bit[] = [];
  for (let offset = 0; offset < bytes.length; offset++) {
    for (let bit = 0; bit < 8; bit++)
      if ((((bytes[offset] ^ healthy[offset]) >>> bit) & 1) === 1) bits.push({ offset, bit });
  }
  return judge(await healthyFile.causes(bytes), bits);
}

/** Trials over files of all groups in turn, counted by group and outcome. */
export async function countOutcomes(
  files: readonly HealthyFile[],
  trials: number,
  random: Random,
  trial: (healthyFile: HealthyFile, random: Random) => Promise<Outcome>,
): Promise<Map<string, Record<Outcome, number>>> {
  const groups = new Map<string, HealthyFile[]>();
  for (const healthyFile of files)
    groups.set(healthyFile.group, [...(groups.get(healthyFile.group) ?? []), healthyFile]);
  const names = [...groups.keys()].sort();
  const counts = new Map<string, Record<Outcome, number>>();
  for (const name of names)
    counts.set(name, { named: 0, likely: 0, mistaken: 0, unnamed: 0, silent: 0, wrong: 0 });
  for (let i = 0; i < trials; i++) {
    const name = names[i % names.length];
    counts.get(name)![await trial(random.pick(groups.get(name)!), random)]++;
  }
  return counts;
}
