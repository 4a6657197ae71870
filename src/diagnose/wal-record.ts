import type { ByteSource, SourceDescriptor } from '../bytes/source.js';
import type { WalFacts } from '../check/unit.js';
import { LogEvent, LogParser } from '../format/log/parser.js';
import { BLOCK_SIZE } from '../format/log/types.js';

/** A logical record and where its bytes come from. */
export interface LogicalRecord {
  /** Decompressed where the log is compressed. */
  bytes: Uint8Array;
  /** File offset of a byte of it; of a compressed one, of the record. */
  fileOffset(at: number): number;
}

/** As far behind its beginning as the end of a record is looked for. Bytes. */
const FURTHEST = 64 << 20;

/** The whole logical record that begins at file offset `offset`; undefined when there is none. */
export async function logicalRecordAt(
  source: ByteSource,
  facts: WalFacts,
  offset: number,
): Promise<LogicalRecord | undefined> {
  const base = Math.floor(offset / BLOCK_SIZE) * BLOCK_SIZE;
  const parser = new LogParser(new RestOfSource(source, base), {
    dialect: facts.dialect,
    number: facts.number,
  });
  parser.compressed = facts.compressed;
  for (;;) {
    switch (parser.step()) {
      case LogEvent.more:
        await parser.load();
        break;
      case LogEvent.metadata:
      case LogEvent.record: {
        const { record } = parser;
        if (base + record.offset < offset) break;
        if (base + record.offset > offset || record.oversized || record.decompressionError !== undefined)
          return undefined;
        return keep(record, base);
      }
      case LogEvent.end:
        return undefined;
      default:
        if (parser.record.offset + base > offset + FURTHEST) return undefined;
    }
  }
}

function keep(record: LogParser['record'], base: number): LogicalRecord {
  const bytes = record.bytes.slice(record.start, record.end);
  const { compressed, offset } = record;
  const fragments = record.payloadOffsets
    .slice(0, record.fragments)
    .map((at, i) => ({ at: base + at, length: record.payloadLengths[i] }));
  const fileOffset = (at: number): number => {
    if (compressed) return base + offset;
    let before = 0;
    for (const fragment of fragments) {
      if (at < before + fragment.length) return fragment.at + at - before;
      before += fragment.length;
    }
    const last = fragments.at(-1);
    return last === undefined ? base + offset : last.at + last.length;
  };
  return { bytes, fileOffset };
}

/** A source from a block on. */
class RestOfSource implements ByteSource {
  readonly size: number;

  constructor(
    private readonly inner: ByteSource,
    private readonly base: number,
  ) {
    this.size = Math.max(0, inner.size - base);
  }

  get descriptor(): SourceDescriptor {
    return this.inner.descriptor;
  }

  read(into: Uint8Array, offset: number): Promise<number> {
    return this.inner.read(into, offset + this.base);
  }

  async close(): Promise<void> {}
}
