import {
  bornOut,
  contradicted,
  errorsOf,
  findingName,
  type Incident,
  type LogKnowledge,
  type LogReading,
  type ScanResult,
  type Symptom,
  type Verified,
} from '../log-knowledge.js';

const tikvSymptoms: readonly Symptom[] = [
  {
    id: 'tikv-prepared-region',
    pattern: /region \d+ is prepared for write before/i,
    anchors: ['is prepared for write before'],
    severity: 'error',
    meaning:
      'TiKV’s in-memory engine found the writes of two regions interleaved and stopped. No data is damaged.',
    look: 'tikv.log; the newest *.log of db/ may end torn',
    causes: ['software'],
    action:
      'Several regions in one batch are normal. Where a scan is clean it is safe to start again: use another release or turn the in-memory engine off, and keep the data.',
    next: ['kvdoctor scan {dir}'],
    references: ['tikv/tikv#17700', 'tikv/tikv#17703'],
  },
  {
    id: 'tikv-panic-mark',
    pattern: /panic_mark_file .* exists/i,
    anchors: ['panic_mark_file'],
    severity: 'error',
    meaning: 'TiKV met damaged data before, and refuses to start until somebody has looked.',
    look: 'the table that the log names before the panic, then panic_mark_file',
    causes: ['rot'],
    action:
      'Deal with the damaged table and its peers first. Removing the file first starts it on damaged data.',
    next: ['kvdoctor scan {dir}'],
    rules: ['sst', 'wal'],
    references: ['tikv/tikv#15986'],
  },
  {
    id: 'tikv-raft-behind',
    pattern: /doesn't exist, may lose data|unexpected raft log index/i,
    anchors: ["doesn't exist, may lose data", 'unexpected raft log index'],
    severity: 'error',
    meaning: 'A region has applied more than its raft log holds.',
    look: 'the raft database (raft/ or raft-engine/) and whether both directories are of one time',
    causes: ['torn', 'truncated'],
    action: 'The raft log lost its end, or the two directories come from different copies.',
    next: ['kvdoctor scan {dir}'],
    rules: ['wal'],
    references: ['pingcap/tidb#17099', 'pingcap/tidb#4731'],
  },
  {
    id: 'tikv-dictionary',
    pattern: /file\.dict.*(crc|checksum)|(crc|checksum).*file\.dict/i,
    anchors: ['file.dict'],
    severity: 'error',
    meaning: 'The dictionary of TiKV’s encryption keys is damaged.',
    look: 'file.dict and older copies of it',
    causes: ['full', 'torn'],
    action: 'Nothing can be decrypted without it: look for an older copy before anything writes a new one.',
    next: [],
    references: ['tikv/tikv#9886'],
  },
  {
    id: 'tikv-background-error',
    pattern: /rocksdb background error\. db: \w+, reason: \w+, error: /i,
    anchors: ['rocksdb background error'],
    severity: 'error',
    meaning:
      'TiKV stops because RocksDB failed in the background; the words after “error:” are RocksDB’s own. After “Corruption” it leaves panic_mark_file and does not start again.',
    look: 'the file that the error names; which of kv and raft the db is',
    causes: ['rot', 'full', 'software'],
    action:
      'The other peers of the regions still hold the data: say which regions the file hits before the store is removed.',
    next: ['kvdoctor scan {dir}'],
    rules: ['sst', 'wal', 'manifest', 'blob', 'directory'],
    references: ['tikv components/engine_rocks/src/event_listener.rs'],
  },
];

function preparedRegion({ seen }: LogReading): Incident | undefined {
  const sighting = seen.get('tikv-prepared-region');
  if (sighting === undefined) return undefined;
  return {
    id: 'tikv-prepared-region',
    title: 'TiKV: an assertion of the in-memory engine, no damage on disk',
    certainty: 'likely',
    basis: `line ${sighting.first.line}: ${sighting.symptom.meaning}`,
    detail:
      'State of one apply round was carried into the next and an assertion stopped the server. Only nightly builds of late October 2024 have it. Data and apply state are written in one batch, so the raft log replays what is missing: when a scan is clean, start it again with another build, and delete nothing.',
    next: ['kvdoctor scan {dir}'],
    references: ['tikv/tikv#17700', 'tikv/tikv#17703'],
  };
}

function verifyWithoutDamage(scan: ScanResult): Verified {
  const errors = errorsOf(scan);
  if (errors.length > 0)
    return contradicted(
      `there is damage too: ${findingName(errors[0])}; look at it before you start the server`,
    );
  return scan.application?.checked
    ? bornOut('the files are whole, and what they hold keeps to its own rules')
    : bornOut('the files are whole');
}

/** What servers of TiKV say in their logs. */
export const tikvLogs: LogKnowledge = {
  program: {
    name: 'TiKV',
    pattern: /Release Version:\s*v?(\d+(?:\.\d+)*)|tikv/i,
    anchors: ['release version:', 'tikv'],
  },
  symptoms: tikvSymptoms,
  incidents: [{ id: 'tikv-prepared-region', recognize: preparedRegion, verify: verifyWithoutDamage }],
};
