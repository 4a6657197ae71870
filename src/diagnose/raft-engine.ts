/** Causes of what is wrong in a file of raft-engine: single bits that, flipped back, make a batch whole. */
import type { ByteSource } from '../bytes/source.js';
import { encodeRaftLogHeader } from '../encode/raft-log-header.js';
import type { Cause } from '../finding/finding.js';
import {
  decodeBatchHeader,
  LOG_BATCH_CHECKSUM,
  LOG_BATCH_HEADER,
  signatureIn,
} from '../format/raft-engine/batch.js';
import {
  decodeRaftLogHeader,
  RAFT_LOG_HEADER,
  type RaftLogHeader,
  raftLogSignature,
} from '../format/raft-engine/file.js';
import type { BatchPlace, FileStop, QueueFile } from '../format/raft-engine/place.js';
import { RaftLogReader, type RaftLogStop } from '../format/raft-engine/reader.js';
import { holdEntries } from '../recovery/raft-engine/open.js';
import { checksumFlip } from './block-flips.js';
import { bitsWithSyndrome, CRC32_POLYNOMIAL } from './crc32c-syndrome.js';
import { type BitChange, FlippedSource } from './flipped-source.js';
import { type Flip, type FlipSearch, flipText, isConclusive } from './flips.js';
import { differingBits } from './footer.js';

const METHOD = 'CRC-32 syndrome';
/** Where a batch header has its compression type. */
const TYPE_AT = 7;
/** Longer items and entries are not walked. Bytes. */
const LONGEST = 8 << 20;

/** Tells why reading a file ended, or why the entries of one of its batches cannot be read. */
export class RaftLogDiagnosis {
  private readonly memory = new Uint8Array(1 << 16);

  constructor(
    private readonly source: ByteSource,
    private readonly file: QueueFile,
  ) {}

  /** Why reading the file ended, where the bytes tell. */
  async stopped({ header, offset, cause }: FileStop): Promise<Cause | undefined> {
    if (cause.kind === 'header') return this.headerCause();
    if (header === undefined) return undefined;
    if (cause.kind === 'entries')
      return this.entries({ offset, entries: cause.batch.entries, fault: cause.fault });
    const search = headerFlips(offset);
    this.addItems(search, cause.stop, header);
    return this.conclude(search, offset, header);
  }

  /** Why the entries of a batch cannot be read whose items are whole. */
  async entries({
    offset,
    entries,
    fault,
  }: Pick<BatchPlace, 'offset' | 'entries' | 'fault'>): Promise<Cause | undefined> {
    const header = decodeRaftLogHeader(await this.bytes(0, RAFT_LOG_HEADER));
    if ('fault' in header || fault === 'limit') return undefined;
    const search: FlipSearch = { flips: [], tried: 8, method: METHOD };
    for (let bit = 0; bit < 8; bit++) search.flips.push({ offset: offset + TYPE_AT, bit, field: 'type' });
    if (fault === 'checksum') await this.addCovered(search, entries.offset, entries.length);
    return this.conclude(search, offset, header);
  }

  /** What stands in a file's header is known but for its version, and the first batch tells that. */
  private async headerCause(): Promise<Cause | undefined> {
    const there = await this.bytes(0, RAFT_LOG_HEADER);
    if (there.length < RAFT_LOG_HEADER) return undefined;
    const fits: BitChange[][] = [];
    for (const version of [1, 2] as const) {
      const right = encodeRaftLogHeader(version, there);
      const header = decodeRaftLogHeader(right);
      if ('fault' in header) continue;
      const changes = differingBits(there.subarray(0, right.length), right, 0);
      if (await this.isWhole(changes, header.length, header)) fits.push(changes);
    }
    const [changes] = fits;
    if (fits.length !== 1 || changes.length === 0) return undefined;
    const [{ offset, bit }] = changes;
    const one = changes.length === 1;
    return {
      kind: one ? 'bit-flip' : 'garbage',
      certainty: 'proven',
      detail: one
        ? flipText({ offset, bit, field: 'content' })
        : `the header, which no checksum covers, was written over (${changes.length} bits)`,
      basis: 'what must stand in the header is known, and the first batch is whole under it',
      changes,
      restores: true,
    };
  }

  /** The one bit of the items, or of their checksum, that leaves what the checksum differs by. */
  private addItems(search: FlipSearch, stop: RaftLogStop, { version }: RaftLogHeader): void {
    const { header, offset } = stop;
    if (stop.reason !== 'items-checksum' || header === undefined) return;
    const size = header.length - header.itemsAt;
    const syndrome = (stop.signature! ^ raftLogSignature(version, this.file.number)) >>> 0;
    this.addSyndrome(search, syndrome, offset + header.itemsAt, size);
  }

  private async addCovered(search: FlipSearch, offset: number, length: number): Promise<void> {
    if (length > LONGEST) return;
    const bytes = await this.bytes(offset, length);
    if (bytes.length === length) this.addSyndrome(search, signatureIn(bytes), offset, length);
  }

  /** `length` with the checksum at its end. */
  private addSyndrome(search: FlipSearch, syndrome: number, offset: number, length: number): void {
    if (length > LONGEST) return;
    const end = length - LOG_BATCH_CHECKSUM;
    for (const { byte, bit } of bitsWithSyndrome(syndrome, end, CRC32_POLYNOMIAL))
      search.flips.push({ offset: offset + byte, bit, field: 'content' });
    search.flips.push(...checksumFlip(syndrome, 0, offset + end));
    search.tried += 8 * length;
  }

  private async conclude(
    search: FlipSearch,
    offset: number,
    header: RaftLogHeader,
  ): Promise<Cause | undefined> {
    const flips: Flip[] = [];
    for (const flip of search.flips)
      if (await this.isWhole([{ offset: flip.offset, bit: flip.bit }], offset, header)) flips.push(flip);
    const [flip] = flips;
    if (flip === undefined || !isConclusive({ ...search, flips })) return undefined;
    return {
      kind: 'bit-flip',
      certainty: 'proven',
      detail: flipText(flip),
      basis: `${search.method}; the batch and all its entries are whole when it is flipped back, and with no other bit`,
      changes: [{ offset: flip.offset, bit: flip.bit }],
      restores: true,
    };
  }

  /** Whether the batch at `offset` is whole with some bits flipped, its entries too. */
  private async isWhole(
    changes: readonly BitChange[],
    offset: number,
    header: RaftLogHeader,
  ): Promise<boolean> {
    const flipped = new FlippedSource(this.source, changes);
    const head = new Uint8Array(LOG_BATCH_HEADER);
    if ((await flipped.read(head, offset)) < head.length || typeof decodeBatchHeader(head) === 'string')
      return false;
    const reader = new RaftLogReader(flipped, header, this.file.number, this.memory);
    reader.position = offset;
    const batch = await reader.next();
    if (batch?.offset !== offset) return false;
    const { fault, misfits } = await holdEntries(reader, batch, this.file);
    return fault === undefined && misfits === undefined;
  }

  private async bytes(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, await this.source.read(bytes, offset));
  }
}

/** All bits of a batch header: no checksum covers it. */
function headerFlips(offset: number): FlipSearch {
  const search: FlipSearch = { flips: [], tried: 8 * LOG_BATCH_HEADER, method: METHOD };
  for (let byte = 0; byte < LOG_BATCH_HEADER; byte++)
    for (let bit = 0; bit < 8; bit++)
      search.flips.push({ offset: offset + byte, bit, field: byte === TYPE_AT ? 'type' : 'length' });
  return search;
}
