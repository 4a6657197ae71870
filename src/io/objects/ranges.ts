import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { ObjectStore } from './store.js';
import { StoreError } from './store-error.js';
import { addTraffic } from './traffic.js';

/** One state of one object. */
export interface StoredObject {
  bucket: string;
  key: string;
  /** Bytes. */
  size: number;
  etag?: string;
}

/** Bytes that one request asks for at most. */
export const RANGE = 4 << 20;

/** Bytes of objects that a thread holds at most, and those that readers wait for. */
const HELD = 32 << 20;

/** Ranges whose memory is kept for the next ones. */
const SPARE = 2;

/** Times that a body is begun again where it broke off, while it brings nothing, and the first pause, which doubles. Milliseconds. */
const ATTEMPTS = 5;
const PAUSE = 100;

interface Held {
  from: number;
  to: number;
  bytes: Uint8Array;
  loaded: Promise<void>;
  isLoaded: boolean;
  /** Who waits for it, or copies from it. */
  readers: number;
  abort: AbortController;
}

/** Ranges of objects that have come or are under way, so that what is read again, or soon, is asked for once. */
export class ObjectRanges {
  /** By object, in the order of their offsets. */
  private readonly objects = new Map<string, Held[]>();
  /** The one used last at the end. */
  private readonly used = new Set<Held>();
  private bytes = 0;
  /** Memory of whole ranges that were let go of: memory outside of the heap costs the collector more than what is read is worth. */
  private readonly spare: Uint8Array[] = [];

  constructor(private readonly store: ObjectStore) {}

  /** Asks for what of a range has not been asked for. `isAhead`: nobody waits for it yet, so that it yields to the limit. */
  ask(object: StoredObject, from: number, to: number, isAhead: boolean): void {
    const held = this.of(object);
    for (let at = from; at < to; ) {
      const here = held.find((each) => each.from <= at && at < each.to);
      if (here !== undefined) {
        at = here.to;
        continue;
      }
      const next = held.find((each) => each.from > at)?.from ?? to;
      const end = Math.min(to, next, at + RANGE);
      if (!this.makeRoom(end - at) && isAhead) return;
      this.begin(object, held, at, end);
      at = end;
    }
  }

  /** Fills `into` from `offset`, from ranges that were asked for. */
  async copy(object: StoredObject, into: Uint8Array, offset: number): Promise<void> {
    for (let done = 0; done < into.length; ) {
      const at = offset + done;
      const held = this.of(object).find((each) => each.from <= at && at < each.to);
      if (held === undefined) {
        // given up while others were waited for
        this.ask(object, at, offset + into.length, false);
        continue;
      }
      held.readers++;
      try {
        if (!held.isLoaded) await held.loaded;
        const part = held.bytes.subarray(at - held.from, offset + into.length - held.from);
        into.set(part, done);
        done += part.length;
      } finally {
        held.readers--;
      }
      this.used.delete(held);
      this.used.add(held);
    }
  }

  /** Gives up what nobody waits for. */
  cancel(object: StoredObject): void {
    for (const held of [...this.of(object)]) {
      if (held.isLoaded || held.readers > 0) continue;
      held.abort.abort();
      this.forget(object, held);
    }
  }

  private of({ bucket, key, etag = '' }: StoredObject): Held[] {
    const name = `${bucket}\0${key}\0${etag}`;
    const known = this.objects.get(name);
    if (known !== undefined) return known;
    const made: Held[] = [];
    this.objects.set(name, made);
    return made;
  }

  private begin(object: StoredObject, all: Held[], from: number, to: number): void {
    const abort = new AbortController();
    const bytes = (to - from === RANGE ? this.spare.pop() : undefined) ?? new Uint8Array(to - from);
    const held: Held = { from, to, bytes, isLoaded: false, readers: 0, abort, loaded: Promise.resolve() };
    const after = all.findIndex((each) => each.from > from);
    all.splice(after < 0 ? all.length : after, 0, held);
    this.used.add(held);
    this.bytes += bytes.length;
    owners.set(held, object);
    held.loaded = load(this.store, object, held).then(
      () => {
        held.isLoaded = true;
      },
      (error) => {
        this.forget(object, held);
        throw error;
      },
    );
    // who waits for it is told
    held.loaded.catch(() => {});
  }

