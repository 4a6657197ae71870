import fs from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { searchBlock } from '../src/diagnose/block-flips.js';
import { CHECKSUM, checksumName } from '../src/format/sst/checksum.js';
import {
  byteTrial,
  countOutcomes,
  flipTrial,
  garbageTrial,
  type HealthyFile,
  healthyFiles,
  type Outcome,
  otherTrial,
} from '../test/diagnose/trials.js';
import { Random } from '../test/mutation/random.js';
import { inRepository } from '../test/support/repository.js';

/*
 * How often a diagnosis is right: random damage to every WAL, table, MANIFEST and blob file of the fixtures.
 *   npm run bench:diagnosis -- [--single 10000] [--byte 2000] [--double 1000] [--garbage 10000] [--other 10000] [--seed 1] [--write]
 * --write puts the figures into docs/diagnosis.md.
 */

const { values } = parseArgs({
  options: {
    single: { type: 'string', default: '10000' },
    byte: { type: 'string', default: '2000' },
    double: { type: 'string', default: '1000' },
    garbage: { type: 'string', default: '10000' },
    other: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
});

type Counts = Map<string, Record<Outcome, number>>;

const OUTCOMES: Outcome[] = ['named', 'likely', 'unnamed', 'silent', 'mistaken', 'wrong'];

function table(counts: Counts): string[] {
  const rows = [...counts].map(([group, of]) => [group, ...OUTCOMES.map((outcome) => of[outcome])]);
  const total = OUTCOMES.map((outcome) => [...counts.values()].reduce((sum, of) => sum + of[outcome], 0));
  return [
    '| | proven | likely | found, not named | not noticed | likely, not so | **proven, not so** |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...[...rows, ['**all**', ...total]].map((row) => `| ${row.join(' | ')} |`),
  ];
}

async function trials(
  title: string,
  files: readonly HealthyFile[],
  count: number,
  trial: (healthyFile: HealthyFile, random: Random) => Promise<Outcome>,
): Promise<string[]> {
  const started = performance.now();
  const counts = await countOutcomes(files, count, new Random(Number(values.seed)), trial);
  const seconds = (performance.now() - started) / 1000;
  const lines = [`${count.toLocaleString('en')} ${title}:`, '', ...table(counts), ''];
  for (const line of lines) console.log(line);
  console.log(`${seconds.toFixed(0)} s\n`);
  return lines;
}

/** Milliseconds that the search of all bits of one block takes. */
async function searchTimes(): Promise<string[]> {
  const sizes = [4096, 16_384, 32_768, 131_072];
  const random = new Random(7);
  const lines = [
    '| all bits of | 4 KiB | 16 KiB | 32 KiB | 128 KiB |',
    '| --- | ---: | ---: | ---: | ---: |',
  ];
  for (const checksumType of [CHECKSUM.crc32c, CHECKSUM.xxh32, CHECKSUM.xxh64, CHECKSUM.xxh3]) {
    const cells = sizes.map((size) => {
      const bytes = random.bytes(size + 5);
      searchBlock({ checksumType, baseContext: 0 }, bytes, 0);
      const started = performance.now();
      const { skipped } = searchBlock({ checksumType, baseContext: 0 }, bytes, 0);
      return skipped === undefined ? `${(performance.now() - started).toFixed(1)} ms` : 'not searched';
    });
    lines.push(`| ${checksumName(checksumType)} | ${cells.join(' | ')} |`);
  }
  for (const line of lines) console.log(line);
  return lines;
}

function write(name: string, lines: readonly string[]): void {
  const file = inRepository('docs/diagnosis.md');
  const text = fs.readFileSync(file, 'utf8');
  const parts = new RegExp(`^([^]*<!-- ${name} -->\n)[^]*?(<!-- end -->[^]*)$`).exec(text);
  if (!parts) throw new Error(`docs/diagnosis.md has no place for ${name}`);
  fs.writeFileSync(file, `${parts[1]}\n${lines.join('\n').trim()}\n\n${parts[2]}`);
}

const files = await healthyFiles();
const figures = [
  ...(await trials('single flipped bits', files, Number(values.single), (p, random) =>
    flipTrial(p, 1, random),
  )),
  ...(await trials(
    'pairs of flipped bits in one block or record',
    files,
    Number(values.double),
    (p, random) => flipTrial(p, 2, random),
  )),
  ...(await trials(
    'overwritten bytes (more than one bit of one byte)',
    files,
    Number(values.byte),
    byteTrial,
  )),
  ...(await trials('blocks or records of noise', files, Number(values.garbage), garbageTrial)),
  ...(await trials(
    'other damages at any place (bits near each other, noise, zeros, bytes moved), up to 5,000 bytes',
    files,
    Number(values.other),
    otherTrial,
  )),
];
const times = await searchTimes();
if (values.write) {
  write('figures', figures);
  write('times', times);
}
