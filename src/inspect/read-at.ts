import type { ByteSource } from '../bytes/source.js';
import { type DialectName, dialectNamed } from '../format/dialect.js';
import type { LogDialect } from '../format/log/types.js';
import { SourceWindow } from '../format/sst/window.js';
import type { Node, Space } from './node.js';

/** Bytes shown of what is not taken apart; more are read only of what is asked for in full. */
const SHOWN = 4096;

/** Zeros that a gap is tested for. */
const ZERO_TEST = 64 * 1024;

/** Reads small ranges of a file here and there, mostly forward. */
export class RangeReader {
  private readonly window: SourceWindow;

  /** How a log is framed. */
  readonly framing: LogDialect;

  constructor(
    readonly source: ByteSource,
    dialect?: DialectName,
  ) {
    this.framing = dialectNamed(dialect).wal;
    this.window = new SourceWindow(source, source.size, 256 * 1024);
  }

  /** The range, as a copy, or less of it where the file ends. */
  async bytes(offset: number, length: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(length, this.source.size - offset));
    if (wanted === 0) return new Uint8Array(0);
    if (!this.window.has(offset, wanted)) await this.window.ensure(offset, wanted);
    return (this.window.view(offset, wanted) ?? new Uint8Array(0)).slice();
  }

  /** What stands in the range and belongs to nothing. */
  async gap(space: Space, offset: number, length: number, what = ''): Promise<Node> {
    const bytes = await this.bytes(offset, Math.min(length, ZERO_TEST));
    const zeros = bytes.every((byte) => byte === 0);
    const size = length === 1 ? '1 byte' : `${length} bytes`;
    const begins = length > bytes.length ? ', begins with zeros' : ', zeros';
    return {
      name: 'gap',
      gap: true,
      at: { space, offset, length },
      text: `${what === '' ? '' : `${what}, `}${size}${zeros ? begins : ''}`,
      bytes: bytes.subarray(0, SHOWN),
    };
  }

  /** A range that is shown as it is. */
  async raw(name: string, space: Space, offset: number, length: number): Promise<Node> {
    return { name, at: { space, offset, length }, bytes: await this.bytes(offset, Math.min(length, SHOWN)) };
  }
}
