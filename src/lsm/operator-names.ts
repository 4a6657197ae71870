import type { DatabaseOptions, NamedObject } from '../format/database-options.js';
import type { ColumnFamily, Version } from '../format/manifest/version.js';
import { openTable } from '../format/sst/table.js';
import type { StoreFiles } from './store-files.js';

/** Tables that are asked for a column family's operator: the first may be damaged. */
const ASKED = 4;

/**
 * The merge operator of each column family, by id: as OPTIONS has it, or, where OPTIONS is lost or cut off before the
 * column family's section, by the name in the properties of its tables.
 */
export async function mergeOperators(
  version: Version,
  options: DatabaseOptions,
  files: StoreFiles,
): Promise<Map<number, NamedObject>> {
  const operators = new Map<number, NamedObject>();
  for (const family of version.columnFamilies.values()) {
    const stated = options.columnFamilies.get(family.name);
    const operator = stated?.values.has('merge_operator')
      ? stated.mergeOperator
      : await operatorOfTables(family, files);
    const own = operator ?? ofPebble(options);
    if (own !== undefined) operators.set(family.id, own);
  }
  return operators;
}

function ofPebble({ pebble }: DatabaseOptions): NamedObject | undefined {
  return pebble?.merger === undefined ? undefined : { id: pebble.merger, fields: new Map() };
}

/** The operator's name is all that a table keeps of it: what it was configured with is then taken to be the default. */
async function operatorOfTables(
  { tables }: ColumnFamily,
  files: StoreFiles,
): Promise<NamedObject | undefined> {
  for (const live of [...tables.values()].slice(0, ASKED)) {
    try {
      const source = await files.table(live).open();
      try {
        const id = (await openTable(source)).properties?.mergeOperator();
        if (id !== undefined) return { id, fields: new Map() };
      } finally {
        await source.close();
      }
    } catch {
      // a table that is gone or cannot be read says nothing
    }
  }
  return undefined;
}
