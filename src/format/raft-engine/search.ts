import type { ByteSource } from '../../bytes/source.js';
import { SourceWindow } from '../sst/window.js';
import { decodeBatchHeader, LOG_BATCH_CHECKSUM, LOG_BATCH_HEADER, signatureIn } from './batch.js';
import { decodeItems } from './items.js';

/** What lies after the point at which reading a file ends. */
export interface Beyond {
  /** The first whole batch of this file. */
  own?: { offset: number; length: number };
  /** The first whole batch of an older file whose blocks are used again, and the lower 32 bits of that file's number. */
  older?: { offset: number; length: number; signature: number };
  /** All of it is zeros. */
  zeros: boolean;
  /** Not all of it was looked at: more says to be a batch than there can be. */
  cut: boolean;
}

/** Bytes that may be put through checksums in one search: more candidates than this are noise. */
const CHECKED = 512 << 20;
const WINDOW = 1 << 20;
const ITEMS_MOST = 1 << 20;

/**
 * Looks for whole batches from `from` on. A checksum of 32 bits over what says to be items is what tells one: of an older file the
 * signature is a number below `signature`, and the items decode.
 */
export async function searchBatches(source: ByteSource, from: number, signature: number): Promise<Beyond> {
  const beyond: Beyond = { zeros: true, cut: false };
  const window = new SourceWindow(source, source.size, WINDOW);
  const items = new SourceWindow(source, source.size, 0);
  let budget = CHECKED;
  for (let at = from; at < source.size; at++) {
    if (!window.has(at, LOG_BATCH_HEADER)) await window.ensure(at, LOG_BATCH_HEADER);
    const { bytes } = window;
    const place = window.position(at);
    if (!window.has(at, 1)) break;
    if (bytes[place] !== 0) beyond.zeros = false;
    if (!window.has(at, LOG_BATCH_HEADER)) continue;
    // no batch is of 2^40 bytes, and none of fewer than a header
    if (bytes[place] !== 0 || bytes[place + 1] !== 0 || bytes[place + 7] > 1) continue;
    const header = decodeBatchHeader(bytes, place);
    if (typeof header === 'string' || at + header.length > source.size) continue;
    const size = header.length - header.itemsAt;
    if (size <= LOG_BATCH_CHECKSUM || size > ITEMS_MOST) continue;
    if ((budget -= size) < 0) return { ...beyond, zeros: false, cut: true };
    await items.ensure(at + header.itemsAt, size);
    const view = items.view(at + header.itemsAt, size);
    if (view === undefined) continue;
    const signed = signatureIn(view);
    if (signed === signature) return { ...beyond, zeros: false, own: { offset: at, length: header.length } };
    const decodes = () => Array.isArray(decodeItems(view.subarray(0, size - LOG_BATCH_CHECKSUM)));
    if (beyond.older === undefined && signed > 0 && signed < signature && decodes())
      beyond.older = { offset: at, length: header.length, signature: signed };
  }
  return beyond;
}
