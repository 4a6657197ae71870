/**
 * The meta file of one backup in a BackupEngine directory, `meta/<id>` (rocksdb utilities/backup/backup_engine.cc
 * `LoadFromFile`). Lines of text, each ended by one newline:
 *
 *   schema_version 2.1                          absent in schema 1, which is what the engine writes unless told otherwise
 *   1795295907                                  Unix time, seconds
 *   1306                                        sequence number, about
 *   metadata 4A6F62                             optional: what the application said, in hex
 *   5                                           number of files: the first line that begins with a digit ends the head
 *   shared_checksum/000008_sH1SL_980.sst crc32 2479265108
 *   private/1/CURRENT crc32 238867434 size 16   fields after the first are schema 2's
 *   // FOOTER                                   schema 2, optional, then further fields
 *
 * `crc32` is the CRC-32C of the whole file, not masked, in decimal without leading zeros.
 *
 * The engine is lenient where it reads numbers (`strtoull`: the digits that stand first, 0 without any), after the last field of a
 * line (one space), and after the last newline. What it never writes and reads all the same is `backup/meta-unusual`.
 */
import type { Anomaly, Range } from '../finding/finding.js';

/** A meta file larger than this is not read to its end. Bytes; a file takes about 90 in it. */
export const META_LIMIT = 64 << 20;

/** One file of a backup, as its meta file tells. */
export interface BackupFile {
  /** Relative to the backup directory, `shared_checksum/000008_sH1SL_980.sst`. Never leads out of it. */
  path: string;
  /** CRC-32C of the whole file. */
  crc?: number;
  /** Bytes; schema 2 only. */
  size?: number;
  temperature?: string;
  /** The bytes are kept elsewhere, in another backup directory (`ni::excluded`). */
  excluded: boolean;
  /** Its line in the meta file. */
  entry: Range;
}

export interface BackupMeta {
  /** `1`, `2`, `2.1`, or what else the first line says. */
  schema: string;
  /** Unix time, seconds. */
  timestamp?: number;
  sequence?: bigint;
  /** Hex, as it stands. */
  metadata?: string;
  /** Files that the meta file says it lists. */
  count?: number;
  files: BackupFile[];
  anomalies: Anomaly[];
}

interface Line extends Range {
  text: string;
}

interface State {
  meta: BackupMeta;
  lines: Line[];
  next: number;
  size: number;
}

/** Whether the engine would refuse the backup for an anomaly of its meta file. */
export function isRefusal({ rule }: Anomaly): boolean {
  return rule !== 'backup/meta-unusual';
}

/** Reads a meta file. Files before what the engine refuses are still given. */
export function decodeBackupMeta(bytes: Uint8Array): BackupMeta {
  const meta: BackupMeta = { schema: '1', files: [], anomalies: [] };
  const { lines, torn } = linesOf(bytes);
  const state: State = { meta, lines, next: 0, size: bytes.length };
  const readable = readHead(state);
  if (readable) readFiles(state);
  if (torn !== undefined) readTorn(state, torn);
  return meta;
}

/** Bytes after the last newline, which the engine never sees. They matter where a line is missing. */
function readTorn({ meta }: State, torn: Range): void {
  const cut = meta.anomalies.some(({ rule }) => rule === 'backup/meta-truncated');
  const evidence = {
    listed: meta.files.length,
    ...(meta.count === undefined ? {} : { count: meta.count }),
  };
  if (!cut) {
    meta.anomalies.push({
      rule: 'backup/meta-unusual',
      ...torn,
      message: `${torn.length} bytes stand after the last line; the engine does not read them`,
      evidence,
    });
    return;
  }
  // what a cut line leads to is not said as well
  meta.anomalies = meta.anomalies.filter(({ rule }) => rule !== 'backup/meta-truncated');
  meta.anomalies.push({
    rule: 'backup/meta-truncated',
    ...torn,
    message: 'the file ends inside a line, which the engine does not read',
    evidence,
  });
}

function linesOf(bytes: Uint8Array): { lines: Line[]; torn?: Range } {
  // one character a byte, so that positions are offsets
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const lines: Line[] = [];
  let offset = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', offset)) {
    lines.push({ offset, length: end + 1 - offset, text: text.slice(offset, end) });
    offset = end + 1;
  }
  return offset < text.length ? { lines, torn: { offset, length: text.length - offset } } : { lines };
}

