import { redisWord } from '../redis/word.js';

/*
 * Keys of column family `propagate` (kvrocks src/storage/storage.h, src/server/namespace.cc), which replicas get as they are:
 *
 *   replication_id_ · __namespace_keys__ · script · lua_f_<sha1> · lua_func_lib_<function> · lua_lib_code_<library>
 */
const fixed: Readonly<Record<string, string>> = {
  replication_id_: 'replication id',
  __namespace_keys__: 'namespaces and their tokens',
  script: 'a command for replicas',
};

const prefixes: readonly [prefix: string, title: string][] = [
  ['lua_func_lib_', 'library of function'],
  ['lua_lib_code_', 'code of library'],
  ['lua_f_', 'script'],
];

/** Whose tokens are passwords: never shown. */
export const NAMESPACE_KEYS = '__namespace_keys__';

export function propagateKeyText(key: Uint8Array): string {
  const text = Buffer.from(key).toString('latin1');
  if (Object.hasOwn(fixed, text)) return fixed[text];
  const known = prefixes.find(([prefix]) => text.startsWith(prefix));
  if (known === undefined) return `setting ${redisWord(key, 100)}`;
  const [prefix, title] = known;
  return `${title} ${redisWord(key.subarray(prefix.length), 100)}`;
}
