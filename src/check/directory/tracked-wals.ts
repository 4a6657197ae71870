import type { Database } from '../../engine/database.js';
import { commandOn } from '../../engine/given-options.js';
import { atLeast } from '../../engine/version.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt, placeOf } from '../../finding/finding-at.js';
import { fileName } from '../../format/filename.js';
import { neededByVersion } from '../../format/manifest/needed-wal.js';
import type { Inventory, InventoryEntry } from '../../io/inventory.js';

/** What the MANIFEST says of WALs, held against those that are there. */
export function checkWals(database: Database): Finding[] {
  const begun = checkBegunWals(database);
  const gone = begun.length === 0 ? checkNeededWal(database) : begun;
  return [...checkTrackedWals(database), ...gone, ...(gone.length === 0 ? checkAnyWal(database) : [])];
}

/**
 * WALs that the MANIFEST tracks with a size: they were closed and synced, so they must be there and as long. The engine
 * insists on it when track_and_verify_wals_in_manifest is set; without the option it forgets them and opens, which loses what
 * recovery still needed.
 */
function checkTrackedWals(database: Database): Finding[] {
  const { options, walCutoff, manifest } = database;
  const findings: Finding[] = [];
  for (const { number, synced, entry } of shortWals(database)) {
    const needed = options.trackAndVerifyWalsInManifest || number >= walCutoff;
    const severity = needed ? ('error' as const) : ('note' as const);
    if (entry === undefined) {
      findings.push(
        findingAt({ file: fileName('wal', number) }, 'directory/missing-wal', {
          severity,
          message: `${manifest?.entry.file ?? 'the MANIFEST'} tracks the WAL with ${synced} synced bytes; it is not there`,
          evidence: { synced: String(synced), engine: `Corruption: Missing WAL with log number: ${number}.` },
        }),
      );
    } else {
      findings.push(
        findingAt(placeOf(entry), 'directory/short-wal', {
          severity,
          offset: entry.size,
          length: 0,
          message: `the WAL has ${entry.size} bytes; ${synced} were synced when it was closed`,
          evidence: {
            synced: String(synced),
            actual: entry.size,
            engine: `Corruption: Size mismatch: WAL (log number: ${number}) in MANIFEST is ${synced} bytes , but actually is ${entry.size} bytes on disk.`,
          },
        }),
      );
    }
  }
  return findings;
}

/** Tracked WALs that are gone, or shorter than they were when they were closed. */
function shortWals(database: Database): { number: bigint; synced: bigint; entry?: InventoryEntry }[] {
  const wals = walsByNumber(database);
  return [...(database.version?.trackedWals ?? [])].flatMap(([number, synced]) => {
    const entry = wals.get(number);
    if (synced === undefined || (entry !== undefined && BigInt(entry.size) >= synced)) return [];
    return [{ number, synced, ...(entry && { entry }) }];
  });
}

/**
 * WALs that were begun while the database ran and are gone although nothing allows it. A log number that an edit sets is that
 * of a new WAL when it is above the MANIFEST's own number; smaller ones may come from an open, which sets a number without
 * beginning the file. The engine deletes WALs from the oldest on and, since 6.29.5, records before what it may delete. It begins
 * none while the newest is empty, so one with a successor held writes. The newest may be empty, and then the copies that the
 * engine itself makes leave it out.
 */
function checkBegunWals(database: Database): Finding[] {
  const { manifest, walCutoff, inventory } = database;
  return begunWals(database).map(({ file, needed, written, older }) => {
    const why = written
      ? 'although recovery would read it'
      : 'and whether it held writes cannot be told: after a clean shutdown it may have been empty';
    return findingAt({ file }, REMOVED, {
      // with nothing but an IDENTITY beside it, it is as likely a directory without its empty files
      severity: needed && (older !== undefined || written || wasInUse(inventory)) ? 'warning' : 'note',
      message: `${manifest?.entry.file} says that this WAL was begun; it is gone, ${needed ? why : `although the older ${older} is there`}`,
      evidence: { walCutoff: String(walCutoff), ...(older === undefined ? {} : { olderWal: older }) },
      ...(needed && written && { next: commandOn(database, 'simulate') }),
    });
  });
}

const REMOVED = 'directory/removed-wal';

/**
 * The WAL in which the oldest memtable began: the first one of a database has a smaller number than its MANIFEST, and no edit need name
 * it. It held writes, as it had a successor; whether all of them are in tables cannot be told.
 */
function checkNeededWal(database: Database): Finding[] {
  const { manifest, version, walCutoff, inventory, engineVersion, optionsFile } = database;
  const needed = manifest?.replay.neededWal ?? (version && neededByVersion(version));
  if (manifest === undefined || needed === undefined || walCutoff >= needed.below) return [];
  if (database.dialect !== 'rocksdb' || database.absent.length > 0) return [];
  if (optionsFile === undefined || !atLeast(engineVersion, 6, 29, 5)) return [];
  // an open writes OPTIONS after it sets a number without beginning the file: a larger one is that of a WAL
  const options = inventory.entries.filter(({ kind, place }) => kind === 'options' && place === 'database');
  const isExact = options.every(({ number }) => number !== undefined && number < needed.from);
  const below = isExact ? needed.from + 1n : needed.below;
  // an open begins a WAL and then its MANIFEST: one that is here needs no older one, whatever number the open has set
  const opened = (manifest.entry.number ?? 0n) - 1n;
  if (!isExact && (opened < needed.from || opened >= below)) return [];
  const isIt = (number: bigint | undefined) =>
    number !== undefined && number >= needed.from && number < below;
  const wals = [...inventory.entries, ...inventory.unlistable].filter(({ kind }) => kind === 'wal');
  if (wals.some(({ number }) => isIt(number))) return [];
  const place = isExact ? { file: fileName('wal', needed.from) } : placeOf(manifest.entry);
  const which = isExact ? 'this WAL' : `a WAL below ${below}`;
  return [
    findingAt(place, REMOVED, {
      severity: 'warning',
      message: `the last flush that ${manifest.entry.file} tells of kept ${which}, which held writes that were in no table; it is gone`,
      evidence: { walCutoff: String(walCutoff), from: String(needed.from), below: String(needed.below) },
      next: commandOn(database, 'simulate'),
    }),
  ];
}

