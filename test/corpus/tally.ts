import type { CorpusCase } from './corpus.js';

/** What repairs of one kind of damage come to. */
export interface Sums {
  databases: number;
  entries: number;
  lost: number;
  /** Entries of those databases that `ldb repair` of 7.8 can read, and what it loses of them. */
  ldbEntries: number;
  ldbLost: number;
}

const rows: [string, (c: CorpusCase) => boolean][] = [
  ['CURRENT missing, or without newline', ({ kind }) => kind === 'current'],
  ['MANIFEST gives a table a wrong size', ({ cls }) => cls === 'size-mismatch'],
  ['MANIFEST missing, cut, one bit flipped', ({ kind }) => kind === 'manifest'],
  ['blob file: one bit', ({ kind, cls }) => kind === 'blob' && cls === 'bitflip'],
  ['blob file: cut, or missing', ({ kind }) => kind === 'blob'],
  ['table: one bit in range tombstones or dictionary', ({ part = '' }) => /^(rangedel|dict)$/.test(part)],
  [
    'table: one bit in index, metaindex, properties, filter, checksum or type byte; footer overwritten',
    ({ cls, part = '' }) =>
      cls === 'footer' || (cls === 'bitflip' && part !== '' && !/^(data|block)/.test(part)),
  ],
  ['table: one bit in a data block', ({ cls }) => cls === 'bitflip'],
  ['table: swapped with another', ({ cls }) => cls === 'swapped-file'],
  ['table: 512 bytes zeroed', ({ cls }) => cls === 'zeroed'],
  ['table: cut in half', ({ cls }) => cls === 'truncated'],
  ['table: missing, or empty', ({ cls }) => cls === 'missing-file' || cls === 'empty'],
  ['table: keys out of order, or counts that do not fit, under valid checksums', () => true],
];

/** The line of the table that a case belongs to. */
export function rowOf(c: CorpusCase): string {
  return rows.find(([, fits]) => fits(c))![0];
}

const number = (value: number) => value.toLocaleString('en');

export class Tally {
  private readonly sums = new Map<string, Sums>();

  add(row: string, more: Partial<Sums>): void {
    const sums = this.sums.get(row) ?? { databases: 0, entries: 0, lost: 0, ldbEntries: 0, ldbLost: 0 };
    for (const [key, value] of Object.entries(more)) sums[key as keyof Sums] += value;
    this.sums.set(row, sums);
  }

  /** A table in Markdown. */
  lines(): string[] {
    const body = rows.flatMap(([row]) => {
      const sums = this.sums.get(row);
      if (sums === undefined) return [];
      const { databases, entries, lost, ldbEntries, ldbLost } = sums;
      const ldb = ldbEntries === 0 ? '–' : `${number(ldbLost)} of ${number(ldbEntries)}`;
      return [`| ${row} | ${databases} | ${number(lost)} of ${number(entries)} | ${ldb} |`];
    });
    return [
      '| damage | databases | visible entries lost | `ldb repair` |',
      '| --- | --- | --- | --- |',
      ...body,
    ];
  }
}