/** What strtoull makes of a line: the digits that stand first, 0 without any. */
function leadingNumber(text: string): bigint {
  return BigInt(/^\d{1,20}/.exec(text)?.[0] ?? 0);
}

/** A number that stands alone on its line; what else the line holds is said. */
function numberLine(state: State, line: Line, what: string): bigint {
  const value = leadingNumber(line.text);
  if (!/^\d{1,20}$/.test(line.text))
    unusual(state, line, `the line of ${what} is not just a number: the engine reads ${value}`);
  return value;
}

/** Up to the number of files. False when what follows cannot be understood. */
function readHead(state: State): boolean {
  const { meta } = state;
  if (state.lines[0]?.text.startsWith('schema_version ')) {
    const line = state.lines[state.next++];
    meta.schema = line.text.slice('schema_version '.length);
    if (meta.schema !== '2' && !meta.schema.startsWith('2.')) {
      return malformed(state, line, `Unsupported/unrecognized schema version: ${clipped(meta.schema)}`);
    }
  }
  const timestamp = state.lines[state.next++];
  if (timestamp === undefined) return ended(state, 'before the timestamp');
  if (timestamp.text === '' && meta.schema === '1')
    return malformed(state, timestamp, 'Unexpected empty line');
  meta.timestamp = Number(numberLine(state, timestamp, 'the timestamp'));
  const sequence = state.lines[state.next++];
  if (sequence === undefined) return ended(state, 'before the sequence number');
  meta.sequence = numberLine(state, sequence, 'the sequence number');
  return readFields(state);
}

function readFields(state: State): boolean {
  const { meta } = state;
  for (;;) {
    const line = state.lines[state.next++];
    if (line === undefined) return ended(state, 'before the number of files');
    if (line.text === '') return malformed(state, line, 'Unexpected empty line');
    if (/^\d/.test(line.text)) {
      meta.count = Number(numberLine(state, line, 'the number of files'));
      return true;
    }
    const [field, ...value] = line.text.split(' ');
    if (value.length === 0) return malformed(state, line, 'Expected number of files or meta field');
    if (field === 'metadata') {
      const hex = value.join(' ');
      if (!/^(?:[0-9a-fA-F]{2})*$/.test(hex)) return malformed(state, line, 'the metadata is not hex');
      meta.metadata = hex;
    } else if (meta.schema === '1') {
      return malformed(state, line, 'Expected number of files or "metadata" field');
    } else if (field.startsWith('ni::')) {
      return malformed(state, line, `Unrecognized non-ignorable meta field ${clipped(field)}`);
    }
  }
}

function readFiles(state: State): void {
  const { meta, lines } = state;
  const seen = new Map<string, BackupFile>();
  let listed = 0;
  for (; state.next < lines.length; state.next++) {
    const line = lines[state.next];
    if (meta.schema !== '1' && line.text === '// FOOTER') {
      readFooter(state);
      break;
    }
    const file = readFile(state, line);
    if (file === undefined) continue;
    if (!file.excluded) listed++;
    const before = seen.get(file.path);
    if (before === undefined) {
      seen.set(file.path, file);
      meta.files.push(file);
    } else if (before.crc !== file.crc) {
      malformed(state, line, `${clipped(file.path)} is listed twice, with different checksums`);
    } else {
      unusual(state, line, `${clipped(file.path)} is listed twice; the engine reads both lines`);
    }
  }
  checkCount(state, listed);
}

function checkCount({ meta, size }: State, listed: number): void {
  if (meta.count === undefined || meta.anomalies.some(isRefusal)) return;
  if (listed < meta.count) {
    meta.anomalies.push({
      rule: 'backup/meta-truncated',
      offset: size,
      length: 0,
      message: `the file ends after ${listed} of ${meta.count} files`,
      evidence: { listed, count: meta.count },
    });
  } else if (listed > meta.count) {
    meta.anomalies.push({
      rule: 'backup/meta-malformed',
      offset: 0,
      length: size,
      message: `${listed} files are listed where ${meta.count} are announced`,
      evidence: {
        listed,
        count: meta.count,
        engine: 'Inconsistent number of files or missing/incomplete header',
      },
    });
  } else if (listed === 0) {
    meta.anomalies.push({
      rule: 'backup/meta-malformed',
      offset: 0,
      length: size,
      message: 'no file is listed',
      evidence: { listed, engine: 'NotFound: Backup not found' },
    });
  }
}

