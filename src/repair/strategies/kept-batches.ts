import { sha256 } from '../../bytes/sha256.js';

/** Batches that are remembered, the last ones: blocks that stand twice stand near each other. */
const REMEMBERED = 65_536;

/** What a salvage has kept of the logs, so that a copy of it that stands in them again is not called lost. */
export class KeptBatches {
  private readonly digests = new Map<bigint, string>();

  take(sequence: bigint, batch: Uint8Array): void {
    this.digests.delete(sequence);
    this.digests.set(sequence, digestOf(batch));
    if (this.digests.size > REMEMBERED) this.digests.delete(this.digests.keys().next().value!);
  }

  /** Whether a batch of this sequence was kept, byte for byte the same. */
  has(sequence: bigint, batch: Uint8Array): boolean {
    const digest = this.digests.get(sequence);
    return digest !== undefined && digest === digestOf(batch);
  }
}

const digestOf = (batch: Uint8Array) => sha256().update(batch).digest('base64');
