import fs from 'node:fs';
import path from 'node:path';
import { catalog } from '../../src/finding/catalog.js';
import { formats } from '../../src/report/formats.js';
import { fakeHost, kvdoctor } from '../cli/host.js';
import type { Random } from '../mutation/random.js';
import { type FileSet, readFileSet, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import type { BaseKind } from './bases.js';

/** Processor time of one command. A command over a fixture takes a tenth of a second. */
export const PROCESSOR_SECONDS = 10;

/** Statuses that a command may end with (docs/exit-status.md); 130 and 4 need somebody else. */
const documented: Record<string, readonly number[]> = {
  scan: [0, 1, 3],
  simulate: [0, 1, 3],
  repair: [0, 1, 3, 5],
  find: [0, 1, 3],
  export: [0, 1, 3],
  // 2 where the bytes make another kind of file of it
  inspect: [0, 1, 2, 3],
  compare: [0, 1, 3],
  undo: [0, 2, 3, 5],
  render: [0, 1, 2, 3],
  merge: [0, 1, 2, 3],
  triage: [0, 1, 3],
  resp: [0, 1, 3],
};

const formatNames = Object.keys(formats);

const REPAIRS = [
  '--mode point-in-time',
  '--mode skip-any-corrupted --accept-hole',
  '--mode absolute-consistency',
  '--mode tolerate-corrupted-tail --heal-first',
  '--strategy heal',
  '--strategy salvage',
  '--strategy metadata',
  '--strategy tables',
  '--strategy auto',
  '--strategy auto --on-lost-tombstones accept',
  '--strategy application',
];

/** Command lines to run over a damaged base; `{dir}` is where it lies, `{out}` a place for outputs. */
export function commandsFor(kind: BaseKind, touched: readonly string[], random: Random): string[] {
  const format = () => `--format ${random.pick(formatNames)}`;
  const maybe = (flag: string) => (random.chance(0.4) ? ` ${flag}` : '');
  if (kind === 'journal') return ['undo --stopped --yes {dir}/db.kvdoctor-undo-0'];
  if (kind === 'report')
    return random.chance(0.7) ? [`render {dir}/report.json ${format()}`] : [`merge {dir}/report.json`];
  if (kind === 'log') return [`triage {dir}/server.log${maybe('--format json')}`];
  if (kind === 'capture')
    return [
      `resp {dir}/replies${random.chance(0.6) ? ' --requests {dir}/requests' : ''}${maybe('--format json')}`,
    ];
  const depth = random.chance(0.8) ? 'full' : random.pick(['structure', 'checksums']);
  const key = random.pick(['--key k1', '--key-hex ff', '--key-hex 00 --prefix', '--key k --prefix']);
  const others = [
    `simulate {dir}${maybe('--digest')}${maybe('--application')}${maybe('--format json')}`,
    `repair --dry-run --jobs 1 ${random.pick(REPAIRS)} {dir}${maybe('--format json')}`,
    `repair --dry-run --jobs 1 ${random.pick(REPAIRS)} {dir}`,
    `repair --yes --jobs 1 ${random.pick(REPAIRS)} --output {out}/repaired {dir}`,
    `find ${key} --limit 5 {dir}${maybe('--format json')}`,
    `export --output {out}/all.ndjson {dir}${maybe('--lenient')}${maybe('--backup 1')}`,
    `compare {dir} {dir}`,
    ...touched.map((file) => `inspect${inside(file)} {dir}/${file}${maybe('--format json')}`),
  ];
  const scan = `scan --jobs 1 --depth ${depth} --fail-on note ${format()} {dir}${maybe('--application')}`;
  return [scan, random.pick(others), random.pick(others)];
}

/** What there is to take apart in a file. */
function inside(file: string): string {
  if (/\.(sst|ldb)$/.test(file)) return ' --entries';
  return /(\.log|\.blob|MANIFEST-\d+)$/.test(file) ? ' --records' : '';
}

export interface Outcome {
  /** What is wrong with how the command took it. */
  problem?: string;
  status: number;
}

const holds = (files: FileSet, dir: string) =>
  new Map([...files].map(([name, bytes]) => [name, name.endsWith('.json') ? text(bytes, dir) : bytes]));
const text = (bytes: Uint8Array, dir: string) =>
  Buffer.from(Buffer.from(bytes).toString().replaceAll('{dir}', dir));

/** Runs a command over files in a directory of their own. Nothing but what undo puts back may change. */
export function exercise(files: FileSet, command: string): Promise<Outcome> {
  return withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'case');
    const out = path.join(parent, 'out');
    const there = holds(files, dir);
    writeFileSet(there, dir);
    fs.mkdirSync(out);
    fs.writeFileSync(path.join(parent, 'victim'), 'not to be touched');
    const [name] = command.split(' ');
    const before = process.cpuUsage();
    const host = fakeHost();
    const { status, err } = await kvdoctor(command.replaceAll('{dir}', dir).replaceAll('{out}', out), host);
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1e6;
    const problem =
      faultIn(err) ??
      (documented[name].includes(status) || (status === 2 && NOT_FOR_THIS.test(err))
        ? undefined
        : `ends with ${status}: ${err.slice(0, 300)}`) ??
      (seconds > PROCESSOR_SECONDS ? `takes ${seconds.toFixed(1)} s of a processor` : undefined) ??
      changed(name, parent, dir, there) ??
      (command.includes('--format json') && status !== 2 ? oddJson(host.out(), name) : undefined);
    return { status, ...(problem !== undefined && { problem }) };
  });
}

