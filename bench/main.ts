import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { inRepository } from '../test/support/repository.js';
import {
  type BenchDatabase,
  benchDatabase,
  benchFiles,
  benchLevelDb,
  benchServer,
  logOf,
  rocksdbDigest,
  warm,
} from './databases.js';
import { alternate, type Measured, processorTimes } from './measure.js';

/*
 * kvdoctor against RocksDB's own tools on the same files:
 *   npm run bench -- [--size 1G[,4G…]] [--wal 512M] [--rounds 5] [--only REGEX] [--growth] [--write]
 * --growth measures how time and memory grow with bytes and with files. --write puts the figures into docs/performance.md.
 * Databases are made once and kept in tmp/bench.
 */

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '1G' },
    wal: { type: 'string', default: '512M' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '.' },
    growth: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});

const UNITS: Record<string, number> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

function bytesOf(text: string): number {
  const [, digits, unit] = /^(\d+)([KMG]?)$/.exec(text) ?? [];
  if (!digits) throw new Error(`not a size: ${text}`);
  return Number(digits) * (UNITS[unit] ?? 1);
}

const wanted = new RegExp(values.only);
const rounds = Number(values.rounds);
const sizes = values.size.split(',').map(bytesOf);

const program = [process.execPath, inRepository('bin/kvdoctor.js')];

const kvdoctor = (dir: string, ...more: string[]) => [
  ...program,
  'scan',
  dir,
  '--format',
  'json=/dev/null',
  '--no-progress',
  ...more,
];

/** Lines of a table, printed as they come. */
class Table {
  readonly lines: string[] = [];

  constructor(...heading: string[]) {
    for (const line of heading) this.add(line);
  }

  row(...cells: (string | number)[]): void {
    this.add(`| ${cells.join(' | ')} |`);
  }

  private add(line: string): void {
    this.lines.push(line);
    console.log(line);
  }
}

interface Comparison {
  ours: string;
  theirs: string;
}

function commandsFor({ kind, dir }: BenchDatabase): Record<string, string[]> {
  if (kind === 'server') {
    return {
      'kvdoctor simulate --digest': [...program, 'simulate', dir, '--digest', '--no-progress'],
      'RocksDB: open, iterate, hash': rocksdbDigest(dir),
    };
  }
  if (kind === 'wal') {
    return {
      'kvdoctor scan': kvdoctor(dir),
      'ldb dump_wal': ['ldb', 'dump_wal', `--walfile=${logOf(dir)}`],
    };
  }
  const sstDump = (...args: string[]) => ['sst_dump', `--file=${dir}`, ...args];
  return {
    'kvdoctor scan': kvdoctor(dir),
    'sst_dump check': sstDump('--command=check', '--verify_checksum'),
    'kvdoctor scan --depth checksums': kvdoctor(dir, '--depth', 'checksums'),
    'sst_dump verify': sstDump('--command=verify'),
    'sst_dump verify --verify_checksum': sstDump('--command=verify', '--verify_checksum'),
  };
}

const comparisons: Record<'tables' | 'wal' | 'server', Comparison[]> = {
  tables: [
    { ours: 'kvdoctor scan', theirs: 'sst_dump check' },
    { ours: 'kvdoctor scan --depth checksums', theirs: 'sst_dump verify' },
    { ours: 'kvdoctor scan --depth checksums', theirs: 'sst_dump verify --verify_checksum' },
  ],
  wal: [{ ours: 'kvdoctor scan', theirs: 'ldb dump_wal' }],
  server: [{ ours: 'kvdoctor simulate --digest', theirs: 'RocksDB: open, iterate, hash' }],
};

const MiB = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
const s = (seconds: number) => `${seconds.toFixed(2)} s`;

function machine(): string {
  const version = execFileSync('sst_dump', ['--version'], { encoding: 'utf8' }).trim().split('\n')[0];
  return `${os.cpus()[0].model}, ${os.cpus().length} cores, ${MiB(os.totalmem())}, Node ${process.version}, ${version}; median of ${rounds} alternating runs, page cache warm.`;
}

/** Against RocksDB's tools, by the wall clock. */
async function againstRocksdb(): Promise<Table> {
  const table = new Table(
    machine(),
    '',
    '| database | size | kvdoctor | time | peak | RocksDB | time | peak | ratio |',
    '| --- | ---: | --- | ---: | ---: | --- | ---: | ---: | ---: |',
  );
  const compare = async (kind: keyof typeof comparisons, database: BenchDatabase) => {
    if (!wanted.test(database.name)) return;
    warm(database.dir);
    const measured = await alternate(commandsFor(database), rounds);
    for (const { ours, theirs } of comparisons[kind]) {
      const [a, b] = [measured[ours], measured[theirs]];
      const ratio = (a.seconds / b.seconds).toFixed(2);
      const cells = ({ seconds, peak }: Measured) => [s(seconds), MiB(peak)];
      table.row(
        database.name,
        MiB(database.bytes),
        `\`${ours}\``,
        ...cells(a),
        `\`${theirs}\``,
        ...cells(b),
        ratio,
      );
    }
  };
  for (const codec of ['none', 'lz4', 'zstd'] as const)
    for (const size of sizes)
      if (wanted.test(`tables-${codec}`)) await compare('tables', benchDatabase('tables', size, codec));
  if (wanted.test('server')) await compare('server', benchServer(sizes[0]));
  if (wanted.test('wal')) await compare('wal', benchDatabase('wal', bytesOf(values.wal)));
  return table;
}

