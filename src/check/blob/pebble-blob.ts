import type { ByteSource } from '../../bytes/source.js';
import { ruleOf } from '../../finding/catalog.js';
import type { Anomaly, Finding } from '../../finding/finding.js';
import { decodeValues, type PebbleBlobFooter } from '../../format/blob/pebble-blob.js';
import { openPebbleBlob, readPebbleBlobFooter, wholeContents } from '../../format/blob/pebble-blob-file.js';
import type { BlockHandle } from '../../format/sst/handle.js';
import { blockRange, type LoadedBlock, loadBlock } from '../../format/sst/load.js';
import type { BlobContext, BlobFacts, Unchecked, UnitResult } from '../unit.js';

/**
 * Checks one blob file of Pebble: footer, index, every block's checksum, and that the values of each block hold together. At depth
 * `structure` footer and index alone. A file that the MANIFEST does not name costs nothing: notes. Rejects only when the medium fails.
 */
export async function checkPebbleBlob(source: ByteSource, context: BlobContext): Promise<UnitResult> {
  const check = new PebbleBlobCheck(source, context);
  await check.run();
  return check.result();
}

class PebbleBlobCheck {
  private readonly facts: BlobFacts;
  private readonly anomalies: Anomaly[] = [];
  private readonly unchecked: Unchecked[] = [];
  private read = 0;

  constructor(
    private readonly source: ByteSource,
    private readonly context: BlobContext,
  ) {
    const { file, number } = context;
    this.facts = {
      kind: 'blob',
      file,
      ...(number !== undefined && { number }),
      size: source.size,
      readable: false,
      records: 0,
      bytes: 0,
      hasFooter: false,
    };
  }

  async run(): Promise<void> {
    const { source, facts } = this;
    const { footer, anomalies, bytesRead } = await readPebbleBlobFooter(source);
    this.read += bytesRead;
    this.anomalies.push(...anomalies);
    if (footer === undefined) {
      this.skip('nothing says where its blocks are', 0, source.size);
      return;
    }
    facts.hasFooter = true;
    const { space, indexBlock, index } = await openPebbleBlob(source, footer);
    this.note(indexBlock);
    if (footer.properties !== undefined) this.note(await loadBlock(space, footer.properties, 'properties'));
    if (index === undefined || typeof index === 'string') {
      if (index !== undefined) this.structure(footer, footer.index, `the index does not decode: ${index}`);
      this.skip('nothing says where its value blocks are', 0, footer.index.offset);
      return;
    }
    facts.readable = true;
    facts.valueBlocks = index.named;
    if (this.context.depth === 'structure') return;
    for (const handle of index.blocks) {
      const contents = this.note(await loadBlock(space, handle, 'value'));
      const values = contents && decodeValues(contents);
      if (typeof values === 'string') this.structure(footer, handle, `the values do not decode: ${values}`);
      else if (values !== undefined) {
        facts.records += values.count;
        facts.bytes += values.bytes;
      }
    }
  }

  /** The contents of a block; absent where they are damaged, which is noted. */
  private note(block: LoadedBlock): Uint8Array | undefined {
    const { offset, length } = blockRange(block.handle);
    this.read += length;
    for (const anomaly of block.anomalies)
      this.anomalies.push(
        anomaly.rule.startsWith('sst/') ? { ...anomaly, rule: 'blob/values-block' } : anomaly,
      );
    if (block.unsupported !== undefined) this.skip(block.unsupported, offset, length);
    return wholeContents(block);
  }

  /** A block that matches its checksum and does not hold together. Of format 2 no file was at hand to hold this against. */
  private structure({ format }: PebbleBlobFooter, handle: BlockHandle, message: string): void {
    const range = blockRange(handle);
    if (format === 1) this.anomalies.push({ rule: 'blob/values-block', ...range, message });
    else this.skip(`${message} (format 2)`, range.offset, range.length);
  }

  private skip(reason: string, offset: number, length: number): void {
    if (length > 0) this.unchecked.push({ file: this.context.file, reason, offset, length });
  }

  result(): UnitResult {
    const { file, orphan = false } = this.context;
    const findings = this.anomalies.map(
      ({ rule, offset, length, message, evidence = {} }): Finding => ({
        ...{ rule, severity: orphan ? 'note' : ruleOf(rule).severity, file },
        ...{ offset, length, message, evidence },
      }),
    );
    return {
      findings,
      unchecked: orphan ? [] : this.unchecked,
      facts: this.facts,
      bytesRead: this.read,
    };
  }
}
