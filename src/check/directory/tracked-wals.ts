import type { Database } from '../../engine/database.js';
import { commandOn } from '../../engine/given-options.js';
import { atLeast } from '../../engine/version.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt, placeOf } from '../../finding/finding-at.js';
import { fileName } from '../../format/filename.js';
import type { Inventory, InventoryEntry } from '../../io/inventory.js';

/** What the MANIFEST says of WALs, held against those that are there. */
export function checkWals(database: Database): Finding[] {
  const begun = checkBegunWals(database);
  return [...checkTrackedWals(database), ...begun, ...(begun.length === 0 ? checkAnyWal(database) : [])];
}

/**
 * WALs that the MANIFEST tracks with a size: they were closed and synced, so they must be there and as long. The engine
 * insists on it when track_and_verify_wals_in_manifest is set; without the option it forgets them and opens, which loses what
 * recovery still needed.
 */
function checkTrackedWals(database: Database): Finding[] {
  const { version, options, walCutoff, manifest } = database;
  if (version === undefined) return [];
  const wals = walsByNumber(database);
  const findings: Finding[] = [];
  for (const [number, synced] of version.trackedWals) {
    if (synced === undefined) continue;
    const entry = wals.get(number);
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
    } else if (BigInt(entry.size) < synced) {
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

/**
 * WALs that were begun while the database ran and are gone although nothing allows it. A log number that an edit sets is that
 * of a new WAL when it is above the MANIFEST's own number; smaller ones may come from an open, which sets a number without
 * beginning the file. The engine deletes WALs from the oldest on and, since 6.29.5, records before what it may delete. It begins
 * none while the newest is empty, so one with a successor held writes. The newest may be empty, and then the copies that the
 * engine itself makes leave it out.
 */
function checkBegunWals(database: Database): Finding[] {
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
  const findings: Finding[] = [];
  for (const number of manifest.replay.begunWals) {
    if (number <= own || wals.has(number) || elsewhere.has(number)) continue;
    // a tracked one is an error of its own
    if (version.trackedWals.get(number) !== undefined) continue;
    const older = oldest !== undefined && oldest < number ? fileName('wal', oldest) : undefined;
    const needed = number >= walCutoff;
    const written = number < newest;
    if (older === undefined && !(needed && recorded)) continue;
    if (!written && !hasBeenOpened(inventory)) continue;
    const why = written
      ? 'although recovery needs what it held'
      : 'and whether it held writes cannot be told: after a clean shutdown it may have been empty';
    findings.push(
      findingAt({ file: fileName('wal', number) }, 'directory/removed-wal', {
        // with nothing but an IDENTITY beside it, it is as likely a directory without its empty files
        severity: needed && (older !== undefined || written || wasInUse(inventory)) ? 'warning' : 'note',
        message: `${manifest.entry.file} says that this WAL was begun; it is gone, ${needed ? why : `although the older ${older} is there`}`,
        evidence: { walCutoff: String(walCutoff), ...(older === undefined ? {} : { olderWal: older }) },
        ...(needed && written && { next: commandOn(database, 'simulate') }),
      }),
    );
  }
  return findings;
}

/** WALs that recovery needs, that held writes, and that are gone: others were begun behind them. */
export function goneWals(database: Database): string[] {
  // where they should lie could not be looked at
  if (database.absent.length > 0) return [];
  return checkBegunWals(database).flatMap(({ file, next }) => (next === undefined ? [] : [file]));
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
