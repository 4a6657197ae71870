import type { Database } from '../../engine/database.js';
import { hasTitan } from '../../engine/foreign-files.js';
import type { InventoryEntry } from '../../io/inventory.js';
import type { TableContext } from '../unit.js';

/** What every check of one of a database's tables must know, whoever asks for it and whatever names the table. */
export function tableContext(
  { dialect, inventory }: Pick<Database, 'dialect' | 'inventory'>,
  { file, number }: Pick<InventoryEntry, 'file' | 'number'>,
): Pick<TableContext, 'dialect' | 'file' | 'number' | 'titan'> {
  return {
    dialect,
    file,
    ...(number !== undefined && { number }),
    ...(hasTitan(inventory) && { titan: true as const }),
  };
}
