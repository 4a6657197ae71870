import type { Inventory, InventoryEntry } from '../io/inventory.js';

/** Info logs of the database's own directory, the newest first: LOG, then LOG.old.N, which are numbered by time. */
export function infoLogs({ entries }: Inventory): InventoryEntry[] {
  const logs = entries.filter(({ kind, place }) => kind === 'info-log' && place === 'database');
  return logs.sort((a, b) => (a.name === 'LOG' ? -1 : b.name === 'LOG' ? 1 : a.name < b.name ? 1 : -1));
}
