import type { Symptom } from '../../app/log-knowledge.js';

const scanFirst: Pick<Symptom, 'next'> = { next: ['kvdoctor scan {dir}', 'kvdoctor simulate {dir}'] };

/** What LevelDB writes into its LOG, and what programs say that keep their data in it. Lines of browsers have a hexadecimal thread. */
export const levelDbSymptoms: readonly Symptom[] = [
  {
    id: 'leveldb-begun-anew',
    pattern: /Creating DB .+ since it was missing/i,
    anchors: ['since it was missing'],
    severity: 'warning',
    meaning:
      'CURRENT was not there, and LevelDB made a new database. In a directory that had one, it has deleted every table of it.',
    look: 'whether the directory was new at that time; LOG.old',
    causes: ['missing', 'configuration'],
    action:
      'Stop the program. What was deleted comes back from a backup or from the file system only. Open with create_if_missing=false.',
    ...scanFirst,
    rules: ['directory', 'manifest'],
    references: ['leveldb db/db_impl.cc (DB::Open)'],
  },
  {
    id: 'leveldb-error-ignored',
    pattern: /\(ignoring error\) .*dropping \d+ bytes; (?:Corruption|IO error)/i,
    anchors: ['(ignoring error)'],
    severity: 'error',
    refines: ['wal-dropping-bytes', 'checksum-mismatch', 'wal-broken-fragments', 'wal-unknown-record-type'],
    meaning:
      'LevelDB has opened without a part of a log, has told nobody, and has deleted the log. The number says what it skipped, not what is lost.',
    look: 'backups of the directory from before this open',
    causes: ['rot', 'torn', 'zeroed'],
    action:
      'The log exists no more unless reuse_logs is on, as in browsers. Before the next open of a database like it: copy, then scan the copy.',
    ...scanFirst,
    rules: ['wal', 'batch', 'sequence'],
    references: ['leveldb db/db_impl.cc (RecoverLogFile)'],
  },
  {
    id: 'leveldb-batch-ignored',
    pattern: /Ignoring error Corruption: /i,
    anchors: ['ignoring error corruption'],
    severity: 'error',
    meaning:
      'A batch in a log contradicts itself under a right checksum; LevelDB has applied the operations before the bad one.',
    look: 'the program that writes: the disk gave back what it was given',
    causes: ['software', 'memory'],
    action: 'Test the memory; look for threads that share one WriteBatch.',
    ...scanFirst,
    rules: ['batch'],
    references: ['leveldb db/db_impl.cc (MaybeIgnoreError)'],
  },
  {
    id: 'leveldb-manifest-refused',
    pattern: /Error recovering version set with \d+ records?: /i,
    anchors: ['error recovering version set'],
    severity: 'error',
    refines: ['checksum-mismatch'],
    meaning: 'LevelDB refuses the MANIFEST after so many edits. Tables and logs are not looked at.',
    look: 'the MANIFEST that CURRENT names',
    causes: ['rot', 'torn', 'zeroed'],
    action:
      'Nothing has been changed yet. Do not call RepairDB: the edits before the damage and the tables give all of it back.',
    next: ['kvdoctor scan {dir}', 'kvdoctor repair --strategy auto --dry-run {dir}'],
    rules: ['manifest'],
    references: ['leveldb db/version_set.cc (VersionSet::Recover)'],
  },
  {
    id: 'leveldb-compaction-error',
    pattern: /Compaction error: /i,
    anchors: ['compaction error:'],
    severity: 'error',
    refines: ['block-checksum'],
    meaning:
      'A compaction could not read its tables. Until the database is opened again every write fails with this status.',
    look: 'the tables of the level that is compacted',
    causes: ['rot', 'zeroed', 'full'],
    action: 'Opened again it fails again at the next compaction. A scan names the block.',
    ...scanFirst,
    rules: ['sst'],
    references: ['leveldb db/db_impl.cc (BackgroundCall)'],
  },
  {
    id: 'leveldb-repaired',
    pattern: /\*\*\*\* Repaired leveldb |(?:Log|Table) #\d+: \d+ (?:ops saved|entries repaired)/i,
    anchors: ['**** repaired leveldb', 'ops saved to table', 'entries repaired'],
    severity: 'warning',
    meaning:
      'RepairDB has been here. It reads logs without checksums, drops tables that it cannot read to their end, and says OK.',
    look: 'lost/: it has the originals until the next RepairDB',
    causes: ['software'],
    action: 'Keep lost/. A scan counts what it holds and no live file does.',
    next: ['kvdoctor scan {dir}', 'kvdoctor repair --strategy auto --dry-run {dir}'],
    rules: ['directory/repairdb-losses', 'directory/repaired-before'],
    references: ['leveldb db/repair.cc'],
  },
  {
    id: 'leveldb-reused-log',
    pattern: /Reusing (?:old log|MANIFEST) /i,
    anchors: ['reusing old log', 'reusing manifest'],
    severity: 'note',
    meaning:
      'The program appends to the log that it found (reuse_logs). Where the last process was killed in the middle of a write, what comes after the tear is lost at the next open.',
    look: 'tears in the middle of the log',
    causes: ['torn'],
    action: 'A scan names them; the records after a tear are whole and come back.',
    ...scanFirst,
    rules: ['wal'],
    references: ['leveldb db/db_impl.cc (RecoverLogFile)'],
  },
  {
    id: 'goleveldb-corruption',
    pattern:
      /leveldb\/(?:table|storage|journal): |leveldb: (?:manifest corrupted|batch corrupted|file missing)|journal error: leveldb/i,
    anchors: [
      'leveldb/table:',
      'leveldb/storage:',
      'leveldb/journal:',
      'leveldb: ',
      'journal error: leveldb',
    ],
    severity: 'error',
    meaning:
      'goleveldb (go-ethereum, Syncthing, IPFS, Cosmos) met damage. By default it drops damaged edits of the MANIFEST without failing.',
    look: 'the file in brackets at the end of the line',
    causes: ['rot', 'torn', 'missing'],
    action:
      'Its lock does not keep LevelDB out, nor the other way round: make sure that one program had it open. A healthy directory of LevelDB loses the head of its log when goleveldb opens it.',
    ...scanFirst,
    rules: ['sst', 'wal', 'manifest'],
    references: ['syndtr/goleveldb leveldb/errors'],
  },
  {
    id: 'geth-database-failed',
    pattern: /(?:Fatal|CRIT|Failed to (?:open|create)).*(?:chaindata|leveldb:)/i,
    anchors: ['chaindata', 'leveldb:'],
    severity: 'error',
    meaning: 'go-ethereum does not open its chain database.',
    look: 'geth/chaindata; the ancient store beside it is none of LevelDB',
    causes: ['torn', 'rot', 'missing'],
    action: 'Scan it before geth removedb: a MANIFEST or CURRENT that is damaged comes back from the tables.',
    next: ['kvdoctor scan {dir}'],
    rules: ['sst', 'wal', 'manifest'],
    references: ['ethereum/go-ethereum ethdb/leveldb'],
  },
];
