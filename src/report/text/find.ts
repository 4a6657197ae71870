import type { Profile } from '../../app/profile.js';
import type { FindReport, KeyReport } from '../../find/find.js';
import type { FoundVersion, Status } from '../../find/found.js';
import { counted } from '../../finding/quantity.js';
import { VALUE_TYPE, valueTypeName } from '../../format/sst/internal-key.js';
import { printable, printableBytes } from '../printable.js';
import type { Palette, RenderSettings } from '../reporter.js';
import { paragraph } from './layout.js';

/** Bytes of a value that are shown, and all of them. */
const SHOWN = 64;
/** Unread places that are listed. */
const UNREAD_SHOWN = 8;

/** Every version of each key, newest first, with where it stands and what a reader makes of it. */
export function* findText(report: FindReport, settings: RenderSettings): Generator<string> {
  for (const key of report.keys) yield* keyText(key, report, settings);
  if (report.keys.length === 0) yield* nothingText(report, settings);
  if (report.moreKeys) yield settings.palette.dim('more keys begin like that: --limit shows more\n');
  for (const reason of report.unchecked)
    yield `${paragraph(printable(reason), settings.width, settings.palette.warning('unchecked '))}\n`;
  yield* unreadText(report, settings);
  yield searchedText(report, settings);
}

function shown(bytes: Uint8Array, settings: RenderSettings, length = bytes.length): string {
  const limit = settings.verbose ? Number.POSITIVE_INFINITY : SHOWN;
  const text = printableBytes(bytes, limit);
  return length > bytes.length ? `${text} (${counted(length, 'byte')})` : text;
}

function* keyText(report: KeyReport, { profile }: FindReport, settings: RenderSettings): Generator<string> {
  const { family, key, versions, tombstones, dropped, said } = report;
  const { palette, width } = settings;
  const name = family.name === undefined ? `column family ${family.id}` : printable(family.name);
  yield `${palette.strong(shown(key, settings))} in ${name}\n`;
  if (said !== undefined) yield `${paragraph(printable(said), width, '  ')}\n`;
  yield `${paragraph(readerText(report, settings), width, '  a reader gets  ')}\n`;
  for (const version of [...versions, ...tombstones].sort(bySequence))
    yield* versionText(version, settings, profile);
  if (report.doubt !== undefined) yield `${paragraph(palette.warning(report.doubt), width, '  but ')}\n`;
  if (dropped > 0) yield palette.dim(`  … and ${counted(dropped, 'version')} more\n`);
  yield '\n';
}

/** Newest first, range tombstones among the versions; a tombstone stands above what it deletes. */
function bySequence(a: FoundVersion, b: FoundVersion): number {
  if (a.sequence === undefined || b.sequence === undefined)
    return Number(a.sequence === undefined) - Number(b.sequence === undefined);
  return a.sequence === b.sequence ? 0 : a.sequence > b.sequence ? -1 : 1;
}

function readerText({ reader }: KeyReport, settings: RenderSettings): string {
  const { palette } = settings;
  switch (reader.state) {
    case 'value': {
      const columns =
        reader.columns === undefined ? '' : `, the default one of ${counted(reader.columns, 'column')}`;
      return `${palette.good(shown(reader.value, settings, reader.valueLength))}${columns}`;
    }
    case 'unmerged':
      return `${counted(reader.operands, 'operand')}, merged by an operator that kvdoctor does not know`;
    case 'nothing':
      return palette.warning('nothing');
    case 'unreadable':
      return palette.error(`an error: ${printable(reader.file)}: ${printable(reader.message)}`);
    case 'unknown':
      return palette.warning(`not known: ${reader.reason}`);
  }
}

const uses: Record<FoundVersion['file']['use'], string> = {
  live: '',
  obsolete: 'obsolete WAL',
  archived: 'archived WAL',
  lost: 'in lost/',
  unreferenced: 'not in the MANIFEST',
};

/** `000014.sst 0x2c+44, level 0`. */
function placeText({ file, at, inner }: FoundVersion): string {
  const offset = `0x${at.offset.toString(16)}`;
  const place = inner === undefined ? offset : `${offset}/0x${inner.toString(16)}`;
  const level = file.level === undefined ? '' : `, level ${file.level}`;
  const use = uses[file.use] === '' ? '' : `, ${uses[file.use]}`;
  return `${printable(file.entry.file)} at ${place}${level}${use}`;
}

/** `@197 in 000017.log`. */
function nameOf({ sequence, file }: FoundVersion): string {
  return `@${sequence ?? '?'} in ${printable(file.entry.file)}`;
}

function statusText({ status, by, file }: FoundVersion): string {
  const texts: Record<Status, string> = {
    visible: 'what a reader gets',
    deletes: 'deletes the key',
    operand: 'merged into what a reader gets',
    shadowed: by === undefined ? 'shadowed' : `shadowed by ${nameOf(by)}`,
    'range-deleted': by === undefined ? 'range-deleted' : `deleted by the range tombstone ${nameOf(by)}`,
    'range-tombstone': 'deletes what is older in its range',
    unseen: 'newer than what a reader sees, or of a transaction that is not decided',
    'not-live': file.kind === 'blob' ? '' : 'not looked at by the database',
    flushed: 'flushed to a table since',
    'not-applied': 'not applied by recovery',
    unreadable: 'a reader that comes to it gets an error',
    unknown: '',
  };
  return texts[status];
}

