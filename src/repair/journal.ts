import { realpath } from 'node:fs/promises';
import path from 'node:path';
import type { SourceRange } from '../bytes/source.js';
import { schemaCheck } from '../io/json-schema.js';
import { isWithin } from '../io/real-place.js';
import type { Disk } from './disk.js';
import { type FilePlace, placeKey } from './place.js';
import { Refusal } from './refusal.js';

/**
 * The undo journal of an in-place repair, a directory:
 *
 *   journal.json   this record, replaced atomically at each change of phase
 *   plan.json      the plan, for people
 *   0, 1, 2, …     the files that were changed or removed, as they were (hard links where the device allows, else copies)
 *
 * Phases: `preparing` (originals are being put aside; the target is untouched) -> `applying` (from here on forward only) ->
 * `done`. An undo goes `done` | `applying` -> `undoing` -> `undone`. Killed anywhere, the next run finds the phase and goes on.
 */
export interface Journal {
  schemaVersion: 1;
  tool: string;
  phase: 'preparing' | 'applying' | 'done' | 'undoing' | 'undone';
  target: string;
  strategy: string;
  startedAt: string;
  entries: JournalEntry[];
}

interface EntryState {
  size: number;
  sha256?: string;
}

/** One file of the target: what it was, and what the repair makes of it. A state without a hash is absence. */
export interface JournalEntry extends FilePlace {
  before: EntryState & {
    /** What the medium did not give back: it has no part in the hash, for it may come back. */
    unreadable?: SourceRange[];
  };
  after: EntryState;
  /** Name of the original in the journal; absent when the file did not exist, or was a link. */
  original?: string;
  /** The file was a symbolic link that the repair takes away: what the link says. What it leads to is left alone. */
  linkTo?: string;
}

/** The name that a new file has beside its target until it is renamed. RocksDB parses no such name and leaves it alone. */
export function stagedName(file: string): string {
  return `${file}.kvdoctor-new`;
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** Replaces journal.json in one step. */
export async function writeJournal(disk: Disk, directory: string, journal: Journal): Promise<void> {
  const next = path.join(directory, 'journal.json.new');
  if (await disk.stat(next)) await disk.remove(next);
  await disk.create(next, once(`${JSON.stringify(journal, null, 2)}\n`));
  await disk.rename(next, path.join(directory, 'journal.json'));
  await disk.syncDirectory(directory);
}

const state = {
  type: 'object',
  required: ['size'],
  properties: {
    size: { type: 'integer', minimum: 0 },
    sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    unreadable: {
      type: 'array',
      maxItems: 1 << 16,
      items: {
        type: 'object',
        required: ['offset', 'length'],
        properties: {
          offset: { type: 'integer', minimum: 0 },
          length: { type: 'integer', minimum: 1 },
        },
      },
    },
  },
} as const;

const journalSchema = {
  type: 'object',
  required: ['schemaVersion', 'tool', 'phase', 'target', 'strategy', 'startedAt', 'entries'],
  properties: {
    schemaVersion: { const: 1 },
    tool: { type: 'string' },
    phase: { enum: ['preparing', 'applying', 'done', 'undoing', 'undone'] },
    target: { type: 'string', minLength: 1 },
    strategy: { type: 'string' },
    startedAt: { type: 'string' },
    entries: {
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'before', 'after'],
        properties: {
          path: { type: 'string', minLength: 1 },
          root: { type: 'string', minLength: 1 },
          before: state,
          after: state,
          original: { type: 'string', pattern: '^[0-9]{1,9}$' },
          linkTo: { type: 'string', minLength: 1 },
        },
      },
    },
  },
} as const;

/** Bytes of a journal.json: a repair of 100,000 files has one of 40 MB. */
const LARGEST = 64 << 20;

/**
 * Reads a journal. It is a file like any other, and nothing in it is believed: refuses one that is not of the form that repairs
 * write, or that names a file outside its target.
 */
export async function readJournal(disk: Disk, directory: string): Promise<Journal> {
  const file = path.join(directory, 'journal.json');
  const there = await disk.stat(file);
  if (!there?.isFile()) {
    throw new Refusal('usage', `${directory} is not an undo journal: it has no journal.json`);
  }
  const refuse = (why: string) => new Refusal('refused', `${file} is not a journal of kvdoctor: ${why}`);
  if (there.size > LARGEST) throw refuse(`it has ${there.size} bytes`);
  const text = (await disk.read(file)).toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw refuse('it is not JSON, or not all of it is there');
  }
  const wrong = (await schemaCheck(journalSchema))(json);
  if (wrong !== undefined) throw refuse(wrong);
  const journal = json as Journal;
  const odd = oddPlace(journal);
  if (odd !== undefined) throw refuse(odd);
  return journal;
}

/** What no journal of a repair says: a path that leaves the target, an original without a file, a file twice. */
function oddPlace({ target, entries }: Journal): string | undefined {
  if (!path.isAbsolute(target)) return 'its target is not an absolute path';
  const seen = new Set<string>();
  for (const entry of entries) {
    const { path: name, root, before, original, linkTo } = entry;
    const names = name.split(path.sep);
    if (path.isAbsolute(name) || name.includes('\0') || names.some((part) => part === '..' || part === ''))
      return `${name} is not a path below its target`;
    if (root !== undefined && !path.isAbsolute(root)) return `${root} is not an absolute path`;
    if ((before.sha256 === undefined) !== (original === undefined && linkTo === undefined))
      return `the original of ${name} does not fit what it was`;
    if (seen.has(placeKey(entry))) return `it names ${name} twice`;
    seen.add(placeKey(entry));
  }
  return seen.has('CURRENT') ? undefined : 'it does not say what CURRENT was';
}

/** Where a journal may write: the directory that it was asked for, and places outside that a person has named. */
export interface JournalScope {
  target?: string;
  /** As `--wal-dir` and `--db-path` name them. */
  roots?: readonly string[];
}

/**
 * Refuses a journal of another directory than the one that is meant. Without a name the journal must lie beside its target,
 * under the name that repairs give it.
 */
export async function checkScope(
  directory: string,
  { target, entries }: Journal,
  { target: asked, roots = [] }: JournalScope,
): Promise<void> {
  const real = await realpath(target).catch(() => {
    throw new Refusal('usage', `the journal is of ${target}, which is not there`);
  });
  if (asked === undefined && !(await liesBeside(directory, real))) {
    throw new Refusal(
      'usage',
      `the journal does not lie beside the directory that it is of, ${target}`,
      'name that directory after the journal if you mean it: kvdoctor undo JOURNAL DIR',
    );
  }
  if (asked !== undefined && (await realpath(asked).catch(() => asked)) !== real)
    throw new Refusal('usage', `the journal is of ${target}, not of ${asked}`);
  const given = await Promise.all(roots.map((root) => realpath(root).catch(() => root)));
  for (const { root } of entries) {
    if (root === undefined) continue;
    const there = await realpath(root).catch(() => root);
    if (given.includes(there) || isWithin(real, there)) continue;
    throw new Refusal(
      'usage',
      `the journal changes files in ${root}, outside ${target}`,
      'name that place if you mean it: --wal-dir DIR or --db-path DIR',
    );
  }
}

/** What stands between a directory's name and the time in its journals' names. */
export const JOURNAL_MARK = '.kvdoctor-undo-';

/** Whether a journal is at the default place. */
export async function liesBeside(directory: string, target: string): Promise<boolean> {
  const real = await realpath(directory);
  return (
    path.dirname(real) === path.dirname(target) &&
    path.basename(real).startsWith(path.basename(target) + JOURNAL_MARK)
  );
}
