/**
 * A data directory of TiKV (tikv src/config/mod.rs): `db`, and beside it `raft-engine` or, before 6.1, `raft`; where they lie elsewhere
 * `last_tikv.toml` says so, which TiKV writes at every start.
 */
import path from 'node:path';
import { takeInventory } from '../../io/inventory.js';
import { pathKind } from '../../io/path-kind.js';
import { readTextIfThere } from '../../io/text-file.js';

const CONFIG = 'last_tikv.toml';
const DATABASE = 'db';
/** Where the raft log lies, newest way first. `key`: the setting that moves it. */
const RAFT_LOGS = [
  { name: 'raft-engine', section: 'raft-engine', key: 'dir' },
  { name: 'raft', section: 'raftstore', key: 'raftdb-path' },
] as const;

/** What TiKV keeps apart from both: snapshots of regions that it sends or has received, and tables that are to be ingested. */
const OTHERS = ['snap', 'import'];

/**
 * The directories of a store that lies in `directory`: its kv database, its raft log, and those of {@link OTHERS} that hold files.
 * `undefined` for any other directory.
 */
export async function storeDirectories(directory: string): Promise<string[] | undefined> {
  const database = path.join(directory, DATABASE);
  if (!(await is(database, 'directory')) || !(await isDatabase(database))) return undefined;
  const config = await readTextIfThere(path.join(directory, CONFIG)).catch(() => undefined);
  const found: string[] = [];
  for (const { name, section, key } of RAFT_LOGS) {
    const set = config === undefined ? undefined : settingIn(config, section, key);
    const places = [...(set === undefined || set === '' ? [] : [set]), path.join(directory, name)];
    for (const place of places)
      if (await is(place, 'directory')) {
        found.push(place);
        break;
      }
  }
  if (found.length === 0 && config === undefined) return undefined;
  for (const name of OTHERS) {
    const other = path.join(directory, name);
    if (await holdsFiles(other)) found.push(other);
  }
  return [database, ...found];
}

/** Where the raft log of the store is whose kv database lies in `database`, as its configuration says; absent: beside it. */
export async function raftEngineDirectory(database: string): Promise<string> {
  const beside = path.join(database, '..', 'raft-engine');
  const config = await readTextIfThere(path.join(database, '..', CONFIG)).catch(() => undefined);
  const set = config === undefined ? undefined : settingIn(config, 'raft-engine', 'dir');
  return set !== undefined && set !== '' && (await is(set, 'directory')) ? set : beside;
}

async function isDatabase(directory: string): Promise<boolean> {
  return (await is(path.join(directory, 'CURRENT'), 'file')) || is(path.join(directory, 'IDENTITY'), 'file');
}

/** Its own subdirectories hold what TiKV removes when it starts. */
async function holdsFiles(directory: string): Promise<boolean> {
  const { entries } = await takeInventory(directory).catch(() => ({ entries: [] }));
  return entries.length > 0;
}

async function is(name: string, kind: 'file' | 'directory'): Promise<boolean> {
  return (await pathKind(name).catch(() => undefined)) === kind;
}

/** The value of a setting in a section of a TOML file as TiKV writes it: one setting a line, text in double or single quotes. */
function settingIn(config: string, section: string, key: string): string | undefined {
  let current = '';
  for (const line of config.split('\n')) {
    const [, header] = /^\s*\[([^[\]]+)\]\s*$/.exec(line) ?? [];
    if (header !== undefined) current = header;
    const [, name, double, single] = /^\s*([\w-]+)\s*=\s*(?:"([^"\\]*)"|'([^']*)')\s*$/.exec(line) ?? [];
    if (current === section && name === key) return double ?? single;
  }
  return undefined;
}
