import { fileName } from '../format/filename.js';
import type { Database } from './database.js';

/**
 * The WAL that the MANIFEST begins with, where it is gone: Pebble makes it before it names it, and opens without it in silence (pebble
 * open.go). Nothing where WALs may lie elsewhere.
 */
export function goneFirstWal({ version, manifest, inventory, absent }: Database): string | undefined {
  const logNumber = version?.columnFamilies.get(0)?.logNumber ?? 0n;
  const wals = inventory.entries.filter(({ kind }) => kind === 'wal');
  const isKnown = manifest?.named === true && manifest.replay.complete && logNumber !== 0n;
  if (!isKnown || absent.some(({ option }) => option === 'wal_dir')) return undefined;
  if (wals.some(({ number, place }) => number === logNumber || place !== 'database')) return undefined;
  // 2.x names the last log of the process before, which goes, before it makes its own and writes its OPTIONS; in the newest MANIFEST
  const numbersOf = (kind: string) =>
    inventory.entries.flatMap((entry) => (entry.kind === kind ? [entry.number ?? 0n] : []));
  const isNewest = numbersOf('manifest').every((number) => number <= (manifest.entry.number ?? 0n));
  const options = numbersOf('options');
  const isOfProcess = (wal: bigint) => wal > logNumber && options.some((number) => wal < number);
  if (isNewest && wals.some(({ number = 0n }) => isOfProcess(number))) return undefined;
  return fileName('wal', logNumber);
}
