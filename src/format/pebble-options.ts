/**
 * OPTIONS-N of Pebble (pebble options.go): sections and `key=value` lines. Blank lines and those that begin with `;` or `#` are
 * skipped; any other line without an equals sign fails the open. Keys that a release does not know are skipped.
 */
import type { Anomaly } from '../finding/finding.js';
import type { OptionsFile, OptionsSection } from './options.js';

/** What Pebble compares with what it is opened with, or goes by. */
export interface PebbleOptions {
  comparer?: string;
  merger?: string;
  /** False: an older WAL may end anywhere. Releases from 2.0 on refuse then. */
  strictWalTail?: boolean;
  /** As of the last open: it may lag behind the marker. */
  formatVersion?: number;
  walDir?: string;
  /** Releases from 2.0 on write it. */
  keySchema?: string;
}

const MAX_ANOMALIES = 20;

/** Parses an OPTIONS file. Never throws. */
export function parsePebbleOptions(bytes: Uint8Array): OptionsFile {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const sections: OptionsSection[] = [];
  const anomalies: Anomaly[] = [];
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end).trim();
    const section = sections.at(-1);
    if (section) section.length = end - section.offset;
    if (/^\[.*\]$/.test(line)) {
      const [, title, argument] = /^\[\s*([^"]*?)\s*(?:"(.*)")?\s*\]$/.exec(line) ?? [];
      sections.push({
        title: title ?? line.slice(1, -1),
        ...(argument !== undefined && { argument }),
        values: new Map(),
        offset: start,
        length: end - start,
      });
    } else {
      const read = lineOf(line);
      if (read.kind === 'value') section?.values.set(read.key, read.value);
      else if (read.kind === 'invalid' && anomalies.length < MAX_ANOMALIES)
        anomalies.push(noEquals(line, start, end - start));
    }
    start = end + 1;
  }
  if (!sections.some(({ title }) => title === 'Options')) {
    const message = 'section [Options] is missing';
    anomalies.push({ rule: 'directory/options-missing-section', offset: 0, length: text.length, message });
  }
  return { sections, anomalies };
}

type Line = { kind: 'value'; key: string; value: string } | { kind: 'other' | 'invalid'; key?: never };

/** What a line is, without white space around it. */
function lineOf(line: string): Line {
  if (line === '' || /^[;#]/.test(line) || /^\[.*\]$/.test(line)) return { kind: 'other' };
  const equals = line.indexOf('=');
  if (equals < 0) return { kind: 'invalid' };
  return { kind: 'value', key: line.slice(0, equals).trim(), value: line.slice(equals + 1).trim() };
}

/** A change to an OPTIONS file, in bytes of the file as it is. */
interface OptionsChange {
  offset: number;
  length: number;
  detail: string;
}

/**
 * The file without the lines that Pebble cannot read, and with another comparer and merger where they are given. Everything else stays as
 * it is, byte for byte.
 */
export function mendedPebbleOptions(
  bytes: Uint8Array,
  values: Pick<PebbleOptions, 'comparer' | 'merger'>,
): { bytes: Uint8Array; changes: OptionsChange[] } {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const kept: string[] = [];
  const changes: OptionsChange[] = [];
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline + 1;
    const line = text.slice(start, end);
    const { kind, key } = lineOf(line.trim());
    const value = key === 'comparer' || key === 'merger' ? values[key] : undefined;
    if (kind === 'invalid')
      changes.push({
        offset: start,
        length: end - start,
        detail: 'a line without an equals sign is left out',
      });
    else if (value === undefined) kept.push(line);
    else {
      kept.push(`  ${key}=${value}\n`);
      changes.push({ offset: start, length: end - start, detail: `the ${key} becomes ${value}` });
    }
    start = end;
  }
  return { bytes: Buffer.from(kept.join(''), 'latin1'), changes };
}

function noEquals(line: string, offset: number, length: number): Anomaly {
  return {
    rule: 'directory/options-line',
    offset,
    length,
    message: 'a line has no equals sign',
    evidence: { engine: `invalid key=value syntax: ${JSON.stringify(line.slice(0, 64))}` },
  };
}

/** The values that count. */
export function pebbleOptions({ sections }: OptionsFile): PebbleOptions {
  const values = sections.find(({ title }) => title === 'Options')?.values;
  const text = (name: string) => values?.get(name) || undefined;
  const strict = text('strict_wal_tail');
  const version = text('format_major_version');
  return {
    comparer: text('comparer'),
    merger: text('merger'),
    ...(strict !== undefined && { strictWalTail: strict !== 'false' }),
    ...(version !== undefined && /^\d{1,9}$/.test(version) && { formatVersion: Number(version) }),
    walDir: text('wal_dir'),
    keySchema: text('key_schema'),
  };
}
