import fs from 'node:fs';
import path from 'node:path';
import { withDatabase } from './database.js';

/** A database whose WALs lie in a directory of their own beside it, as OPTIONS says. */
export interface SplitDatabase {
  /** The directory that holds `db` and `wal`. */
  parent: string;
  db: string;
  wal: string;
  /** What the directory of the WALs holds. */
  walFiles(): Map<string, Buffer>;
}

/** Runs `body` with a copy of `basic-7.8` (patched) that has its WALs in `wal`, and a LOG that says where it lies. */
export function withWalDir<T>(patches: readonly string[], body: (split: SplitDatabase) => Promise<T>) {
  return withDatabase('basic-7.8', patches, async (db) => {
    const parent = path.dirname(db);
    const wal = path.join(parent, 'wal');
    fs.mkdirSync(wal);
    for (const name of fs.readdirSync(db).filter((each) => each.endsWith('.log')))
      fs.renameSync(path.join(db, name), path.join(wal, name));
    for (const name of fs.readdirSync(db).filter((each) => each.startsWith('OPTIONS-'))) {
      const file = path.join(db, name);
      const text = fs.readFileSync(file, 'utf8');
      fs.writeFileSync(file, text.replace('[DBOptions]', `[DBOptions]\n  wal_dir=${wal}`));
    }
    const said = [`SST files in ${db} dir, Total Num: 4, files: 000014.sst`, `Options.wal_dir: ${wal}`];
    said.push(`Recovered from manifest file:${db}/MANIFEST-000005 succeeded,manifest_file_number is 5`);
    fs.writeFileSync(
      path.join(db, 'LOG'),
      said.map((line) => `2026/01/01-00:00:00.000000 1 ${line}\n`).join(''),
    );
    const walFiles = () =>
      new Map(fs.readdirSync(wal).map((name) => [name, fs.readFileSync(path.join(wal, name))]));
    return body({ parent, db, wal, walFiles });
  });
}
