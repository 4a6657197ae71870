import { keyBytes } from '../finding/evidence.js';
import type { WideColumn } from '../format/batch/entity.js';
import type { ColumnFamily } from '../format/manifest/version.js';
import type { ExportedEntry, ExportSink } from './entries.js';

function columnsOf(columns: readonly WideColumn[]) {
  return { columns: columns.map(({ name, value }) => ({ name: keyBytes(name), value: keyBytes(value) })) };
}

/**
 * Entries as lines of JSON: `{columnFamily, key, value, sequence, type}`, bytes as `{utf8?, base64}`. An entity has its columns,
 * a key whose operands could not be merged has them, oldest first. Where
 * versions are given as they stand, each line has `version`, what it is, in the place of `type`, and the table that it stands in.
 */
export class NdjsonSink implements ExportSink {
  readonly takesVersions = true;
  private name = '';
  private lines: string[] = [];

  constructor(private readonly write: (text: string) => Promise<void>) {}

  async family({ name }: ColumnFamily): Promise<void> {
    this.name = name;
  }

  entry({ key, value, sequence, columns, unmerged, version }: ExportedEntry): void {
    const base = { columnFamily: this.name, key: keyBytes(key) };
    if (version !== undefined) {
      const { type, file } = version;
      const held = /delete/.test(type) ? {} : { value: keyBytes(value) };
      const what = type === 'range-delete' ? { end: keyBytes(value) } : columns ? columnsOf(columns) : held;
      const place = file === '' ? {} : { file };
      this.lines.push(
        JSON.stringify({ ...base, ...what, version: type, sequence: String(sequence), ...place }),
      );
      return;
    }
    const rest =
      unmerged !== undefined
        ? {
            ...(unmerged.base && { value: keyBytes(unmerged.base) }),
            operands: unmerged.operands.map((operand) => keyBytes(operand)),
            type: 'merge',
          }
        : columns !== undefined
          ? { ...columnsOf(columns), type: 'entity' }
          : { value: keyBytes(value), type: 'put' };
    this.lines.push(JSON.stringify({ ...base, ...rest, sequence: String(sequence) }));
  }

  async flush(): Promise<void> {
    if (this.lines.length === 0) return;
    const text = `${this.lines.join('\n')}\n`;
    this.lines = [];
    await this.write(text);
  }
}
