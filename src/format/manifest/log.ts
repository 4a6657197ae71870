/**
 * A MANIFEST as a log (rocksdb db/version_set.cc, db/log_reader.cc). It is framed as a WAL, without recyclable headers,
 * compression and other record types. RocksDB reads it in its tolerate-corrupted-tail manner: what a kill in the middle of a
 * write leaves is the end of the file, anything else that is wrong is fatal. Three ends are kept apart: the clean one, the
 * tail that the engine tolerates in silence, and damage.
 */
import { unmaskCrc } from '../../bytes/crc32c.js';
import { hex32 } from '../../bytes/hexdump.js';
import type { ByteSource } from '../../bytes/source.js';
import type { EvidenceValue } from '../../finding/evidence.js';
import type { Anomaly, Range } from '../../finding/finding.js';
import { type DialectName, dialectNamed } from '../dialect.js';
import { type Assembly, MAX_FRAGMENTS } from '../log/assembly.js';
import type { Damage, Tail } from '../log/damage.js';
import { engineMessage } from '../log/engine-message.js';
import type { Fragment } from '../log/fragments.js';
import { LogParser } from '../log/parser.js';
import { readLog } from '../log/read.js';
import { BLOCK_SIZE, RECYCLABLE_HEADER, RecordType, SAFE_TO_IGNORE } from '../log/types.js';

/** A reassembled record. `payload` is valid during the call: copy what must outlive it. */
export interface ManifestRecord {
  payload: Uint8Array;
  /** File offset of the first fragment's header. */
  offset: number;
  /** File offset after the last fragment. */
  end: number;
  fragments: readonly Fragment[];
}

/** How a MANIFEST ends, when not by damage. */
export interface ManifestTail extends Range {
  /**
   * `clean`: after a whole record. `torn`: inside a record, as a kill leaves it. `zero-fill`: in zeros. `garbage`: in bytes
   * that are no record and would reach past the end. All but the first are ignored by the engine silently.
   */
  state: 'clean' | 'torn' | 'zero-fill' | 'garbage';
  detail: string;
}

export interface ManifestVisitor {
  record(record: ManifestRecord): void;
  /** A record of more than `MAX_EDIT_RECORD` bytes, or of more than `MAX_FRAGMENTS` fragments: it is not put together. */
  oversized(range: Range): void;
  /** Damage. With `evidence.engine` it ends the engine's reading (or would, had it not stopped before). */
  damage(anomaly: Anomaly): void;
}

/** A parser of a MANIFEST's framing. */
export function manifestParser(source: ByteSource, dialect?: DialectName): LogParser {
  return new LogParser(source, { dialect, contents: 'manifest' });
}

/** Visits every record and every damage of a MANIFEST from front to back, and says how it ends. */
export async function readManifestLog(
  source: ByteSource,
  visitor: ManifestVisitor,
  dialect?: DialectName,
): Promise<ManifestTail> {
  const events = new ManifestEvents(visitor, source.size);
  const tail = await readLog(manifestParser(source, dialect), {
    record: (record) => events.record(record),
    damage: (damage) => events.damage(damage),
  });
  return events.end(tail!);
}

/** Tells a visitor in the terms of a MANIFEST what the parser of its framing comes upon. State with a life: one file. */
export class ManifestEvents {
  /** Zeros that are the tail if nothing follows, and a hole if something does. */
  private zeros: Damage | undefined;
  private delivered = false;

  /** `size`: bytes of the file. */
  constructor(
    private readonly visitor: ManifestVisitor,
    private readonly size: number,
  ) {}

  record(record: Assembly): undefined {
    this.goesOn();
    this.delivered = true;
    const { offset, endOffset: end } = record;
    if (record.oversized || record.fragments > MAX_FRAGMENTS) {
      this.visitor.oversized({ offset, length: end - offset });
      return;
    }
    const payload = record.bytes.subarray(record.start, record.end);
    this.visitor.record({ payload, offset, end, fragments: record.places() });
  }

  damage(damage: Damage): undefined {
    const { zeros } = this;
    if (damage.reason !== 'zeros') {
      this.goesOn();
      this.tell(damage, true);
    } else if (zeros !== undefined && endOf(zeros) === damage.offset) {
      zeros.length += damage.length;
    } else {
      this.goesOn();
      this.zeros = damage;
      if (damage.recordOffset !== undefined) this.interrupted(damage);
    }
  }

  end({ kind, offset, length, damage }: Tail): ManifestTail {
    const end = offset + length;
    const ends = damage === undefined ? undefined : this.tailOf(damage, end);
    if (ends !== undefined) return ends;
    this.goesOn();
    if (kind === 'torn-fragments')
      return { state: 'torn', offset, length, detail: 'the file ends between the fragments of a record' };
    if (damage !== undefined) this.tell(damage, false);
    return { state: 'clean', offset: end, length: 0, detail: 'the file ends after a record' };
  }

