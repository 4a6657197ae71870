import type { ProfileChoice } from '../app/profile-choice.js';
import { profileBeside } from '../app/profile-of.js';
import type { StoreSettings } from '../bytes/source.js';
import { dialectBeside } from '../engine/beside.js';
import { namedFile } from '../io/named-file.js';
import { type Inspection, type InspectKind, inspectFile, inspectKindOf } from './inspect.js';
import type { Detail } from './node.js';

export interface InspectOptions
  extends Pick<Detail, 'records' | 'entries' | 'properties' | 'limit' | 'near'> {
  /** What the file is, where neither its name nor its content tells. */
  as?: InspectKind;
  /** The application whose bytes these are, or that none is to be looked for. Default: it is recognised. */
  profile?: ProfileChoice;
  /** How the object store of a file in a bucket is asked. */
  store?: StoreSettings;
}

/** Neither the name of a file nor its content tells what it is. */
export class UnknownKind extends Error {
  constructor(readonly file: string) {
    super(`${file}: neither its name nor its content tells what it is`);
    this.name = 'UnknownKind';
  }
}

/** Kinds of files that hold keys and values. */
const spoken: ReadonlySet<InspectKind> = new Set<InspectKind>(['wal', 'table', 'batch']);

/**
 * Opens a file of a database for a look at its structure: `root.children()` is made while the file is read, so any size will do.
 * Whoever opens it closes it. Rejects with `UnknownKind`, and with the system's error when the file cannot be opened.
 */
export async function inspect(
  file: string | Buffer,
  { as, profile, store, ...detail }: InspectOptions = {},
): Promise<Inspection & { detail: Detail }> {
  const name = file.toString();
  const named = await namedFile(file, store);
  const source = named.kind === 'file' ? named.source : undefined;
  const kind = as ?? (await inspectKindOf(file, source));
  if (kind === undefined) throw new UnknownKind(name);
  const keyNames = spoken.has(kind) ? await profileBeside(name, profile, store) : undefined;
  const all: Detail = { dialect: await dialectBeside(name, store), ...(keyNames && { keyNames }), ...detail };
  return { ...(await inspectFile(file, kind, all, source)), detail: all };
}
