import { keyBytes } from '../../../finding/evidence.js';
import type { Reported } from '../../reported.js';
import { decodeLock, decodeWrite, type LockRecord } from '../records.js';
import { namedDataKey } from '../region-text.js';
import { userKeyText } from '../table-key.js';
import { invertedTimestamp, timestampText } from '../timestamp.js';
import { StartTimestamp, StartTimestamps } from '../timestamps.js';
import type { FamilyCursor } from './family-cursor.js';

/** Versions of one key that are held; a key with more of them is not judged. */
const MAX_VERSIONS = 1 << 20;

const PUT = 0x50;
const DELETE = 0x44;
const ROLLBACK = 0x52;
const SHORT_VALUE = 0x76;

/** The versions of one key: values first, then its lock, then its writes from the newest on. */
export class KeyVersions {
  private user: Uint8Array = new Uint8Array(0);
  private isRaw = false;
  private readonly values = new StartTimestamps();
  private tooMany = false;
  private held?: LockRecord;
  private heldIsStale = false;
  private changed = false;
  private readonly start = new StartTimestamp();

  constructor(
    private readonly reported: Reported,
    private readonly orphans: OrphanValues,
  ) {}

  /** `user` with its `z`; valid until the end. Raw keys have no versions. */
  begin(user: Uint8Array, isRaw: boolean): void {
    this.user = user;
    this.isRaw = isRaw;
    this.values.clear();
    this.tooMany = false;
    this.held = undefined;
    this.heldIsStale = false;
    this.changed = false;
  }

  value(cursor: FamilyCursor): void {
    if (this.isRaw || !cursor.wellFormed) return;
    this.tooMany ||= this.values.count >= MAX_VERSIONS;
    if (!this.tooMany) this.values.add(cursor.entry.keyBytes, cursor.userTo);
  }

  lock(cursor: FamilyCursor): void {
    const { valueBytes, valueFrom, valueTo } = cursor.entry;
    const lock = cursor.wellFormed ? decodeLock(valueBytes.subarray(valueFrom, valueTo)) : undefined;
    if (lock === undefined) {
      this.malformed(cursor, 'lock', 'Lock');
      return;
    }
    const hasValue = this.values.use(...halves(lock.startTs));
    this.held = lock;
    if (lock.type !== 'P' || lock.shortValue !== undefined || hasValue || this.tooMany) return;
    this.reported.report('tikv/missing-value', {
      message: `a key is locked for a put by the transaction started at ${timestampText(lock.startTs)}, and column family default does not have its value`,
      evidence: { key: namedDataKey(this.user), startTs: String(lock.startTs), uncommitted: true },
    });
  }

  write(cursor: FamilyCursor): void {
    const { keyBytes: bytes, valueBytes, valueFrom, valueTo } = cursor.entry;
    const commitAt = cursor.userTo;
    const type = valueBytes[valueFrom];
    const end = cursor.wellFormed ? this.start.read(valueBytes, valueFrom + 1, valueTo) : 0;
    let isShort = false;
    let collected = false;
    if (end > 0 && end === valueTo) isShort = false;
    else if (end > 0 && valueBytes[end] === SHORT_VALUE && end + 2 + valueBytes[end + 1] === valueTo)
      isShort = true;
    else {
      const record = cursor.wellFormed ? decodeWrite(valueBytes.subarray(valueFrom, valueTo)) : undefined;
      if (record === undefined) {
        this.malformed(cursor, 'write', 'Write');
        return;
      }
      isShort = record.shortValue !== undefined;
      // it names a newer version, without which it counts as collected
      collected = (record.gcFence ?? 0n) !== 0n;
    }
    if (!isWriteType(type)) {
      this.malformed(cursor, 'write', 'Write');
      return;
    }
    if (this.held !== undefined && type !== ROLLBACK) this.holdAgainst(bytes, commitAt);
    if (
      type === PUT &&
      !isShort &&
      !this.values.use(this.start.high, this.start.low) &&
      !this.tooMany &&
      !collected
    )
      this.missing(invertedTimestamp(bytes, commitAt), this.start.value);
    if (type === PUT || type === DELETE) this.changed = true;
  }

  end(): void {
    const unused = this.tooMany || this.isRaw ? 0 : this.values.unused();
    if (unused > 0) this.orphans.add(this.user, unused);
  }

  /** A commit that is newer than the lock, or that is the lock's own. */
  private holdAgainst(key: Uint8Array, commitAt: number): void {
    const lock = this.held!;
    if (lock.type === 'H' || this.heldIsStale) return;
    const commit = invertedTimestamp(key, commitAt);
    const own = lock.startTs === this.start.value;
    let since = lock.startTs;
    if (lock.forUpdateTs > since) since = lock.forUpdateTs;
    if (!own && since >= commit) return;
    this.heldIsStale = true;
    const why = own ? 'its own transaction was committed' : 'another transaction committed';
    this.reported.report('tikv/stale-lock', {
      message: `a key is locked since ${timestampText(since)}, although ${why} at ${timestampText(commit)}`,
      evidence: {
        key: namedDataKey(this.user),
        startTs: String(lock.startTs),
        forUpdateTs: String(lock.forUpdateTs),
        commitTs: String(commit),
        primary: { ...keyBytes(lock.primary), text: userKeyText(lock.primary) },
      },
    });
  }

  private missing(commit: bigint, start: bigint): void {
    const hidden = this.changed;
    const version = hidden ? 'a version that newer ones hide' : 'the newest version of a key';
    this.reported.report('tikv/missing-value', {
      ...(hidden ? { severity: 'note' as const } : {}),
      message: `${version}, committed at ${timestampText(commit)}, has no value in column family default`,
      evidence: {
        key: namedDataKey(this.user),
        startTs: String(start),
        commitTs: String(commit),
      },
    });
  }

  private malformed(cursor: FamilyCursor, family: string, record: string): void {
    const { keyBytes: bytes, keyTo } = cursor.entry;
    const message = cursor.wellFormed
      ? `a value in column family ${family} is no ${record} record`
      : `a key in column family ${family} is none that TiKV writes there`;
    this.reported.report('tikv/malformed-record', {
      message,
      evidence: {
        key: cursor.wellFormed ? namedDataKey(this.user) : keyBytes(bytes.slice(0, keyTo)),
        columnFamily: family,
      },
    });
  }
}

/** Values that belong to no write, told once for all of them. */
export class OrphanValues {
  private count = 0;
  private keys = 0;
  private first: Uint8Array = new Uint8Array(0);
  private last: Uint8Array = new Uint8Array(0);

  constructor(private readonly reported: Reported) {}

  add(user: Uint8Array, count: number): void {
    this.count += count;
    if (this.keys++ === 0) this.first = user.slice();
    this.last = user.slice();
  }

  finish(): void {
    const { count, keys, first, last } = this;
    if (count === 0) return;
    const place = keys === 1 ? 'under one key' : `under ${keys} keys`;
    this.reported.report('tikv/orphan-value', {
      message: `${count} ${count === 1 ? 'value' : 'values'} ${place} belong to no write and no lock`,
      evidence: { values: count, keys, first: namedDataKey(first), last: namedDataKey(last) },
    });
  }
}

function isWriteType(type: number): boolean {
  return type === PUT || type === DELETE || type === ROLLBACK || type === 0x4c;
}

function halves(timestamp: bigint): [number, number] {
  return [Number(timestamp >> 32n), Number(timestamp & 0xffffffffn)];
}
