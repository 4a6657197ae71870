import { INFO_LOG_HEAD } from '../format/info-log.js';
import { InfoLogEvents, type LoggedSession } from '../format/info-log-events.js';
import type { Inventory, InventoryEntry } from '../io/inventory.js';
import { openSource } from '../io/source.js';

/** Info logs of the database's own directory, the newest first: LOG, then LOG.old.N, which are numbered by time. */
export function infoLogs({ entries }: Inventory): InventoryEntry[] {
  const logs = entries.filter(({ kind, place }) => kind === 'info-log' && place === 'database');
  return logs.sort((a, b) => (a.name === 'LOG' ? -1 : b.name === 'LOG' ? 1 : a.name < b.name ? 1 : -1));
}

/** Bytes of all logs together that are looked at, from the end of the newest one back. */
const MOST_BYTES = 64 << 20;

/** A line beyond this is none of an engine's. */
const LONGEST_LINE = 1 << 20;

/** What the newest info logs tell of tables, by session, the oldest first. Those that cannot be read tell nothing. */
export async function loggedSessions(inventory: Inventory): Promise<LoggedSession[]> {
  const sessions = new Map<string, InfoLogEvents>();
  for (const { entry, from } of withinLimit(infoLogs(inventory))) {
    let id = entry.name;
    try {
      // a session that goes on in another file writes its id there again
      const head = new InfoLogEvents();
      await eachLine(entry, 0, Math.min(INFO_LOG_HEAD, entry.size), (line) => head.identify(line));
      id = head.session ?? id;
      const events = sessions.get(id) ?? new InfoLogEvents();
      sessions.set(id, events);
      await eachLine(entry, from, entry.size, (line) => {
        events.identify(line);
        if (InfoLogEvents.tells(line)) events.line(line);
      });
    } catch {
      sessions.delete(id);
    }
  }
  return [...sessions.values()].map((events) => events.end());
}

/** The oldest first, each with the offset from which on it is looked at. */
function withinLimit(newestFirst: readonly InventoryEntry[]): { entry: InventoryEntry; from: number }[] {
  let left = MOST_BYTES;
  const taken: { entry: InventoryEntry; from: number }[] = [];
  for (const entry of newestFirst) {
    if (left === 0) break;
    const length = Math.min(entry.size, left);
    left -= length;
    taken.unshift({ entry, from: entry.size - length });
  }
  return taken;
}

/** Hands over the lines between two file offsets, the first and the last of which may be cut. */
async function eachLine(
  { source: descriptor }: InventoryEntry,
  from: number,
  to: number,
  onLine: (line: string) => void,
): Promise<void> {
  const source = await openSource(descriptor);
  try {
    const buffer = new Uint8Array(LONGEST_LINE);
    let held = 0;
    for (let offset = from; offset < to; ) {
      const got = await source.read(
        buffer.subarray(held, Math.min(buffer.length, held + to - offset)),
        offset,
      );
      if (got === 0) break;
      offset += got;
      const end = held + got;
      const last = buffer.lastIndexOf(NEWLINE, end - 1);
      const text = Buffer.from(buffer.buffer, 0, last + 1).toString('utf8');
      for (const line of text.split('\n')) if (line !== '') onLine(line);
      // what is longer than any line is passed over
      held = last < 0 && end === buffer.length ? 0 : end - last - 1;
      buffer.copyWithin(0, end - held, end);
    }
    if (held > 0) onLine(Buffer.from(buffer.buffer, 0, held).toString('utf8'));
  } finally {
    await source.close();
  }
}

const NEWLINE = 0x0a;
