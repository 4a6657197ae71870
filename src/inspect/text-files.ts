import { type BackupMeta, decodeBackupMeta } from '../format/backup.js';
import { decodeCurrent } from '../format/current.js';
import { parseOptions } from '../format/options.js';
import type { Node, Space } from './node.js';

/** A line of a text file as a node. */
function lineNode(
  bytes: Uint8Array,
  space: Space,
  offset: number,
  length: number,
  about: Partial<Node>,
): Node {
  return {
    name: 'line',
    at: { space, offset, length },
    bytes: bytes.subarray(offset, offset + length),
    ...about,
  };
}

/** Lines of `bytes[from, to)`: their offsets and lengths, newline included. */
function* lines(bytes: Uint8Array, from: number, to: number): Generator<{ offset: number; length: number }> {
  for (let offset = from; offset < to; ) {
    const newline = bytes.indexOf(0x0a, offset);
    const end = newline < 0 || newline >= to ? to : newline + 1;
    yield { offset, length: end - offset };
    offset = end;
  }
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

/** An OPTIONS file: its sections and the statements in them. */
export function* optionsNodes(bytes: Uint8Array, space: Space): Generator<Node> {
  const { sections, anomalies } = parseOptions(bytes);
  const about = (from: number, to: number) =>
    anomalies
      .filter(({ offset, length }) => offset >= from && offset < to && length < bytes.length)
      .map(({ message }) => message);
  let position = 0;
  for (const [i, section] of sections.entries()) {
    const { title, argument, offset } = section;
    // the title after a section counts as its last line
    const length = Math.min(section.length, (sections[i + 1]?.offset ?? bytes.length) - offset);
    if (offset > position) yield* statements(bytes, space, position, offset, about);
    const name = argument === undefined ? `[${title}]` : `[${title} "${argument}"]`;
    yield {
      name,
      at: { space, offset, length },
      text: `${section.values.size} options`,
      children: () => statements(bytes, space, offset, offset + length, about),
    };
    position = offset + length;
  }
  if (position < bytes.length) yield* statements(bytes, space, position, bytes.length, about);
}

function* statements(
  bytes: Uint8Array,
  space: Space,
  from: number,
  to: number,
  about: (from: number, to: number) => string[],
): Generator<Node> {
  for (const { offset, length } of lines(bytes, from, to)) {
    const text = latin1(bytes.subarray(offset, offset + length)).trim();
    const equals = text.indexOf('=');
    const problems = text.startsWith('[') ? [] : about(offset, offset + length);
    if (text.startsWith('#'))
      yield lineNode(bytes, space, offset, length, { name: 'comment', text, problems });
    else if (text === '' && problems.length === 0) continue;
    else if (text.startsWith('[')) yield lineNode(bytes, space, offset, length, { name: 'title', problems });
    else if (equals > 0)
      yield lineNode(bytes, space, offset, length, {
        name: text.slice(0, equals).trim(),
        value: text.slice(equals + 1).trim(),
        problems,
      });
    else yield lineNode(bytes, space, offset, length, { problems });
  }
}

/** What is wrong with an OPTIONS file as a whole. */
export function optionsProblems(bytes: Uint8Array): string[] {
  const whole = parseOptions(bytes).anomalies.filter(({ length }) => length >= bytes.length);
  return whole.map(({ message }) => message);
}

/** A backup's meta file: header lines and the files that it lists. */
export function* backupNodes(bytes: Uint8Array, space: Space): Generator<Node> {
  const meta = decodeBackupMeta(bytes);
  const files = new Map(meta.files.map((file) => [file.entry.offset, file]));
  // each value once, in the order of the lines
  const head = headOf(meta);
  for (const { offset, length } of lines(bytes, 0, bytes.length)) {
    const text = latin1(bytes.subarray(offset, offset + length)).replace(/\n$/, '');
    const problems = meta.anomalies
      .filter((anomaly) => anomaly.offset === offset && anomaly.length === length)
      .map(({ message }) => message);
    const file = files.get(offset);
    const about: Partial<Node> =
      file !== undefined
        ? { name: 'file', value: file.path, text: text.slice(text.indexOf(' ') + 1) }
        : head[0]?.[0] === text
          ? head.shift()![1]
          : {};
    yield lineNode(bytes, space, offset, length, { problems, ...about });
  }
}

/** A line's text and what it is. */
type Line = [string, Partial<Node>];

/** The lines before the files, and what each of them is. */
function headOf({ schema, timestamp, sequence, metadata, count }: BackupMeta): Line[] {
  const line = (name: string, value: Node['value']): Line => [String(value), { name, value }];
  return [
    ...(schema === '1' ? [] : [[`schema_version ${schema}`, { name: 'schema', value: schema }] as Line]),
    ...(timestamp === undefined
      ? []
      : [[String(timestamp), { name: 'timestamp', value: timestamp, text: timeText(timestamp) }] as Line]),
    ...(sequence === undefined ? [] : [line('sequence', sequence)]),
    ...(metadata === undefined
      ? []
      : [[`metadata ${metadata}`, { name: 'metadata', value: Buffer.from(metadata, 'hex') }] as Line]),
    ...(count === undefined ? [] : [line('number of files', count)]),
  ];
}

/** What is wrong with a meta file as a whole, or after its last line. */
export function backupProblems(bytes: Uint8Array): string[] {
  const { anomalies } = decodeBackupMeta(bytes);
  const loose = anomalies.filter(({ length }) => length === 0 || length === bytes.length);
  return loose.map(({ message }) => message);
}

/** Seconds since 1970 as a date; empty where that is none. */
function timeText(seconds: number): string {
  return seconds < 253_402_300_800 ? new Date(seconds * 1000).toISOString() : '';
}

/** CURRENT: one line. */
export function* currentNodes(bytes: Uint8Array, space: Space): Generator<Node> {
  const { manifest, anomalies } = decodeCurrent(bytes);
  yield {
    name: 'manifest',
    at: { space, offset: 0, length: bytes.length },
    bytes,
    ...(manifest !== undefined && { value: manifest }),
    problems: anomalies.map(({ message }) => message),
  };
}

/** IDENTITY and other files of text: their lines. */
export function* textNodes(bytes: Uint8Array, space: Space): Generator<Node> {
  for (const { offset, length } of lines(bytes, 0, bytes.length))
    yield lineNode(bytes, space, offset, length, {
      text: latin1(bytes.subarray(offset, offset + Math.min(length, 256))).trimEnd(),
    });
}
