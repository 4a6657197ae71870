import type { ByteSource } from '../bytes/source.js';
import { fileName } from '../format/filename.js';
import type { LiveTable } from '../format/manifest/version.js';
import { openSource } from '../io/source.js';

export interface StoreFile {
  /** As problems name it. */
  name: string;
  open(): Promise<ByteSource>;
}

/** Finds the files of a database. */
export interface StoreFiles {
  table(live: Pick<LiveTable, 'number' | 'pathId'>): StoreFile;
  blob(number: bigint): StoreFile;
}

/**
 * The files of a database directory. `paths` are its db_paths (or a column family's cf_paths), by path id; blob files always
 * lie in the first. Without them everything lies in the directory itself.
 */
export function directoryFiles(directory: string, paths: readonly string[] = [directory]): StoreFiles {
  return {
    table({ number, pathId }) {
      // an id past the end means the last path, as in the engine
      const path = paths[Math.min(pathId, paths.length - 1)] ?? directory;
      const name = fileName('table', number);
      return { name, open: () => openTableFile(path, name) };
    },
    blob(number) {
      const name = fileName('blob', number);
      return { name, open: () => openSource({ kind: 'file', path: `${paths[0] ?? directory}/${name}` }) };
    },
  };
}

/** `N.sst`, or `N.ldb` where there is none, as the engine looks. */
async function openTableFile(path: string, name: string): Promise<ByteSource> {
  try {
    return await openSource({ kind: 'file', path: `${path}/${name}` });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const other = `${path}/${name.replace(/\.sst$/, '.ldb')}`;
    return openSource({ kind: 'file', path: other }).catch(() => Promise.reject(error));
  }
}