/** What the base does not have, a mode or backups, or more of than one: commands are drawn without asking what it is. */
const NOT_FOR_THIS = /has no recovery mode|Say which of its backups|there is no backup 1 /;

function faultIn(err: string): string | undefined {
  const at = err.indexOf('internal error');
  return at < 0 ? undefined : err.slice(at, at + 2000);
}

/** What is other than before, beside outputs. */
function changed(command: string, parent: string, dir: string, before: FileSet): string | undefined {
  const beside = fs.readdirSync(parent).sort().join(' ');
  if (beside !== 'case out victim') return `leaves ${beside}`;
  if (fs.readFileSync(path.join(parent, 'victim'), 'utf8') !== 'not to be touched')
    return 'changes what is beside';
  const after = readFileSet(dir);
  const known = new Set([...before.values()].map((bytes) => Buffer.from(bytes).toString('latin1')));
  for (const [name, bytes] of after) {
    const was = before.get(name);
    if (was !== undefined && Buffer.compare(was, bytes) === 0) continue;
    // an undo puts back originals, and keeps its record
    const allowed =
      command === 'undo' && (/journal\.json/.test(name) || known.has(Buffer.from(bytes).toString('latin1')));
    if (!allowed) return `changes ${name}`;
  }
  for (const name of before.keys()) if (!after.has(name) && command !== 'undo') return `takes ${name} away`;
  return undefined;
}

/** A report is JSON, with findings of rules that exist, about places that can be. */
function oddJson(out: string, command: string): string | undefined {
  if (out === '') return undefined;
  let report: {
    targets?: { findings: { rule: string; message: string; offset?: number; length?: number }[] }[];
  };
  try {
    report = JSON.parse(out);
  } catch (error) {
    return `writes what is no JSON: ${(error as Error).message}`;
  }
  if (command !== 'scan') return undefined;
  for (const { findings } of report.targets ?? []) {
    for (const { rule, message, offset, length } of findings) {
      if (!(rule in catalog)) return `names ${rule}`;
      if (message === '' || /\bundefined\b|\bNaN\b|\[object /.test(message))
        return `says "${message}" (${rule})`;
      if (offset !== undefined && !(offset >= 0 && (length ?? 0) >= 0))
        return `${rule} is at ${offset}+${length}`;
    }
  }
  return undefined;
}