  private forget(object: StoredObject, held: Held): void {
    if (!this.used.delete(held)) return;
    this.bytes -= held.bytes.length;
    // of one that was given up a piece may still come
    if (held.isLoaded && held.bytes.length === RANGE && this.spare.length < SPARE)
      this.spare.push(held.bytes);
    const all = this.of(object);
    all.splice(all.indexOf(held), 1);
    if (all.length === 0) this.objects.delete(`${object.bucket}\0${object.key}\0${object.etag ?? ''}`);
  }

  /** Lets go of what was used longest ago. Whether as many bytes more are within the limit. */
  private makeRoom(length: number): boolean {
    for (const held of this.used) {
      if (this.bytes + length <= HELD) return true;
      if (held.isLoaded && held.readers === 0) this.forget(owners.get(held)!, held);
    }
    return this.bytes + length <= HELD;
  }
}

const owners = new WeakMap<Held, StoredObject>();

/** Reads a range to its end, on from where an answer broke off. */
async function load(store: ObjectStore, object: StoredObject, held: Held): Promise<void> {
  let at = held.from;
  let failures = 0;
  while (at < held.to) {
    const before = at;
    try {
      const answer = await store.get(object, { from: at, to: held.to }, held.abort.signal);
      const wrong = wrongAnswer(object, { from: at, to: held.to }, answer);
      if (wrong !== undefined) {
        destroy(answer.Body);
        throw wrong;
      }
      await taken(answer.Body as Readable, (chunk) => {
        addTraffic({ requests: 0, bytes: chunk.length });
        held.bytes.set(chunk.subarray(0, held.to - at), at - held.from);
        at = Math.min(held.to, at + chunk.length);
      });
      if (at < held.to)
        throw new StoreError('wrong-answer', object.key, 'the object store sends less than it says');
    } catch (error) {
      failures = at > before ? 1 : failures + 1;
      const told = store.explained(error, object);
      const isOver = held.abort.signal.aborted || failures >= ATTEMPTS || !isPassing(told, error);
      if (isOver) throw told;
      await setTimeout(PAUSE * 2 ** (failures - 1));
    }
  }
}

/** Hands on all pieces of a body, each as it comes: an iterator takes a turn of the event loop for each. */
function taken(body: Readable, take: (chunk: Uint8Array) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    body.on('data', take).on('end', resolve).on('error', reject);
    // cut off without a word; after the end it changes nothing
    body.on('close', () => reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
  });
}

/** Whether it is worth to ask again: of what the SDK gave up, it has been asked again often enough. */
function isPassing(told: unknown, error: unknown): boolean {
  return told instanceof StoreError && (told !== error || told.reason === 'wrong-answer');
}

interface RangeAnswer {
  ContentRange?: string | undefined;
  ETag?: string | undefined;
}

/** Why an answer is not what was asked for. */
function wrongAnswer(
  { key, size, etag }: StoredObject,
  { from, to }: { from: number; to: number },
  { ContentRange, ETag }: RangeAnswer,
): StoreError | undefined {
  if (etag !== undefined && ETag !== undefined && ETag !== etag)
    return new StoreError('changed', key, 'the object was replaced after it was listed');
  if (ContentRange === `bytes ${from}-${to - 1}/${size}`) return undefined;
  const [, total] = /\/(\d+)$/.exec(ContentRange ?? '') ?? [];
  if (total !== undefined && Number(total) !== size)
    return new StoreError('changed', key, 'the object has another size than when it was listed');
  return new StoreError('wrong-answer', key, 'the object store sends another range than it was asked for');
}

function destroy(body: unknown): void {
  (body as { destroy?: () => void } | undefined)?.destroy?.();
}
