import type { Profile } from '../app/profile.js';
import { profileOf } from '../app/profile-of.js';
import { readDatabase } from '../engine/database.js';
import { asPebbleOpens } from '../engine/pebble-opened.js';
import type { FindHooks, FindOptions, FindReport, KeyReport } from './report.js';
import { VersionSearch } from './search.js';
import { Wanted } from './wanted.js';

export {
  type FindHooks,
  type FindOptions,
  type FindReport,
  type KeyReport,
  UnknownColumnFamily,
} from './report.js';

const DEFAULT_LIMIT = 100;

/**
 * Looks for every version of a key in every file of a database directory: WALs, live or not, tables that the MANIFEST names
 * and those that it does not, blob files; damaged ones as far as they can be read. Rejects with a `TargetError` when the
 * directory cannot be listed, and with `UnknownColumnFamily`.
 */
export async function find(
  target: string,
  { key, prefix = false, columnFamily, limit = DEFAULT_LIMIT, profile: choice, ...request }: FindOptions,
  hooks: FindHooks = {},
): Promise<FindReport> {
  const database = await asPebbleOpens(await readDatabase(target, request));
  const search = new VersionSearch(database, new Wanted(key, prefix), columnFamily, limit);
  const profile = await profileOf(database, choice);
  const report = await search.run(hooks);
  return profile === undefined ? report : { ...report, profile, keys: report.keys.map(named(profile)) };
}

/** A key with what the application calls it. */
function named(profile: Profile): (key: KeyReport) => KeyReport {
  return (report) => {
    const said = profile.keyText(report.family.id, report.key);
    return said === undefined ? report : { ...report, said };
  };
}
