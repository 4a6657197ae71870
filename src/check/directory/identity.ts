import { keyBytes } from '../../finding/evidence.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt, placeOf } from '../../finding/finding-at.js';
import type { InventoryEntry } from '../../io/inventory.js';

/** How much of IDENTITY is worth reading; an id has 36 characters. Bytes. */
export const IDENTITY_LIMIT = 1024;

/**
 * IDENTITY against the database id that the MANIFEST records (tag 8193, written since 5.17 where asked for and by default
 * since 9.7). A newline at the end is tolerated, as old releases wrote one.
 */
export function checkIdentity(
  entry: InventoryEntry,
  content: Uint8Array,
  databaseId: string | undefined,
): Finding[] {
  const place = placeOf(entry);
  const id = Buffer.from(content).toString('latin1').replace(/\n$/, '');
  const whole = { offset: 0, length: content.length };
  if (!/^[\x21-\x7e]{1,128}$/.test(id)) {
    return [
      findingAt(place, 'directory/identity-malformed', {
        ...whole,
        message: content.length === 0 ? 'IDENTITY is empty' : 'IDENTITY does not hold a database id',
        evidence: {
          content: keyBytes(content.subarray(0, 64)),
          ...(databaseId === undefined ? {} : { manifest: databaseId }),
        },
      }),
    ];
  }
  if (databaseId === undefined || databaseId === id) return [];
  return [
    findingAt(place, 'directory/identity-mismatch', {
      ...whole,
      message: `IDENTITY says ${id}, the MANIFEST ${databaseId}`,
      evidence: { identity: id, manifest: databaseId },
    }),
  ];
}
