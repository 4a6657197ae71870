import { inRepository } from '../test/support/repository.js';
import { benchDatabase, logOf } from './databases.js';
import { processorTimes } from './measure.js';

/*
 * Holds the processor time of three scans against that of other programs on the same machine, in alternating runs:
 *   npm run guard
 * It ends with 1 where one takes clearly more than it did. Instruction counts would be steadier, but few virtual machines
 * have them, and under valgrind V8 compiles at other times than it does for users.
 */

const MiB = 2 ** 20;
const ROUNDS = 5;
/** How much more than before is a change, and not the machine. */
const MARGIN = 1.35;

const scan = (directory: string) => [
  process.execPath,
  inRepository('bin/kvdoctor.js'),
  ...['scan', directory, '--no-progress', '--format', 'json=/dev/null'],
];

const tables = benchDatabase('tables', 512 * MiB);
const wal = benchDatabase('wal', 256 * MiB);

/** `before`: the ratio that was measured last, on two cores with Node 20. */
const GUARDED = [
  {
    name: 'scan of a small damaged directory, against node -e 0',
    ours: scan(inRepository('fixtures/kvrocks-race-12/db')),
    theirs: [process.execPath, '-e', '0'],
    before: 3.6,
  },
  {
    name: 'scan of 512 MiB of tables, against sst_dump check',
    ours: scan(tables.dir),
    theirs: ['sst_dump', `--file=${tables.dir}`, '--command=check', '--verify_checksum'],
    before: 3.2,
  },
  {
    name: 'scan of a WAL of 256 MiB, against ldb dump_wal',
    ours: scan(wal.dir),
    theirs: ['ldb', 'dump_wal', `--walfile=${logOf(wal.dir)}`],
    before: 0.9,
  },
];

for (const { name, ours, theirs, before } of GUARDED) {
  const [mine, other] = processorTimes([ours, theirs], ROUNDS);
  const ratio = mine / other;
  const isSlower = ratio > before * MARGIN;
  console.log(
    `${isSlower ? 'slower' : 'ok    '}  ${name}: ${ratio.toFixed(2)} (${mine.toFixed(2)} s), before ${before}`,
  );
  if (isSlower) process.exitCode = 1;
}
