/** A program that shows itself in a log. */
export interface Program {
  name: 'Kvrocks' | 'TiKV' | 'Restate' | 'RocksDB';
  pattern: RegExp;
  anchors: readonly string[];
}

/** The first group of a pattern is the version. */
export const programs: readonly Program[] = [
  {
    name: 'Kvrocks',
    pattern: /kvrocks version v?(\d+(?:\.\d+)*)|\[event_listener\/|kvrocks/i,
    anchors: ['kvrocks', '[event_listener/'],
  },
  {
    name: 'TiKV',
    pattern: /Release Version:\s*v?(\d+(?:\.\d+)*)|tikv/i,
    anchors: ['release version:', 'tikv'],
  },
  {
    name: 'Restate',
    // the version may stand behind another mention of the name
    pattern: /^(?=.*restate)(?:.*restate(?:[- ]server)?[ :/]+v?(\d+\.\d+\.\d+))?/i,
    anchors: ['restate'],
  },
  { name: 'RocksDB', pattern: /RocksDB version: (\d+(?:\.\d+)*)/i, anchors: ['rocksdb version:'] },
];

/** Whether version `a` comes before version `b`; both as `2.12.1`. */
export function isBefore(a: string, b: string): boolean {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