  /** The end that the engine tolerates, with zeros before it; `undefined` when it is damage. */
  private tailOf(damage: Damage, end: number): ManifestTail | undefined {
    const { reason, header, recordOffset, inShortBlock } = damage;
    const areZeros =
      reason === 'zeros' || (header === undefined && damage.zeroed && recordOffset === undefined);
    if (!areZeros && (reason !== 'bad-length' || !inShortBlock)) return undefined;
    if (reason === 'zeros' && recordOffset !== undefined) this.interrupted(damage);
    const zeros = this.zeros !== undefined && endOf(this.zeros) === damage.offset ? this.zeros : undefined;
    if (zeros === undefined) this.goesOn();
    const tail = (state: ManifestTail['state'], offset: number, detail: string): ManifestTail => {
      const start = zeros?.offset ?? offset;
      return { state, offset: start, length: end - start, detail };
    };
    if (areZeros) return tail('zero-fill', damage.offset, 'the file ends in zeros');
    const torn = recordOffset ?? damage.offset;
    if (header === undefined) return tail('torn', torn, 'the file ends inside a record header');
    if (header.type >= RecordType.full && header.type <= RecordType.last)
      return tail('torn', torn, `the file ends inside a record of ${header.length} bytes`);
    const left = end - damage.offset;
    return tail('garbage', damage.offset, `${left} bytes at the end are no record`);
  }

  /** Zeros with something after them are a hole, which the engine does not notice. */
  private goesOn(): void {
    const { zeros } = this;
    this.zeros = undefined;
    if (zeros === undefined) return;
    const message = 'zeros stand where edits should, and the log goes on after them';
    this.report(zeros, 'manifest/zeroed-range', message, undefined, { goesOnAt: endOf(zeros) });
  }

  private tell(damage: Damage, followed: boolean): void {
    const { reason, header, inShortBlock } = damage;
    const { offset, length } = damage;
    // no engine looks at what is left of a block in which no header fits
    if (reason === 'trailer') return;
    const resumesAt = offset + length;
    const follows: Record<string, EvidenceValue> =
      followed && resumesAt < blockEndOf(offset) ? { recordsFollowAt: resumesAt } : {};
    const type = header?.type ?? 0;
    const says = engineMessage(damage);
    switch (reason) {
      case 'checksum': {
        const stored = hex32(unmaskCrc(header!.storedCrc));
        const computed = hex32(damage.computedCrc!);
        this.report(
          ownRange(damage, followed),
          'manifest/checksum-mismatch',
          `stored ${stored}, computed ${computed}`,
          says,
          { stored, computed, type, ...follows, ...this.hangs(type) },
        );
        break;
      }
      case 'bad-length': {
        const left = Math.min(blockEndOf(offset), this.size) - offset - (header?.headerSize ?? 0);
        const message = `the length field says ${header?.length} bytes, ${left} are left in ${inShortBlock ? 'the file' : 'the block'}`;
        // with a whole record after it, it is no tail: the engine, which takes it for one, loses that record unseen
        this.report(damage, 'manifest/bad-record-length', message, inShortBlock ? undefined : says, {
          length: header?.length ?? 0,
          type,
          ...follows,
        });
        break;
      }
      case 'unknown-type':
        this.report(
          damage,
          'manifest/unknown-record-type',
          `record type ${type} does not belong in a MANIFEST`,
          (type & SAFE_TO_IGNORE) !== 0 ? undefined : says,
          { type },
        );
        break;
      case 'orphan-fragment':
        this.report(
          damage,
          'manifest/missing-fragment',
          'a fragment stands without the start of its record',
          says,
        );
        break;
      case 'unfinished-record':
        // a record of another type ends it, and the engine prints no message for it
        if (says === undefined) return;
        this.report(
          damage,
          'manifest/missing-fragment',
          'a record starts before the one before it ended',
          says,
        );
        break;
    }
  }

  /** Zeros stand where a record goes on: the engine gives up the rest of the block. */
  private interrupted(damage: Damage): void {
    const { offset } = damage;
    const length = Math.min(blockEndOf(offset) - offset, damage.length);
    this.report(
      { offset, length },
      'manifest/missing-fragment',
      'zeros stand where a record goes on',
      engineMessage(damage),
    );
  }

  /** What types with a header of WALs do to the engine. */
  private hangs(type: number): Record<string, EvidenceValue> {
    if (dialectNamed('rocksdb').wal.headerSizes[type] !== RECYCLABLE_HEADER) return {};
    return {
      recyclableType: this.delivered
        ? 'RocksDB 9.3 and later never return from reading this record'
        : 'RocksDB takes this record for the end of the file',
    };
  }

  private report(
    { offset, length }: Range,
    rule: Anomaly['rule'],
    message: string,
    engine?: string,
    evidence: Record<string, EvidenceValue> = {},
  ): void {
    this.visitor.damage({
      rule,
      offset,
      length,
      message,
      evidence: { ...evidence, ...(engine !== undefined && { engine: `Corruption: ${engine}` }) },
    });
  }
}

/** Damage up to a record after it in its block, or to its own end where the rest of the block is no record. */
function ownRange({ offset, length, header }: Damage, followed: boolean): Range {
  const end = offset + length;
  const own = header === undefined ? length : header.headerSize + header.length;
  const toOwnEnd = end < blockEndOf(offset) ? !followed : end === blockEndOf(offset);
  return { offset, length: toOwnEnd ? Math.min(own, length) : length };
}

function endOf({ offset, length }: Range): number {
  return offset + length;
}

function blockEndOf(offset: number): number {
  return offset - (offset % BLOCK_SIZE) + BLOCK_SIZE;
}