/** What the start costs, and LevelDB's tables beside RocksDB's, in processor time. */
async function byProcessor(): Promise<Table> {
  const table = new Table(
    '',
    'Processor time of all threads, median of the same number of alternating runs:',
    '',
    '| what | processor time | against | processor time | ratio |',
    '| --- | ---: | --- | ---: | ---: |',
  );
  const compare = (ours: [string, string[]], theirs: [string, string[]], weight = 1) => {
    const [a, b] = processorTimes([ours[1], theirs[1]], rounds);
    table.row(ours[0], s(a), theirs[0], s(b), ((a / b) * weight).toFixed(2));
  };
  if (wanted.test('start')) {
    const node = (...args: string[]) => [process.execPath, ...args];
    const small = kvdoctor(inRepository('fixtures/kvrocks-race-12/db'));
    compare(['`kvdoctor scan` of 12 small files', small], ['`node -e 0`', node('-e', '0')]);
    compare(['`kvdoctor --version`', [...program, '--version']], ['`node -e 0`', node('-e', '0')]);
  }
  if (wanted.test('leveldb')) {
    const [leveldb, rocksdb] = [benchLevelDb(sizes[0]), benchDatabase('tables', sizes[0], 'snappy')];
    for (const { dir } of [leveldb, rocksdb]) warm(dir);
    compare(
      [`\`kvdoctor scan\`, LevelDB, Snappy, ${MiB(leveldb.bytes)}`, kvdoctor(leveldb.dir)],
      [`\`kvdoctor scan\`, RocksDB, Snappy, ${MiB(rocksdb.bytes)}`, kvdoctor(rocksdb.dir)],
      rocksdb.bytes / leveldb.bytes,
    );
  }
  return table;
}

/** How time and memory grow with bytes, with files and with threads. */
async function growth(): Promise<Table> {
  const table = new Table(
    '| database | size | `--jobs` | time | per GiB | per file | peak |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
  );
  const measure = async ({ name, dir, bytes }: BenchDatabase) => {
    warm(dir);
    const files = fs.readdirSync(dir).filter((file) => file.endsWith('.sst')).length;
    const jobs = (n: number) => kvdoctor(dir, '--jobs', String(n));
    const measured = await alternate({ 1: jobs(1), 2: jobs(2) }, rounds);
    for (const [threads, { seconds, peak }] of Object.entries(measured)) {
      const [perGiB, perFile] = [
        s((seconds * 2 ** 30) / bytes),
        `${((1000 * seconds) / files).toFixed(2)} ms`,
      ];
      table.row(`${name}, ${files} files`, MiB(bytes), threads, s(seconds), perGiB, perFile, MiB(peak));
    }
  };
  for (const GiB of [1, 4, 16]) await measure(benchDatabase('tables', GiB * 2 ** 30));
  for (const count of [100, 1000, 10_000]) await measure(benchFiles(count));
  await sinceLast(table, benchFiles(10_000));
  return table;
}

/** The night after: nothing has changed since the last report. */
async function sinceLast(table: Table, { dir, bytes }: BenchDatabase): Promise<void> {
  const last = path.join(path.dirname(dir), 'last.json');
  execFileSync(program[0], [...program.slice(1), 'scan', dir, '--no-progress', '--format', `json=${last}`]);
  const { since } = await alternate({ since: kvdoctor(dir, '--since', last) }, rounds);
  const perFile = `${((1000 * since.seconds) / 10_000).toFixed(2)} ms`;
  table.row('the same with `--since`', MiB(bytes), 2, s(since.seconds), '', perFile, MiB(since.peak));
}

function write(place: string, lines: readonly string[]): void {
  const file = inRepository('docs/performance.md');
  const text = fs.readFileSync(file, 'utf8');
  const [before, rest] = text.split(`<!-- ${place} -->\n`);
  const end = `<!-- end of ${place} -->`;
  if (!rest?.includes(end)) throw new Error(`${file} has no place for ${place}`);
  const after = rest.slice(rest.indexOf(end));
  fs.writeFileSync(file, `${before}<!-- ${place} -->\n${lines.join('\n')}\n${after}`);
}

const figures = [...(await againstRocksdb()).lines, ...(await byProcessor()).lines];
if (values.write) write('figures', figures);
if (values.growth) {
  const { lines } = await growth();
  if (values.write) write('growth', lines);
}