/** A WAL that was begun, and that is gone. */
interface BegunWal {
  number: bigint;
  file: string;
  /** Recovery would read it. */
  needed: boolean;
  /** It held writes. */
  written: boolean;
  /** One that is there although the engine deletes the oldest first. */
  older?: string;
}

function begunWals(database: Database): BegunWal[] {
  const { version, manifest, walCutoff, inventory, optionsFile, engineVersion } = database;
  const own = manifest?.entry.number;
  if (version === undefined || manifest === undefined || own === undefined) return [];
  const wals = walsByNumber(database);
  const oldest = smallest(wals.keys());
  const elsewhere = new Set([
    ...inventory.entries.filter((e) => e.kind === 'wal' && e.place === 'archive').map((e) => e.number),
    // a name of which nothing else can be had is not gone: it was not looked at
    ...inventory.unlistable.filter(({ kind }) => kind === 'wal').map(({ number: unlisted }) => unlisted),
  ]);
  const recorded = optionsFile !== undefined && atLeast(engineVersion, 6, 29, 5);
  const newest = largest([...wals.keys(), ...manifest.replay.begunWals]);
  const gone: BegunWal[] = [];
  for (const number of manifest.replay.begunWals) {
    if (number <= own || wals.has(number) || elsewhere.has(number)) continue;
    // a tracked one is an error of its own
    if (version.trackedWals.get(number) !== undefined) continue;
    const older = oldest !== undefined && oldest < number ? fileName('wal', oldest) : undefined;
    const needed = number >= walCutoff;
    const written = number < newest;
    if (older === undefined && !(needed && recorded)) continue;
    if (!written && !hasBeenOpened(inventory)) continue;
    gone.push({ number, file: fileName('wal', number), needed, written, ...(older && { older }) });
  }
  return gone;
}

/** A WAL that recovery needs, that held writes, and that is gone, or shorter than it was, though the engine opens silently. */
export interface GoneWal {
  number: bigint;
  file: string;
  /** The MANIFEST knows how long it was. */
  tracked: boolean;
}

/** Whether what they held is lost, the sequences beside them tell: see states/lost-wals.ts. */
export function goneWals(database: Database): GoneWal[] {
  // where they should lie could not be looked at
  if (database.dialect !== 'rocksdb' || database.absent.length > 0) return [];
  const { options, walCutoff } = database;
  const begun = begunWals(database).filter(({ needed, written }) => needed && written);
  // with the option the engine refuses, and says so itself
  const short = options.trackAndVerifyWalsInManifest
    ? []
    : shortWals(database).filter(({ number }) => number >= walCutoff);
  return [
    ...short.map(({ number }) => ({ number, file: fileName('wal', number), tracked: true })),
    ...begun.map(({ number, file }) => ({ number, file, tracked: false })),
  ];
}

/** A directory that was in use has a WAL: every open begins one before it deletes those that it has read. */
function checkAnyWal(database: Database): Finding[] {
  const { inventory, manifest, options, detection } = database;
  const elsewhere = options.walDir !== undefined || inventory.directories.includes('lost');
  if (detection.engine !== 'rocksdb' || manifest === undefined || elsewhere || !wasInUse(inventory))
    return [];
  if ([...inventory.entries, ...inventory.unlistable].some(({ kind }) => kind === 'wal')) return [];
  return [
    findingAt(placeOf(manifest.entry), 'directory/no-wal', {
      message:
        'the directory was in use and there is no WAL in it, where an engine leaves at least one: whether it held writes cannot be told',
    }),
  ];
}

/** An engine leaves these; its own copies, backups and checkpoints, have neither. */
function wasInUse({ entries }: Inventory): boolean {
  return entries.some(({ kind, place }) => place === 'database' && (kind === 'lock' || kind === 'info-log'));
}

/** As `wasInUse`, where empty files and logs were left out of a copy. */
function hasBeenOpened(inventory: Inventory): boolean {
  return wasInUse(inventory) || inventory.entries.some(({ kind }) => kind === 'identity');
}

function largest(numbers: Iterable<bigint>): bigint {
  let most = 0n;
  for (const number of numbers) if (number > most) most = number;
  return most;
}

function smallest(numbers: Iterable<bigint>): bigint | undefined {
  let least: bigint | undefined;
  for (const number of numbers) if (least === undefined || number < least) least = number;
  return least;
}

/** WALs outside archive/ and lost/, by number. */
function walsByNumber({ inventory }: Database): Map<bigint, InventoryEntry> {
  const wals = new Map<bigint, InventoryEntry>();
  for (const entry of inventory.entries) {
    if (entry.kind !== 'wal' || entry.number === undefined) continue;
    if (entry.place === 'database' || entry.place === 'wal-dir') wals.set(entry.number, entry);
  }
  return wals;
}
