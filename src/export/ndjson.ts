import { keyBytes } from '../finding/evidence.js';
import type { ColumnFamily } from '../format/manifest/version.js';
import type { ExportedEntry, ExportSink } from './entries.js';

/**
 * Entries as lines of JSON: `{columnFamily, key, value, sequence, type}`, bytes as `{utf8?, base64}`. An entity has its columns,
 * a key whose operands could not be merged has them, oldest first.
 */
export class NdjsonSink implements ExportSink {
  private name = '';
  private lines: string[] = [];

  constructor(private readonly write: (text: string) => Promise<void>) {}

  async family({ name }: ColumnFamily): Promise<void> {
    this.name = name;
  }

  entry({ key, value, sequence, columns, unmerged }: ExportedEntry): void {
    const base = { columnFamily: this.name, key: keyBytes(key) };
    const rest =
      unmerged !== undefined
        ? {
            ...(unmerged.base && { value: keyBytes(unmerged.base) }),
            operands: unmerged.operands.map((operand) => keyBytes(operand)),
            type: 'merge',
          }
        : columns !== undefined
          ? {
              columns: columns.map((column) => ({
                name: keyBytes(column.name),
                value: keyBytes(column.value),
              })),
              type: 'entity',
            }
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
