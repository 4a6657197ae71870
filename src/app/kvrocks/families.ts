/** Column families of Kvrocks. Their numbers differ with the release that made the database: names are what counts. */
export type KvrocksFamily =
  | 'default'
  | 'metadata'
  | 'zset_score'
  | 'pubsub'
  | 'propagate'
  | 'stream'
  | 'search'
  | 'index';

const names = new Set([
  'default',
  'metadata',
  'zset_score',
  'pubsub',
  'propagate',
  'stream',
  'search',
  'index',
]);

/** Which column family of Kvrocks has which number; `undefined` when the names are not those of a Kvrocks database. */
export function kvrocksFamilies(
  families: Iterable<{ id: number; name: string }>,
): Map<number, KvrocksFamily> | undefined {
  const found = new Map<number, KvrocksFamily>();
  for (const { id, name } of families) {
    if (!names.has(name)) return undefined;
    found.set(id, name as KvrocksFamily);
  }
  const has = (name: KvrocksFamily) => [...found.values()].includes(name);
  return has('metadata') && has('zset_score') && has('propagate') ? found : undefined;
}
