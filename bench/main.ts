import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { inRepository } from '../test/support/repository.js';
import { type BenchDatabase, benchDatabase, benchServer, logOf, warm } from './databases.js';
import { alternate, type Measured } from './measure.js';

/*
 * kvdoctor against RocksDB's own tools on the same files:
 *   npm run bench -- [--size 1G[,4G…]] [--wal 512M] [--rounds 5] [--only REGEX] [--write]
 * --write puts the figures into docs/performance.md. Databases are made once and kept in tmp/bench.
 */

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '1G' },
    wal: { type: 'string', default: '512M' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '.' },
    write: { type: 'boolean', default: false },
  },
});

const UNITS: Record<string, number> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

function bytesOf(text: string): number {
  const [, digits, unit] = /^(\d+)([KMG]?)$/.exec(text) ?? [];
  if (!digits) throw new Error(`not a size: ${text}`);
  return Number(digits) * (UNITS[unit] ?? 1);
}

const kvdoctor = (dir: string, ...more: string[]) => [
  process.execPath,
  inRepository('bin/kvdoctor.js'),
  'scan',
  dir,
  '--format',
  'json=/dev/null',
  '--no-progress',
  ...more,
];

interface Comparison {
  ours: string;
  theirs: string;
}

function commandsFor({ kind, dir }: BenchDatabase): Record<string, string[]> {
  if (kind === 'server') {
    const program = [process.execPath, inRepository('bin/kvdoctor.js')];
    return { [alone.server]: [...program, 'simulate', dir, '--digest', '--no-progress'] };
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

/** Nothing of RocksDB's does the same without opening the database: time and memory stand alone. */
const alone = { server: 'kvdoctor simulate --digest' };

const comparisons = {
  tables: [
    { ours: 'kvdoctor scan', theirs: 'sst_dump check' },
    { ours: 'kvdoctor scan --depth checksums', theirs: 'sst_dump verify' },
    { ours: 'kvdoctor scan --depth checksums', theirs: 'sst_dump verify --verify_checksum' },
  ],
  wal: [{ ours: 'kvdoctor scan', theirs: 'ldb dump_wal' }],
  server: [],
} satisfies Record<string, Comparison[]>;

const MiB = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;

function row({ ours, theirs }: Comparison, on: BenchDatabase, measured: Record<string, Measured>): string {
  const [a, b] = [measured[ours], measured[theirs]];
  const ratio = a.seconds / b.seconds;
  const cells = [
    on.name,
    MiB(on.bytes),
    `\`${ours}\``,
    `${a.seconds.toFixed(2)} s`,
    MiB(a.peak),
    `\`${theirs}\``,
    `${b.seconds.toFixed(2)} s`,
    MiB(b.peak),
    ratio.toFixed(2),
  ];
  return `| ${cells.join(' | ')} |`;
}

function header(): string[] {
  const version = execFileSync('sst_dump', ['--version'], { encoding: 'utf8' }).trim().split('\n')[0];
  return [
    `${os.cpus()[0].model}, ${os.cpus().length} cores, ${MiB(os.totalmem())}, Node ${process.version}, ${version}; median of ${values.rounds} alternating runs, page cache warm.`,
    '',
    '| database | size | kvdoctor | time | peak | RocksDB | time | peak | ratio |',
    '| --- | ---: | --- | ---: | ---: | --- | ---: | ---: | ---: |',
  ];
}

function makeDatabases(): BenchDatabase[] {
  const wanted = new RegExp(values.only);
  const sizes = values.size.split(',').map(bytesOf);
  const made = ['none', 'lz4', 'zstd']
    .filter((codec) => wanted.test(`tables-${codec}`))
    .flatMap((codec) => sizes.map((size) => benchDatabase('tables', size, codec)));
  if (wanted.test('server')) made.push(benchServer(sizes[0]));
  if (wanted.test('wal')) made.push(benchDatabase('wal', bytesOf(values.wal)));
  return made;
}

function write(lines: readonly string[]): void {
  const file = inRepository('docs/performance.md');
  const text = fs.readFileSync(file, 'utf8');
  const parts = /^([\s\S]*<!-- figures -->\n)[\s\S]*(<!-- end of figures -->[\s\S]*)$/.exec(text);
  if (!parts) throw new Error(`${file} has no place for the figures`);
  fs.writeFileSync(file, `${parts[1]}${lines.join('\n')}\n${parts[2]}`);
}

const lines = header();
for (const line of lines) console.log(line);
for (const database of makeDatabases()) {
  warm(database.dir);
  const measured = await alternate(commandsFor(database), Number(values.rounds));
  for (const comparison of comparisons[database.kind]) {
    lines.push(row(comparison, database, measured));
    console.log(lines[lines.length - 1]);
  }
  if (database.kind === 'server') {
    const { seconds, peak } = measured[alone.server];
    const cells = [
      database.name,
      MiB(database.bytes),
      `\`${alone.server}\``,
      `${seconds.toFixed(2)} s`,
      MiB(peak),
      ...['', '', '', ''],
    ];
    lines.push(`| ${cells.join(' | ')} |`);
    console.log(lines[lines.length - 1]);
  }
}
if (values.write) write(lines);
