/*
 * LevelDB directories of a Chromium profile, and so of Chrome, Edge and Electron: IndexedDB by its comparator, Local Storage by its rows
 * (components/services/storage/dom_storage/local_storage_impl.cc):
 *
 *   "VERSION"   "META:" origin   "METAACCESS:" origin   "_" origin 00 (01 latin1 | 00 utf-16le) name
 */
import type { Application, DetectProfile, Profile } from '../profile.js';
import { idbKeyText } from './idb-key.js';

const SAMPLE = 64;

/** Seen with Chromium 156. */
const DELETES =
  'The browser opens it paranoid. On one complaint about a log or the MANIFEST it deletes the whole database, keeps no copy, and begins anew: do not start it before the directory is copied.';

const logs: Application['logs'] = {
  program: {
    name: 'Chromium',
    pattern: /Chrom(?:e|ium)[ /](\d+(?:\.\d+)+)/i,
    anchors: ['chrome', 'chromium'],
  },
  symptoms: [
    {
      id: 'chromium-indexeddb-deleted',
      pattern:
        /IndexedDB recovering from a corrupted \(and deleted\) database|Failed to open LevelDB database from /i,
      anchors: ['corrupted (and deleted) database', 'failed to open leveldb database'],
      severity: 'error',
      refines: ['checksum-mismatch'],
      meaning:
        'Chromium or Electron could not open an IndexedDB, and deletes it: the directory is new and empty, no copy is kept.',
      look: 'backups of the profile; the *.indexeddb.leveldb directory that the line names',
      causes: ['rot', 'torn', 'memory'],
      action:
        'Stop the program at once. Others of the profile may be damaged too: copy it before the program starts again.',
      next: ['kvdoctor scan {dir}'],
      rules: ['wal', 'manifest', 'sst'],
      references: ['MicrosoftEdge/WebView2Feedback#5674'],
    },
  ],
};

const detect: DetectProfile = async (facts) => {
  const [family] = facts.columnFamilies;
  if (facts.columnFamilies.length !== 1) return undefined;
  if (family.comparator === 'idb_cmp1') return { ...profile('IndexedDB', idbKeyText), recovery: DELETES };
  if (family.name !== 'default') return undefined;
  const keys = await facts.sample('default', SAMPLE);
  const isStorage =
    keys.some((key) => /^(?:META:|_)(?:https?|file|chrome[\w-]*|app):\/\//.test(latin1(key))) &&
    keys.every((key) => localStorageText(key) !== undefined);
  return isStorage ? profile('Local Storage', localStorageText) : undefined;
};

function profile(database: string, text: (key: Uint8Array) => string | undefined): Profile {
  return {
    name: 'chromium',
    title: `Chromium ${database}`,
    keyText: (family, key) => (family === 0 ? text(key) : undefined),
    valueText: () => undefined,
    batchWords: () => undefined,
  };
}

/** A key of Local Storage. */
export function localStorageText(key: Uint8Array): string | undefined {
  const text = latin1(key);
  if (text === 'VERSION') return 'version';
  const meta = /^META(ACCESS)?:(.+)$/s.exec(text);
  if (meta !== null) return `${meta[1] === undefined ? 'size' : 'last access'} of ${meta[2]}`;
  const end = text.indexOf('\0');
  if (text[0] !== '_' || end < 2 || end + 1 >= key.length) return undefined;
  const name = Buffer.from(key.subarray(end + 2));
  return `${JSON.stringify(name.toString(key[end + 1] === 0 ? 'utf16le' : 'latin1'))} of ${text.slice(1, end)}`;
}

function latin1(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

export const chromium: Application = { detect, logs };
