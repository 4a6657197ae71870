import type { ByteSource, SourceDescriptor } from '../bytes/source.js';
import { openPieces } from './pieces.js';
import { retryingSource } from './retry.js';
import { type Files, openUnretried } from './source.js';

/** Files that are held open at once at most, when nobody reads them. */
const MOST_IDLE = 64;

interface Kept {
  source: Promise<ByteSource>;
  users: number;
}

/**
 * Opens each file once, for a piece of work that reads the same files several times: all its readers see one file, whatever takes its
 * name meanwhile. `close` gives them back; what is opened afterwards is opened anew.
 */
export class KeptOpen implements Files {
  /** By path, the one used last at the end. */
  private readonly kept = new Map<string, Kept>();
  private closed = false;

  readonly open = async (descriptor: SourceDescriptor): Promise<ByteSource> => {
    if (descriptor.kind === 'pieces') return openPieces(descriptor, this.open);
    const source = await this.openUnretried(descriptor);
    return descriptor.kind === 'file' ? retryingSource(source) : source;
  };

  readonly openUnretried = async (descriptor: SourceDescriptor): Promise<ByteSource> => {
    if (descriptor.kind === 'pieces') return openPieces(descriptor, this.openUnretried);
    if (descriptor.kind !== 'file' || this.closed) return openUnretried(descriptor);
    const name = String(descriptor.path);
    const kept = this.kept.get(name) ?? { source: openUnretried(descriptor), users: 0 };
    kept.users++;
    this.kept.delete(name);
    this.kept.set(name, kept);
    try {
      return shared(await kept.source, () => this.release(kept));
    } catch (error) {
      this.kept.delete(name);
      throw error;
    }
  };

  async close(): Promise<void> {
    this.closed = true;
    const idle = [...this.kept.values()].filter(({ users }) => users === 0);
    this.kept.clear();
    for (const { source } of idle) await (await source).close();
  }

  private async release(kept: Kept): Promise<void> {
    kept.users--;
    if (kept.users > 0) return;
    if (this.closed) return (await kept.source).close();
    const idle = [...this.kept].filter(([, { users }]) => users === 0);
    for (const [name, { source }] of idle.slice(0, Math.max(0, idle.length - MOST_IDLE))) {
      this.kept.delete(name);
      await (await source).close();
    }
  }
}

/** One reader's hold of a source that others read, too. */
function shared(source: ByteSource, release: () => Promise<void>): ByteSource {
  let open = true;
  return {
    size: source.size,
    descriptor: source.descriptor,
    read: (into, offset) => source.read(into, offset),
    close: async () => {
      if (!open) return;
      open = false;
      await release();
    },
  };
}
