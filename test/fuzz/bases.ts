import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { kvdoctor } from '../cli/host.js';
import {
  type FileSet,
  fixture,
  fixtureNames,
  readFileSet,
  withTemporaryDirectory,
  writeFileSet,
} from '../support/files.js';
import { applyPatches } from '../support/patch.js';
import { inRepository } from '../support/repository.js';

/*
 * What is damaged: directories as fixtures/ has them, by the name of a shipped database or of an archive (`states/stale-3`),
 * and what other commands read. A path of its own directory is `{dir}` in a base's files.
 */

export type BaseKind = 'database' | 'journal' | 'report' | 'log' | 'capture';

export interface Base {
  name: string;
  kind: BaseKind;
  files: FileSet;
}

const ARCHIVES = ['states', 'field', 'engines'];

/** Releases whose files differ from those of their neighbours. */
const ENGINES = /^(3\.13\.1|5\.18\.4|6\.29\.5|8\.11\.4|11\.1\.1)-/;

/** Folders that are databases and no `fixture`. */
const MORE = [
  'restate/db',
  'restate/log-store',
  'restate/replicated-metadata-server',
  'restate-1.7/log-store',
  'tikv-damaged/db',
];

/** Names of all bases, in a fixed order. */
export function baseNames(): string[] {
  const archives = ARCHIVES.flatMap((folder) =>
    fs
      .readdirSync(inRepository('fixtures', folder))
      .filter((name) => name.endsWith('.tar.gz') && (folder !== 'engines' || ENGINES.test(name)))
      .map((name) => `${folder}/${name.slice(0, -'.tar.gz'.length)}`),
  );
  return [
    ...fixtureNames().filter((name) => name !== 'pebble'),
    ...MORE,
    ...archives.sort(),
    ...[
      'log/tikv',
      'log/restate',
      'log/kvrocks',
      'report/basic-7.8',
      'report/kvrocks-mixed/db',
      'capture/exec-stall',
    ],
    ...['journal/point-in-time', 'journal/tables'],
  ];
}

const logs: Record<string, string> = {
  tikv: 'tikv/tikv.log',
  restate: 'restate/restate.log',
  kvrocks: 'kvrocks-race-8/kvrocks.INFO',
};

const single = (name: string, ...from: string[]): FileSet =>
  new Map([[name, fs.readFileSync(inRepository('fixtures', ...from))]]);

async function unpacked(name: string): Promise<FileSet> {
  return withTemporaryDirectory(async (parent) => {
    execFileSync('tar', ['-xzf', inRepository('fixtures', `${name}.tar.gz`), '-C', parent]);
    const entries = fs.readdirSync(parent);
    const only = entries.length === 1 && fs.statSync(path.join(parent, entries[0])).isDirectory();
    return readFileSet(only ? path.join(parent, entries[0]) : parent);
  });
}

/** A database that was repaired in place, beside the journal that leads back. */
async function repaired(way: string): Promise<FileSet> {
  return withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'db');
    const damage = way === 'tables' ? 'flip 000016.sst 0x80.1' : 'flip 000019.log 0x60.3';
    writeFileSet(await applyPatches(fixture('basic-7.8'), [damage]), dir);
    const flag = way === 'tables' ? '--strategy tables' : `--mode ${way}`;
    await kvdoctor(`repair ${flag} --in-place --stopped --yes --no-progress ${dir}`);
    const files = new Map<string, Uint8Array>();
    for (const [name, bytes] of readFileSet(parent)) {
      const here = name.replace(/^db\.kvdoctor-undo-[^/]*/, 'db.kvdoctor-undo-0');
      const text = here.endsWith('journal.json') && Buffer.from(bytes).toString().replaceAll(parent, '{dir}');
      files.set(here, text ? Buffer.from(text) : bytes);
    }
    return files;
  });
}

async function load(name: string): Promise<Base> {
  const [folder, ...rest] = name.split('/');
  const of = rest.join('/');
  if (folder === 'journal') return { name, kind: 'journal', files: await repaired(of) };
  if (folder === 'log') return { name, kind: 'log', files: single('server.log', logs[of]) };
  if (folder === 'report') {
    const { out } = await kvdoctor(`scan --no-progress --format json ${inRepository('fixtures', of)}`);
    return { name, kind: 'report', files: new Map([['report.json', Buffer.from(out)]]) };
  }
  if (folder === 'capture') {
    const files = single('replies', `resp/${of}.replies.resp`);
    return {
      name,
      kind: 'capture',
      files: new Map([...files, ...single('requests', `resp/${of}.requests.resp`)]),
    };
  }
  return { name, kind: 'database', files: ARCHIVES.includes(folder) ? await unpacked(name) : fixture(name) };
}

const loaded = new Map<string, Promise<Base>>();

/** A base. The map of its files is fresh, the contents are shared. */
export async function fuzzBase(name: string): Promise<Base> {
  const base = loaded.get(name) ?? load(name);
  loaded.set(name, base);
  const { files, ...rest } = await base;
  return { ...rest, files: new Map(files) };
}
