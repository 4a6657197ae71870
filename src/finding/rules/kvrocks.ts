import type { Rule } from '../rule.js';

const race =
  'Before Kvrocks 2.12.1 a push inside MULTI/EXEC that wakes a blocked client lets two threads write into one batch ' +
  '(apache/kvrocks#2766): operations of both mix, and the metadata that was written last wins.';

const notTheDisk =
  'The files that hold it match their checksums, so the disk gave back what was written: the server, or its memory, was wrong.';

const rebuild =
  'kvdoctor repair --strategy application --dry-run shows what can be rebuilt from the elements that are there; --emit redis ' +
  'prints it as commands for the running server.';

const elementsAreTruth =
  'Reading and writing single elements goes on; what is computed from the metadata (lengths, ranges by rank, whether the ' +
  'key exists at all) is wrong.';

export const kvrocksRules = {
  'kvrocks/malformed-key': {
    severity: 'error',
    title: 'Key is not one that Kvrocks writes',
    meaning:
      'A key begins with the length of its namespace and the namespace, and in a cluster its slot; keys of elements go on with ' +
      'the length of the user key, the user key and a version. This one ends before that, so no command reaches it.',
    origin: `${notTheDisk} Or another program wrote into the directory, or it mixes databases with and without cluster slots.`,
    action:
      'kvdoctor find --key-hex shows when it was written. It does no harm to other keys and takes up space only.',
    references: ['kvrocks src/storage/redis_metadata.cc'],
  },
  'kvrocks/malformed-metadata': {
    severity: 'error',
    title: 'Metadata of a key does not decode',
    meaning:
      'The entry that says the type, the expiry and the size of a key has an unknown type, bits that are always zero, or too few ' +
      'bytes. Every command on the key fails, and compaction logs it ("[compact_filter/metadata] Failed to decode metadata").',
    origin: `${notTheDisk} Or a newer Kvrocks wrote a type that this version of kvdoctor does not know.`,
    action:
      'Compare with a replica or a backup (kvdoctor compare), restore the key from there, or delete it. kvdoctor find shows older ' +
      'versions of the metadata that may still be on disk.',
    references: ['kvrocks src/storage/redis_metadata.cc', 'kvrocks src/storage/compact_filter.cc'],
  },
  'kvrocks/wrong-slot': {
    severity: 'error',
    title: 'Key stands under a slot that is not its own',
    meaning:
      'In a cluster each key carries the slot that its name hashes to. Commands look under that slot, so a key under another ' +
      'one cannot be reached, and a migration of either slot takes the wrong keys along.',
    origin:
      'cluster-enabled was switched after the database was made, or a directory of a standalone server was taken for a cluster.',
    action: 'Read the key out with kvdoctor export or find and write it again through the server.',
    references: ['kvrocks src/cluster/redis_slot.cc'],
  },
  'kvrocks/future-version': {
    severity: 'warning',
    title: 'Key was made in the future',
    meaning:
      'The version of a key begins with the microsecond in which it was made. A later one than now means that the clock of the ' +
      'server was ahead, and a key that is deleted and made again may then meet its old elements.',
    origin:
      'The clock was set back, or kvdoctor runs on a machine whose clock is behind. Seldom: a changed bit.',
    action: 'Check the clocks first. The key itself can be read and written.',
    references: ['kvrocks src/storage/redis_metadata.cc'],
  },
  'kvrocks/wrong-size': {
    severity: 'error',
    title: 'Key counts another number of elements than it has',
    meaning:
      `The metadata of a hash, set, sorted set or sorted integer set says how many elements it has. ${elementsAreTruth} With size 0 ` +
      'the key counts as absent although its elements are there, and the next write to it leaves them behind for good.',
    origin: `${race} Hashes of servers before 2.6 have it from a fault of their own (apache/kvrocks#1651).`,
    action: rebuild,
    references: ['apache/kvrocks#2766', 'apache/kvrocks#1651'],
  },
  'kvrocks/malformed-element': {
    severity: 'error',
    title: 'Element does not match its type',
    meaning:
      'A score that is not 8 bytes, an invalid list index, a set member with a value. Commands that meet it fail or skip it.',
    origin: race,
    action:
      'The element is left alone by every repair. Compare with a replica or a backup, then delete it or write it again.',
    references: ['kvrocks src/types'],
  },
  'kvrocks/wrong-family': {
    severity: 'warning',
    title: 'Elements stand where their type has none',
    meaning:
      'Elements of the live version of a key stand in a column family that its type does not use. No command reads them, and ' +
      'compaction keeps them as long as the key lives.',
    origin: race,
    action: 'They do no harm. Writing the key anew (COPY, DEL, RENAME) gets rid of them.',
    references: ['kvrocks src/storage/compact_filter.cc'],
  },
  'kvrocks/score-index': {
    severity: 'error',
    title: 'Members and score index of a sorted set disagree',
    meaning:
      'A sorted set is stored twice: by member with its score, and by score. Here a member is missing from the index, stands ' +
      'in it under another score, or an entry of the index has no member. ZSCORE and ZRANGE then give different answers, ' +
      'ZPOPMIN and ZREM leave one half behind.',
    origin: race,
    action: `The members decide: ${rebuild}`,
    references: ['kvrocks src/types/redis_zset.cc', 'apache/kvrocks#2766'],
  },
  'kvrocks/list-bounds': {
    severity: 'error',
    title: 'Size of a list does not match its head and tail',
    meaning:
      'The metadata of a list holds the index of its head, the index after its tail and its size, which is their distance. ' +
      'LLEN answers with one, pushes and pops go by the others; a list of size 0 counts as absent.',
    origin: race,
    action: rebuild,
    references: ['kvrocks src/types/redis_list.cc', 'apache/kvrocks#2766'],
  },
  'kvrocks/list-hole': {
    severity: 'error',
    title: 'Elements of a list are missing between its ends',
    meaning:
      'Between head and tail each index has an element, and some have none. A pop that comes to the hole finds nothing and ' +
      'answers nil, again and again: BLPOP blocks on a list that is not empty, while the other end works.',
    origin: race,
    action: rebuild,
    references: ['kvrocks src/types/redis_list.cc', 'apache/kvrocks#2766'],
  },
  'kvrocks/list-stray': {
    severity: 'error',
    title: 'Elements of a list stand outside its ends',
    meaning:
      'Elements lie before the head or after the tail: no command reaches them, and the next push at that end overwrites them. ' +
      'The list works. Each of them was pushed, and either popped without being deleted, or forgotten by another thread.',
    origin: race,
    action:
      `${rebuild} Both leave such a list alone unless --bring-back is given: whoever took elements from it knows whether these were ` +
      'among them, the database does not.',
    references: ['kvrocks src/types/redis_list.cc', 'apache/kvrocks#2766'],
  },
  'kvrocks/bitmap-fragment': {
    severity: 'error',
    title: 'Fragment of a bitmap is not where or what it can be',
    meaning:
      'A bitmap is stored in fragments of up to 1,024 bytes, named by their offset, a multiple of 1,024, all within its size. ' +
      'BITCOUNT, BITPOS and GETBIT give wrong answers for this one.',
    origin: `${notTheDisk} Old servers wrote the size in other ways.`,
    action: 'Compare with a replica or a backup, and write the bitmap again.',
    references: ['kvrocks src/types/redis_bitmap.cc'],
  },
  'kvrocks/hyperloglog-registers': {
    severity: 'error',
    title: 'Registers of a HyperLogLog have a wrong form',
    meaning:
      'The registers are stored in up to 16 segments of 768 bytes. PFCOUNT and PFADD fail with "invalid segment size".',
    origin: notTheDisk,
    action: 'The estimate cannot be rebuilt. Restore the key from a replica or a backup, or delete it.',
    references: ['kvrocks src/types/redis_hyperloglog.cc'],
  },
  'kvrocks/bloom-filters': {
    severity: 'error',
    title: 'Filters of a Bloom filter are missing or have a wrong size',
    meaning:
      'The metadata says how many filters the chain has and how many bytes they take. With one missing or of another size ' +
      'BF.EXISTS may deny items that were added, which a Bloom filter must never do.',
    origin: race,
    action: 'It cannot be rebuilt from itself. Restore it from a replica or a backup, or fill it again.',
    references: ['kvrocks src/types/redis_bloom_chain.cc'],
  },
  'kvrocks/stream-entries': {
    severity: 'error',
    title: 'Stream counts or names other entries than it has',
    meaning:
      'The metadata of a stream says how many entries it has, the ids of the first and the last, and the last id that was given ' +
      'out. XLEN and XINFO answer with it, and XADD gives out the id after it: one that is too small is given out twice.',
    origin: race,
    action: rebuild,
    references: ['kvrocks src/types/redis_stream.cc'],
  },
  'kvrocks/stream-groups': {
    severity: 'warning',
    title: 'Counts of a consumer group are wrong',
    meaning:
      'The number of groups, of consumers or of pending entries is not what is stored. XINFO and XPENDING answer with the wrong ' +
      'number; entries and their delivery are not touched by it.',
    origin: `${race} Some versions do not count down when a consumer is deleted.`,
    action: 'XGROUP DESTROY and CREATE make the group anew, at the cost of its pending entries.',
    references: ['kvrocks src/types/redis_stream.cc'],
  },
  'kvrocks/malformed-document': {
    severity: 'error',
    title: 'JSON document does not parse',
    meaning:
      'A key of type ReJSON-RL holds bytes that are neither JSON nor CBOR. Every JSON command on it fails.',
    origin: notTheDisk,
    action:
      'kvdoctor find shows older versions of the document that may still be on disk; else restore the key.',
    references: ['kvrocks src/types/redis_json.cc'],
  },
  'kvrocks/malformed-namespaces': {
    severity: 'error',
    title: 'Table of namespaces does not parse',
    meaning:
      'With repl-namespace-enabled the tokens and namespaces are kept in the database as JSON. It does not parse: the server does ' +
      'not start, or nobody gets at the keys of a namespace.',
    origin: notTheDisk,
    action:
      'Take the table from a replica or a backup. The keys of the namespaces are not touched by it; NAMESPACE ADD makes them reachable again.',
    references: ['kvrocks src/server/namespace.cc'],
  },
  'kvrocks/unregistered-namespace': {
    severity: 'note',
    title: 'Keys of a namespace that is not registered',
    meaning: 'The table of namespaces does not name it, so no token leads to these keys.',
    origin:
      'NAMESPACE DEL removes a namespace and leaves its keys. Or it is registered in kvrocks.conf and not in the database.',
    action: 'NAMESPACE ADD under the same name makes the keys reachable; FLUSHDB there removes them.',
    references: ['kvrocks src/server/namespace.cc'],
  },
  'kvrocks/replication-id': {
    severity: 'note',
    title: 'Batches carry another replication id than the database',
    meaning:
      'With use-rsid-psync each batch carries the id of the history that it belongs to. The last one does not carry the id that ' +
      'the database says is its own, or several ids follow each other: at each change a server was promoted.',
    origin: 'A failover. Without one: a directory that was put together from two servers.',
    action:
      'Nothing, where a failover is known of. Replicas that followed another history need a full synchronisation.',
    references: ['apache/kvrocks#538'],
  },
  'kvrocks/orphans': {
    severity: 'note',
    title: 'Elements of deleted keys',
    meaning:
      'DEL, overwriting and FLUSHDB remove or replace the metadata of a key alone; its elements stay until compaction meets them. ' +
      'No command reads them.',
    origin:
      'Normal. Many of them beside a wrong size may be what is left of a value whose metadata was overwritten.',
    action: 'Nothing: compaction removes them. kvdoctor find shows what they are while they are there.',
    references: ['kvrocks src/storage/compact_filter.cc'],
  },
  'kvrocks/check-ended': {
    severity: 'warning',
    title: 'Keys were not all looked at',
    meaning:
      'A column family could not be read to its end, so what lies after was not held against the rules of Kvrocks.',
    origin: 'Damage in a table, a log or a blob file, which the scan of the files reports.',
    action: 'Repair the files first, then scan with --application again.',
  },
} as const satisfies Record<`kvrocks/${string}`, Rule>;
