import type { ByteSource } from '../../bytes/source.js';
import { LogWriter } from '../../encode/log/writer.js';
import type { DialectName } from '../../format/dialect.js';
import type { Damage } from '../../format/log/damage.js';
import { LogParser } from '../../format/log/parser.js';
import { readLog } from '../../format/log/read.js';
import type { FilePlace } from '../place.js';
import type { Segment } from '../plan.js';
import { Refusal } from '../refusal.js';

/** Bytes of rewritten records that a plan holds in memory. */
const REWRITE_LIMIT = 512 << 20;

/** The largest log number that the headers of recyclable records can hold; RocksDB takes records under a larger one for an older log's. */
const RECYCLABLE_NUMBERS = 0xffffffffn;

/** A whole logical record of the old file, decompressed. The batch is a view that is valid during the call only. */
interface OldRecord {
  offset: number;
  end: number;
  batch: Uint8Array;
}

interface RebuildRules {
  /** What the new file holds in the place of a record: the same batch, another one, or nothing. */
  record(old: OldRecord): Uint8Array | undefined;
  /** What can be had of bytes that are no whole record: batches, in order. Default: nothing. */
  damage?(damage: Damage): Promise<Uint8Array[]>;
}

interface Rebuilt {
  content: Segment[];
  /** Bytes of the old file that stay as they are, from its first. */
  prefix: number;
  /** Records written anew after the prefix. */
  rewritten: number;
  size: number;
}

/**
 * The content of a WAL that holds what the rules keep of an old one. As long as nothing is left out the old bytes stay; from
 * there on records are framed anew, in the file's own style, so that no reader finds anything but whole records.
 */
export async function rebuildWal(
  source: ByteSource,
  place: FilePlace,
  log: { number: bigint; dialect: DialectName },
  rules: RebuildRules,
): Promise<Rebuilt> {
  const rebuild = new Rebuild(source, place, log, rules);
  return rebuild.run();
}

class Rebuild {
  private readonly parser: LogParser;
  private prefix = 0;
  private intact = true;
  private writer: LogWriter | undefined;
  private readonly parts: Uint8Array[] = [];
  private bytes = 0;
  private rewritten = 0;
  /** Headers of the records that begin the file; what follows in another style is written in this one. */
  private recyclable: boolean | undefined;
  private recorded: ReadonlyMap<number, number> = new Map();
  /** Timestamp sizes that the file states and the new one does not yet. */
  private unwritten = new Map<number, number>();

  constructor(
    source: ByteSource,
    private readonly place: FilePlace,
    private readonly log: { number: bigint; dialect: DialectName },
    private readonly rules: RebuildRules,
  ) {
    this.parser = new LogParser(source, log);
  }

  async run(): Promise<Rebuilt> {
    const tail = await readLog(this.parser, {
      record: () => this.record(),
      metadata: () => this.metadata(),
      damage: (damage) => this.damage(damage),
    });
    if (tail?.damage !== undefined && (tail.kind === 'torn-body' || tail.kind === 'damaged')) {
      await this.damage(tail.damage);
    }
    const { place, prefix } = this;
    const head: Segment[] = prefix > 0 ? [{ from: 'file', ...place, offset: 0, length: prefix }] : [];
    const anew: Segment[] = this.parts.length > 0 ? [{ from: 'plan', bytes: Buffer.concat(this.parts) }] : [];
    return { content: [...head, ...anew], prefix, rewritten: this.rewritten, size: prefix + this.bytes };
  }

  private record(): undefined {
    const { record } = this.parser;
    if (record.oversized) {
      throw new Refusal(
        'refused',
        `${this.place.path} has a record of ${record.storedLength} bytes at ${record.offset}, which is more than kvdoctor puts together`,
      );
    }
    const { offset, endOffset: end } = record;
    if (this.parser.style === 'recyclable' && this.log.number > RECYCLABLE_NUMBERS) this.intact = false;
    this.recyclable ??= this.parser.style === 'recyclable' && this.intact;
    const batch = record.bytes.subarray(record.start, record.end);
    const kept =
      record.decompressionError === undefined ? this.rules.record({ offset, end, batch }) : undefined;
    if (kept === batch && this.intact) {
      this.prefix = end;
      return;
    }
    this.intact = false;
    if (kept !== undefined) this.write(kept);
  }

  private async damage(damage: Damage): Promise<void> {
    this.intact = false;
    for (const batch of (await this.rules.damage?.(damage)) ?? []) this.write(batch);
  }

  private metadata(): undefined {
    const { record, timestampSizes } = this.parser;
    if (this.intact) {
      this.prefix = record.endOffset;
    } else {
      for (const [id, size] of timestampSizes) if (!this.recorded.has(id)) this.unwritten.set(id, size);
    }
    this.recorded = timestampSizes;
  }

  private write(batch: Uint8Array): void {
    const {
      parser,
      log: { number },
      prefix,
    } = this;
    this.writer ??= new LogWriter({
      number,
      offset: prefix,
      recyclable: this.recyclable ?? false,
      // without a prefix there is no compression record either
      compressed: parser.compressed && prefix > 0,
    });
    if (this.unwritten.size > 0) {
      this.push(this.writer.timestampSizes(this.unwritten));
      this.unwritten = new Map();
    }
    this.push(this.writer.record(batch));
    this.rewritten++;
  }

  private push(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    if (this.bytes > REWRITE_LIMIT) {
      throw new Refusal(
        'refused',
        `${this.place.path} would have to be written anew from ${this.prefix} on, more than ${REWRITE_LIMIT >> 20} MiB`,
        'point-in-time cuts the file instead',
      );
    }
    this.parts.push(bytes.slice());
  }
}
