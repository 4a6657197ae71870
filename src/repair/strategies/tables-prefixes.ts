import { KEY_TRAILER, VALUE_TYPE } from '../../format/sst/internal-key.js';
import { loadBlock } from '../../format/sst/load.js';
import type { Table } from '../../format/sst/table.js';
import { foundBlocks } from '../../format/sst/table-blocks.js';
import {
  dataBlockReader,
  hasPrefix,
  hasValuePrefixes,
  isPrefixOfRow,
  OBSOLETE_BIT,
} from '../../format/sst/value-blocks.js';
import type { UsualForm } from './tables-blocks.js';

/** Puts that all begin like a prefix byte by chance are fewer than this. */
const FEW = 4;

/**
 * The form of a table of Pebble's whose footer is lost: the usual one, where its puts do not show that they have prefix bytes, as tables
 * from format v3 on have, or none. `usual`: of rows.
 */
export async function formShown(table: Table, usual: UsualForm): Promise<UsualForm> {
  const shown = await showsPrefixes(table);
  if (shown === undefined || shown === hasValuePrefixes(usual)) return usual;
  if (!shown) return { ...usual, format: 'pebble', formatVersion: 2 };
  // values of numbers begin so, too
  return usual.besidePrefixed === true ? { ...usual, format: 'pebble', formatVersion: 3 } : usual;
}

/** Of so many puts one may be none: an entry of an index block, which is found as well, or a value that begins so by chance. */
const MOST_OTHERS = 1 / 4;

/** `undefined`: there are too few puts to tell, or they do not agree. */
async function showsPrefixes(table: Table): Promise<boolean | undefined> {
  const found = await foundBlocks(table);
  let prefixed = 0;
  let others = 0;
  for await (const handle of found?.handles ?? []) {
    const { contents, sound } = await loadBlock(found!.space, handle, 'data');
    if (!sound || contents === undefined) continue;
    const reader = dataBlockReader(contents, true);
    for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
      const { key, valueOffset, valueLength } = entry;
      const type = key.length < KEY_TRAILER ? VALUE_TYPE.delete : key[key.length - KEY_TRAILER];
      if (!hasPrefix(type & ~OBSOLETE_BIT, {})) continue;
      if (isPrefixOfRow(contents, valueOffset, valueOffset + valueLength)) prefixed++;
      else others++;
    }
  }
  if (prefixed >= FEW && others <= prefixed * MOST_OTHERS) return true;
  return others > 0 && prefixed <= others * MOST_OTHERS ? false : undefined;
}