function readFile(state: State, line: Line): BackupFile | undefined {
  const { meta } = state;
  if (line.text === '') return refused(state, line, 'Unexpected empty line');
  const [path, ...fields] = line.text.split(' ');
  // the engine's own splitting gives nothing for what would stand after the last space
  const trailing = fields.at(-1) === '' && fields.length > 1;
  if (trailing) fields.pop();
  const name = clipped(path);
  if (!staysInside(path)) return refused(state, line, `${name} leads out of the backup directory`);
  const file: BackupFile = {
    path: Buffer.from(path, 'latin1').toString('utf8'),
    excluded: false,
    entry: { offset: line.offset, length: line.length },
  };
  if (meta.schema === '1') {
    if (fields.length < 2) return refused(state, line, `File checksum is missing for ${name}`);
    if (fields[0] !== 'crc32') return refused(state, line, `Unknown checksum type for ${name}`);
    if (fields.length > 2) return refused(state, line, `Extra data for entry ${name}`);
  }
  for (let i = 0; i < fields.length; i += 2) {
    const error = setField(file, fields[i], fields[i + 1]);
    if (error !== undefined) return refused(state, line, `${error} ${name}`);
  }
  if (trailing) unusual(state, line, `the line of ${name} ends with a space`);
  return file;
}

/** Fills in one field of schema 2, of which schema 1 has only `crc32`. Returns what is wrong with it. */
function setField(file: BackupFile, field: string, value: string | undefined): string | undefined {
  if (value === undefined) return `the field ${clipped(field)} has no value in the line of`;
  switch (field) {
    case 'crc32': {
      const crc = Number(value);
      if (!/^(?:0|[1-9]\d{0,9})$/.test(value) || crc > 0xffffffff) return 'Invalid checksum value for';
      file.crc = crc;
      return undefined;
    }
    case 'size':
      file.size = Number(leadingNumber(value));
      return undefined;
    case 'temp':
      file.temperature = value;
      return undefined;
    case 'ni::excluded':
      if (value !== 'true' && value !== 'false') return 'Unrecognized value for file field ni::excluded of';
      file.excluded = value === 'true';
      return undefined;
    default:
      return field.startsWith('ni::')
        ? `Unrecognized non-ignorable file field ${clipped(field)} of`
        : undefined;
  }
}

function readFooter(state: State): void {
  for (state.next++; state.next < state.lines.length; state.next++) {
    const line = state.lines[state.next];
    const [field] = line.text.split(' ');
    if (line.text === '') malformed(state, line, 'Unexpected empty line');
    else if (field.startsWith('ni::'))
      malformed(state, line, `Unrecognized non-ignorable footer field ${clipped(field)}`);
  }
}

function malformed(state: State, line: Line, message: string): false {
  say(state, 'backup/meta-malformed', line, message);
  return false;
}

function unusual(state: State, line: Line, message: string): void {
  say(state, 'backup/meta-unusual', line, message);
}

function say({ meta }: State, rule: Anomaly['rule'], { offset, length, text }: Line, message: string): void {
  meta.anomalies.push({ rule, offset, length, message, evidence: { line: clipped(text) } });
}

function refused(state: State, line: Line, message: string): undefined {
  malformed(state, line, message);
  return undefined;
}

function ended({ meta, size }: State, where: string): false {
  meta.anomalies.push({
    rule: 'backup/meta-truncated',
    offset: size,
    length: 0,
    message: `the file ends ${where}`,
    evidence: { size },
  });
  return false;
}

function staysInside(path: string): boolean {
  return path !== '' && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/** Text from a damaged file, short enough for a message. */
function clipped(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]/g, '?');
  return plain.length > 80 ? `${plain.slice(0, 80)}…` : plain;
}