function paintOf({ status }: FoundVersion, palette: Palette): (text: string) => string {
  if (status === 'visible' || status === 'operand') return palette.good;
  if (status === 'unreadable') return palette.error;
  return status === 'deletes' || status === 'range-tombstone' ? palette.warning : palette.dim;
}

function* versionText(version: FoundVersion, settings: RenderSettings, profile?: Profile): Generator<string> {
  const { palette, width } = settings;
  const { sequence, type, damaged, note, blob, timestamp } = version;
  const kind = type === undefined ? 'blob record' : valueTypeName(type);
  const head = `  ${`@${sequence ?? '?'}`.padEnd(8)} ${kind.padEnd(12)} ${placeText(version)}`;
  yield `${palette.strong(head)}\n`;
  const lines = [
    paintOf(version, palette)(statusText(version)),
    ...(timestamp === undefined ? [] : [`timestamp ${timestampText(timestamp)}`]),
    valueText(version, settings),
    printable(valueSaid(version, profile) ?? ''),
    ...(blob === undefined ? [] : [blobText(version)]),
    ...(damaged === undefined ? [] : [palette.error(`damaged: ${printable(damaged)}`)]),
    ...(note === undefined ? [] : [printable(note)]),
  ];
  const indent = ' '.repeat(13);
  for (const line of lines) {
    if (line === '') continue;
    // a value is cut, not broken: it has no words
    yield line.startsWith('= ') && !settings.verbose
      ? `${indent}${elidedEnd(line, width - indent.length)}\n`
      : `${paragraph(line, width, indent)}\n`;
  }
}

/** ASCII text in at most `width` columns. */
function elidedEnd(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(1, width - 1))}…`;
}

/** A u64, as RocksDB's own comparator has it; a damaged key may have fewer bytes. */
function timestampText(timestamp: Uint8Array): string {
  const bytes = Buffer.from(timestamp);
  return bytes.length === 8 ? String(bytes.readBigUInt64LE(0)) : bytes.toString('hex');
}

function valueText(version: FoundVersion, settings: RenderSettings): string {
  const { type, key, value, valueLength } = version;
  const name = type === undefined ? '' : valueTypeName(type);
  if (name === 'range-delete') return `from ${shown(key, settings)} to ${shown(value, settings)}`;
  if (/delete/.test(name)) return '';
  return `= ${shown(value, settings, valueLength)}`;
}

/** The application's text for the value; nothing for an incomplete value. */
export function valueSaid(version: FoundVersion, profile: Profile | undefined): string | undefined {
  const { type, family, key, value, valueLength, blob } = version;
  const isRead = type === VALUE_TYPE.blobIndex && blob !== undefined && blob.error === undefined;
  if ((type !== VALUE_TYPE.put && !isRead) || valueLength > value.length) return undefined;
  return profile?.valueText(family.id, key, value);
}

function blobText({ blob }: FoundVersion): string {
  if (blob === undefined) return '';
  const { file, offset, length, error, valueInBlock } = blob;
  const what = valueInBlock === undefined ? 'value in' : `value ${valueInBlock} of the block in`;
  const place = `${what} ${printable(file)} at 0x${offset.toString(16)}, ${counted(length, 'byte')}`;
  return error === undefined ? place : `${place}: ${printable(error)}`;
}

function* nothingText({ tombstones }: FindReport, settings: RenderSettings): Generator<string> {
  yield settings.palette.strong('No version of the key was found.\n');
  if (tombstones.length > 0) yield 'Range tombstones over it:\n';
  for (const tombstone of tombstones) yield* versionText(tombstone, settings);
  yield '\n';
}

function* unreadText({ unread }: FindReport, settings: RenderSettings): Generator<string> {
  if (unread.length === 0) return;
  const { palette, width, verbose } = settings;
  yield palette.warning('What could not be read may hold more:\n');
  const listed = verbose ? unread : unread.slice(0, UNREAD_SHOWN);
  for (const { file, offset, length, message } of listed) {
    const place =
      offset === undefined
        ? ''
        : ` at 0x${offset.toString(16)}${length ? `, ${counted(length, 'byte')}` : ''}`;
    yield `${paragraph(`${printable(file)}${place}: ${printable(message)}`, width, '  ')}\n`;
  }
  if (listed.length < unread.length)
    yield palette.dim(`  … and ${counted(unread.length - listed.length, 'place')} more (--verbose)\n`);
  yield '\n';
}

function searchedText({ searched, recovery, interrupted }: FindReport, settings: RenderSettings): string {
  const { wals, tables, blobFiles } = searched;
  const where = [
    counted(wals, 'WAL'),
    counted(tables, 'table'),
    ...(blobFiles > 0 ? [counted(blobFiles, 'blob file')] : []),
  ];
  const seen =
    recovery === undefined
      ? ''
      : ` A reader is taken to see up to sequence ${recovery.lastSequence}, as recovery in ${recovery.mode} mode leaves it.`;
  const own =
    recovery?.ownError === undefined
      ? ''
      : ` The database's own mode does not open it: ${printable(recovery.ownError)}.`;
  const cut = interrupted ? 'Interrupted: not everything was searched. ' : '';
  return `${paragraph(settings.palette.dim(`${cut}Searched ${where.join(', ')}.${seen}${own}`), settings.width, '')}\n`;
}
