import headers, { type TarHeader } from 'tar-stream/headers.js';
import type { SourceDescriptor } from '../bytes/source.js';
import { type ArchiveDamage, HEADER, memberOf, type TarMember } from './archive.js';
import { openUnretried } from './source.js';

/** A header that only says something about the next one is at most this large. Bytes. */
const MAX_LONG_HEADER = 4 << 20;

/** What headers said for the one that follows. */
type Pending = Partial<Record<'name' | 'linkname' | 'size', string>>;

/**
 * Hands every file of a tar archive that is not compressed to `visit`, by its headers alone: their contents are skipped. Returns what is
 * wrong with the archive itself, if anything. Rejects with what the medium says.
 */
export async function walkTarHeaders(
  archive: SourceDescriptor,
  signal: AbortSignal | undefined,
  visit: (member: TarMember) => void,
): Promise<ArchiveDamage | undefined> {
  const source = await openUnretried(archive);
  const block = Buffer.alloc(HEADER);
  const global: Pending = {};
  let pending: Pending = {};
  /** Where the last block of zeros ends. */
  let zeros = -1;
  let at = 0;
  const damage = (kind: ArchiveDamage['kind'], reason: string): ArchiveDamage => ({
    kind,
    reason,
    readBytes: at,
    tarBytes: at,
  });
  try {
    while (at < source.size && !signal?.aborted) {
      if ((await source.read(block, at)) < HEADER) return damage('cut-short', 'Unexpected end of data');
      const header = decoded(block);
      if (typeof header === 'string') return damage('damaged', header);
      if (header === null) {
        at += HEADER;
        zeros = at;
        continue;
      }
      const offset = at + HEADER;
      const long = isLong(header);
      if (!long) take(header, { ...global, ...pending });
      const { size } = header;
      if (!(size >= 0) || (long && size > MAX_LONG_HEADER)) return damage('damaged', 'Invalid header');
      const length = header.type === 'directory' ? 0 : size;
      at = Math.min(source.size, offset + Math.ceil(length / HEADER) * HEADER);
      if (offset + length > source.size) return damage('cut-short', 'Unexpected end of data');
      if (long) {
        const bytes = Buffer.alloc(length);
        await source.read(bytes, offset);
        Object.assign(header.type === 'pax-global-header' ? global : pending, told(header, bytes));
        continue;
      }
      pending = {};
      const member = memberOf(header, offset);
      if (member !== undefined) visit(member);
    }
    return zeros === source.size || signal?.aborted
      ? undefined
      : damage('cut-short', 'no end-of-archive marker');
  } finally {
    await source.close();
  }
}

/** Header of zeros: `null`. Text: why it is none. */
function decoded(block: Uint8Array): TarHeader | null | string {
  try {
    return headers.decode(block, 'utf-8', false);
  } catch (error) {
    return (error as Error).message;
  }
}

const isLong = ({ type }: TarHeader): boolean => type !== null && /^(?:gnu-long|pax)/.test(type);

function told({ type }: TarHeader, bytes: Uint8Array): Pending {
  if (type === 'gnu-long-path') return { name: headers.decodeLongPath(bytes, 'utf-8') };
  if (type === 'gnu-long-link-path') return { linkname: headers.decodeLongPath(bytes, 'utf-8') };
  const { path, linkpath, size } = headers.decodePax(bytes);
  return { ...(path && { name: path }), ...(linkpath && { linkname: linkpath }), ...(size && { size }) };
}

function take(header: TarHeader, { name, linkname, size }: Pending): void {
  if (name) header.name = name;
  if (linkname) header.linkname = linkname;
  if (size) header.size = Number.parseInt(size, 10);
}
