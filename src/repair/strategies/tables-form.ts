import { type Database, filesOf } from '../../engine/database.js';
import { openTable } from '../../format/sst/table.js';
import { hasValuePrefixes } from '../../format/sst/value-blocks.js';
import type { UsualForm } from './tables-blocks.js';

/** The form that most tables have. */
export async function usualForm(database: Database): Promise<UsualForm> {
  const counts = new Map<string, { form: UsualForm; tables: number }>();
  const wanted = database.dialect === 'pebble' ? ['block-based', 'pebble'] : ['block-based'];
  for (const entry of database.inventory.entries.filter(({ kind }) => kind === 'table').slice(0, 16)) {
    const source = await filesOf(database).open(entry.source);
    try {
      const { footer, anomalies } = await openTable(source, { dialect: database.dialect });
      if (footer === undefined || !wanted.includes(footer.format)) continue;
      if (database.dialect === 'pebble' && anomalies.some(({ rule }) => rule === 'sst/bad-footer')) continue;
      const { format } = footer;
      const formatVersion =
        format === 'pebble' ? Math.min(footer.formatVersion, NEWEST_WITH_ROWS) : footer.formatVersion;
      const name = `${format} ${formatVersion}`;
      const counted = counts.get(name) ?? { form: { format, formatVersion }, tables: 0 };
      counts.set(name, { ...counted, tables: counted.tables + 1 });
    } finally {
      await source.close();
    }
  }
  const [most] = [...counts.values()].sort((a, b) => b.tables - a.tables);
  const besidePrefixed = [...counts.values()].some(({ form }) => hasValuePrefixes(form));
  return { ...(most?.form ?? defaultForm(database)), ...(besidePrefixed && { besidePrefixed }) };
}

function defaultForm({ pebble }: Database): UsualForm {
  const version = pebble?.formatVersion;
  if (version === undefined || version < 5) return pebble === undefined ? DEFAULT_FORM : OLDEST_OF_PEBBLE;
  return { format: 'pebble', formatVersion: version < 8 ? 1 : version < 15 ? 2 : NEWEST_WITH_ROWS };
}

/** Blocks of later formats of Pebble hold columns, which are not written; every release reads this one in their place. */
const NEWEST_WITH_ROWS = 4;
/** What every version since 6.6 reads. */
const DEFAULT_FORM: UsualForm = { format: 'block-based', formatVersion: 5 };
/** RocksDB's, which is all that Pebble writes up to its format version 4. */
const OLDEST_OF_PEBBLE: UsualForm = { format: 'block-based', formatVersion: 2 };
