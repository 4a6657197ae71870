/**
 * Paths in the head of a LOG file (rocksdb db/db_impl/db_impl_open.cc `DumpDBFileSummary`):
 *
 *   … SST files in /mnt/a/db dir, Total Num: 3, files: 000008.sst 000009.sst …
 *   … Write Ahead Log file in /mnt/wal: 000004.log size: 77 ;
 *
 * OPTIONS does not record db_paths and cf_paths, so this is the only trace that a database leaves of them.
 */
export interface InfoLogPaths {
  tables: string[];
  wal?: string;
}

/** How much of a LOG file is worth reading: the summary stands behind the version banner. */
export const INFO_LOG_HEAD = 64 << 10;

const tableLine = /SST files in (.+) dir, Total Num: \d+/;
const walLine = /Write Ahead Log file in (.+?): /;

export function pathsInInfoLog(text: string): InfoLogPaths {
  const tables = new Set<string>();
  let wal: string | undefined;
  for (const line of text.split('\n')) {
    const table = tableLine.exec(line);
    if (table) tables.add(table[1]);
    wal ??= walLine.exec(line)?.[1];
  }
  return { tables: [...tables], ...(wal === undefined ? {} : { wal }) };
}
