import { type KeyBytes, keyBytes } from '../finding/evidence.js';
import type { WideColumn } from '../format/batch/entity.js';
import type { ColumnFamily } from '../format/manifest/version.js';
import { type ExportedEntry, type ExportSink, heldBytes } from './entries.js';
import { jsonPieces } from './json-pieces.js';

/** An entry of more bytes is written in pieces: as one text it can be longer than a string may be. */
const LARGE = 1 << 20;

/**
 * Entries as lines of JSON: `{columnFamily, key, value, sequence, type}`, bytes as `{utf8?, base64}`. An entity has its columns,
 * a key whose operands could not be merged has them, oldest first. Where
 * versions are given as they stand, each line has `version`, what it is, in the place of `type`, and the table that it stands in.
 */
export class NdjsonSink implements ExportSink {
  readonly takesVersions = true;
  private name = '';
  private lines: string[] = [];
  /** An entry in pieces, after the lines. */
  private large: Iterable<string> | undefined;

  constructor(private readonly write: (text: string) => Promise<void>) {}

  async family({ name }: ColumnFamily): Promise<void> {
    this.name = name;
  }

  entry(entry: ExportedEntry): void {
    const { key, value, columns, unmerged } = entry;
    const isLarge = key.length + value.length + heldBytes(columns, unmerged) > LARGE;
    if (isLarge) this.large = jsonPieces(this.line(entry, (bytes) => bytes));
    else this.lines.push(JSON.stringify(this.line(entry, keyBytes)));
  }

  async flush(): Promise<void> {
    const { lines, large } = this;
    this.lines = [];
    this.large = undefined;
    if (lines.length > 0) await this.write(`${lines.join('\n')}\n`);
    if (large === undefined) return;
    for (const piece of large) await this.write(piece);
    await this.write('\n');
  }

  private line(
    { key, value, sequence, columns, unmerged, version }: ExportedEntry,
    shown: (bytes: Uint8Array) => KeyBytes | Uint8Array,
  ): object {
    const base = { columnFamily: this.name, key: shown(key) };
    const wide = columns && {
      columns: columns.map((column: WideColumn) => ({
        name: shown(column.name),
        value: shown(column.value),
      })),
    };
    if (version !== undefined) {
      const { type, file } = version;
      const held = /delete/.test(type) ? {} : { value: shown(value) };
      const what = type === 'range-delete' ? { end: shown(value) } : (wide ?? held);
      const place = file === '' ? {} : { file };
      return { ...base, ...what, version: type, sequence: String(sequence), ...place };
    }
    const rest =
      unmerged !== undefined
        ? {
            ...(unmerged.base && { value: shown(unmerged.base) }),
            operands: unmerged.operands.map((operand) => shown(operand)),
            type: 'merge',
          }
        : wide !== undefined
          ? { ...wide, type: 'entity' }
          : { value: shown(value), type: 'put' };
    return { ...base, ...rest, sequence: String(sequence) };
  }
}
