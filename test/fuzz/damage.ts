import { layoutOf } from '../mutation/layout.js';
import { type Layout, mutate } from '../mutation/mutate.js';
import type { Random } from '../mutation/random.js';
import type { FileSet } from '../support/files.js';
import { applyPatches } from '../support/patch.js';
import { type Base, fuzzBase } from './bases.js';

/** A damaged directory: a base and patches, which say all of it. */
export interface Damage {
  base: string;
  patches: string[];
  files: FileSet;
  /** Files of the base of which a byte under a checksum differs, and nothing else of the directory does. */
  broken?: string;
}

/** Files beside the tables and logs: they decide where the rest is looked for. */
const NAMES = /(^|\/)(CURRENT|OPTIONS-\d+|MANIFEST-\d+|IDENTITY)$/;

const layouts = new WeakMap<Uint8Array, Promise<Layout>>();

function layout(file: string, bytes: Uint8Array): Promise<Layout> {
  const known = layouts.get(bytes) ?? layoutOf(file, bytes).catch(() => layoutOf('', bytes));
  layouts.set(bytes, known);
  return known;
}

/** Damages a base; `grown` are patches that led somewhere new before, and are damaged further. */
export async function damage(
  base: Base,
  grown: readonly string[],
  random: Random,
  others: readonly string[],
): Promise<Damage> {
  const files = await applyPatches(new Map(base.files), grown);
  const patches = [...grown];
  let broken: string | undefined;
  const rounds = random.chance(0.6) ? 1 : 1 + random.below(4);
  for (let round = 0; round < rounds; round++) {
    const names = [...files.keys()].filter((name) => !/(^|\/)(LOCK|plan\.json)$/.test(name));
    if (names.length === 0) break;
    const file = random.pick(names);
    if (base.kind === 'database' && random.chance(0.12)) {
      await step(await moved(files, names, file, random, others), files, patches);
      continue;
    }
    const bytes = files.get(file)!;
    const text = /\.json$|OPTIONS-\d+$|\.log$/.test(file) && base.kind !== 'database';
    if ((text || /OPTIONS-\d+$/.test(file)) && bytes.length > 0 && random.chance(0.7)) {
      const edited =
        /\.json$/.test(file) && random.chance(0.7) ? editJson(bytes, random) : editLines(bytes, random);
      if (edited === undefined) continue;
      files.set(file, Buffer.from(edited));
      patches.push(`create ${file} ${JSON.stringify(edited)}`);
      continue;
    }
    const from = await layout(file, bytes);
    const mutation = await mutate(bytes, from, random);
    files.set(file, mutation.bytes);
    patches.push(...mutation.patches.map((patch) => patch.replace('%', file)));
    const plain =
      rounds === 1 &&
      grown.length === 0 &&
      !mutation.patches.some((patch) => /^(fix|cut|insert)/.test(patch));
    if (plain && underChecksum(bytes, mutation.bytes, from)) broken = file;
  }
  return { base: base.name, patches, files, ...(broken !== undefined && { broken }) };
}

async function step(patch: string | undefined, files: FileSet, patches: string[]): Promise<void> {
  if (patch === undefined) return;
  await applyPatches(files, [patch]);
  patches.push(patch);
}

/** Files dropped, swapped, doubled, and files of another database in their place. */
async function moved(
  files: FileSet,
  names: readonly string[],
  file: string,
  random: Random,
  others: readonly string[],
): Promise<string | undefined> {
  const ending = (name: string) => /[^.\d/]*$/.exec(name)![0];
  const alike = names.filter((name) => name !== file && ending(name) === ending(file));
  switch (random.below(4)) {
    case 0:
      return `remove ${file}`;
    case 1:
      return alike.length > 0 ? `swap ${file} ${random.pick(alike)}` : undefined;
    case 2:
      return alike.length > 0 ? `copy ${file} ${random.pick(alike)}` : `move ${file} ${file}.old`;
    default: {
      const other = random.pick(others);
      const theirs = [...(await fuzzBase(other)).files.keys()].filter(
        (name) => ending(name) === ending(file) || NAMES.test(name),
      );
      if (theirs.length === 0) return undefined;
      const taken = random.pick(theirs);
      const to = ending(taken) === ending(file) && random.chance(0.7) ? file : taken;
      return to === 'CURRENT' || files.size > 0 ? `take ${other} ${taken} ${to}` : undefined;
    }
  }
}

/** Only bytes under a checksum differ, lengths and places of records do not. */
function underChecksum(
  before: Uint8Array,
  after: Uint8Array,
  { records, blocks, blobRecords }: Layout,
): boolean {
  if (before.length !== after.length) return false;
  const ranges = [
    // neither the length, by which records are found, nor a type that says zeros
    ...records.map(({ offset, length }) => [offset + 7, offset + length]),
    ...blocks.map(({ offset, size }) => [offset, offset + size]),
    ...blobRecords.map(({ offset, length }) => [offset + 32, offset + length]),
  ];
  let differs = false;
  for (let at = 0; at < before.length; at++) {
    if (before[at] === after[at]) continue;
    differs = true;
    if (!ranges.some(([from, to]) => at >= from && at < to)) return false;
  }
  return differs;
}

const NASTY: readonly unknown[] = [
  null,
  '',
  0,
  -1,
  1,
  1e308,
  2 ** 53,
  true,
  [],
  {},
  '../../../etc/passwd',
  '/etc/passwd',
  '..',
  '.',
  'a\u0000b',
  'x\ny',
  '\u202e',
  '\ud800',
  'CURRENT',
  '__proto__',
  '9'.repeat(40),
  'x'.repeat(5000),
];

/** One value of a JSON text becomes another, goes, or stands twice. */
function editJson(bytes: Uint8Array, random: Random): string | undefined {
  let root: unknown;
  try {
    root = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
  const places: [owner: Record<string, unknown> | unknown[], key: string][] = [];
  const walk = (node: unknown) => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      places.push([node as Record<string, unknown>, key]);
      walk((node as Record<string, unknown>)[key]);
    }
  };
  walk(root);
  if (places.length === 0) return undefined;
  for (let n = 1 + random.below(3); n > 0; n--) {
    const [owner, key] = random.pick(places);
    const object = owner as Record<string, unknown>;
    if (Array.isArray(owner) && random.chance(0.3)) owner.push(structuredClone(owner[Number(key)]));
    else if (random.chance(0.2)) delete object[key];
    else if (random.chance(0.3)) {
      const [theirs, name] = random.pick(places);
      object[key] = structuredClone((theirs as Record<string, unknown>)[name]);
    } else object[key] = random.pick(NASTY);
  }
  return `${JSON.stringify(root, null, 1)}\n`;
}

/** Lines dropped, doubled, moved, or with another value. */
function editLines(bytes: Uint8Array, random: Random): string | undefined {
  const lines = Buffer.from(bytes).toString().split('\n');
  for (let n = 1 + random.below(4); n > 0; n--) {
    const at = random.below(lines.length);
    switch (random.below(5)) {
      case 0:
        lines.splice(at, 1);
        break;
      case 1:
        lines.splice(random.below(lines.length + 1), 0, lines[at]);
        break;
      case 2:
        lines[at] = (lines[at] ?? '').replace(
          /=.*|:.*|\d+/,
          (found) => found[0] + String(random.pick(NASTY)),
        );
        break;
      case 3:
        lines[at] = `${lines[at] ?? ''}${lines[random.below(lines.length)] ?? ''}`;
        break;
      default:
        lines[at] = (lines[at] ?? '').slice(0, random.below(80));
    }
    if (lines.length === 0) return '';
  }
  return lines.join('\n');
}
