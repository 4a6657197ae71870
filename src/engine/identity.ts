import { readHead } from '../io/head.js';
import type { Inventory } from '../io/inventory.js';

/** Bytes of an IDENTITY file that are read; a UUID has 36. */
const LONGEST_IDENTITY = 256;

/** What IDENTITY says; absent where it is missing, empty or cannot be read. */
export async function identityOf({ entries }: Inventory): Promise<string | undefined> {
  const entry = entries.find(({ kind, place }) => kind === 'identity' && place === 'database');
  if (entry === undefined) return undefined;
  const bytes = await readHead(entry.source, LONGEST_IDENTITY).catch(() => new Uint8Array(0));
  return Buffer.from(bytes).toString('latin1').trim() || undefined;
}
