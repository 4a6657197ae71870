import path from 'node:path';
import type { ProfileFacts } from '../profile.js';
import { decodeRaftEntryKey, decodeRaftStateKey, decodeRecordKey, metadataKeys } from './log-keys.js';
import { partitionOf } from './partition-keys.js';

/** The databases that a node of Restate keeps. */
export type Instance =
  | 'metadata-server'
  | 'log-server'
  | 'local-loglet'
  | 'partition-store'
  | 'local-metadata-store';

export const titles: Readonly<Record<Instance, string>> = {
  'metadata-server': 'Restate metadata server',
  'log-server': 'Restate log server',
  'local-loglet': 'Restate local loglet',
  'partition-store': 'Restate partition store',
  'local-metadata-store': 'Restate local metadata store',
};

/** Which column family of an instance is which. */
export type RestateFamily = 'data' | 'metadata' | 'partition' | 'index' | 'pairs';

export interface RestateLayout {
  instance: Instance;
  families: ReadonlyMap<number, RestateFamily>;
  /** The partition of each column family of a partition store. */
  partitions: ReadonlyMap<number, bigint>;
}

/** Keys that are looked at where the column families of two instances have the same names. */
const SAMPLE = 20;

/** Which of Restate's databases this is: by its column families, then by its keys, then by the name of its directory. */
export async function restateLayout(
  facts: Pick<ProfileFacts, 'columnFamilies' | 'sample' | 'directory'>,
): Promise<RestateLayout | undefined> {
  const names = facts.columnFamilies.map(({ name }) => name);
  const has = (...wanted: string[]) => wanted.every((name) => names.includes(name));
  const only = (...wanted: string[]) => has(...wanted) && names.length === wanted.length;
  if (only('default', 'logstore_data', 'logstore_metadata')) return layout('local-loglet', facts);
  if (only('default', 'kv_pairs'))
    return (await isMetadataStore(facts)) ? layout('local-metadata-store', facts) : undefined;
  if (only('default', 'data', 'metadata')) {
    const instance = await withKeysOf(facts);
    return instance && layout(instance, facts);
  }
  const own = names.filter((name) => name !== 'default');
  const partitions = own.length > 0 && own.every((name) => partitionOf(name) !== undefined);
  return partitions && names.some((name) => name.startsWith('data-'))
    ? layout('partition-store', facts)
    : undefined;
}

async function withKeysOf({
  sample,
  directory,
}: Pick<ProfileFacts, 'sample' | 'directory'>): Promise<Instance | undefined> {
  const data = await sample('data', SAMPLE);
  if (data.length > 0) {
    if (data.every(decodeRaftEntryKey)) return 'metadata-server';
    return data.every(decodeRecordKey) ? 'log-server' : undefined;
  }
  const metadata = await sample('metadata', SAMPLE);
  if (metadata.some((key) => decodeRaftStateKey(key) !== undefined && key.length !== MARKER))
    return 'metadata-server';
  const name = path.basename(directory);
  if (name === 'replicated-metadata-server') return 'metadata-server';
  return name === 'log-store' || name === 'log-server' ? 'log-server' : undefined;
}

/** `kv_pairs` is a name that anybody may choose: the directory's name or one of Restate's own keys settles it. */
async function isMetadataStore({
  sample,
  directory,
}: Pick<ProfileFacts, 'sample' | 'directory'>): Promise<boolean> {
  if (path.basename(directory) === 'local-metadata-store') return true;
  const keys = await sample('kv_pairs', SAMPLE);
  return keys.some((key) => metadataKeys.has(Buffer.from(key).toString('latin1')));
}

/** Bytes of `storage-marker`, which both have. */
const MARKER = 14;

function layout(instance: Instance, { columnFamilies }: Pick<ProfileFacts, 'columnFamilies'>): RestateLayout {
  const families = new Map<number, RestateFamily>();
  const partitions = new Map<number, bigint>();
  for (const { id, name } of columnFamilies) {
    const partition = partitionOf(name);
    if (instance === 'partition-store') {
      if (partition === undefined) continue;
      families.set(id, name.startsWith('data-') ? 'partition' : 'index');
      partitions.set(id, partition);
    } else if (name === 'kv_pairs') families.set(id, 'pairs');
    else if (name === 'data' || name === 'logstore_data') families.set(id, 'data');
    else if (name !== 'default') families.set(id, 'metadata');
  }
  return { instance, families, partitions };
}
