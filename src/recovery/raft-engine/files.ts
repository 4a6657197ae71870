import type { SourceDescriptor } from '../../bytes/source.js';
import { parseRaftLogName, type Queue } from '../../format/raft-engine/file.js';
import type { QueueFile } from '../../format/raft-engine/place.js';

/** The files of a queue, oldest first. */
export interface QueueFiles {
  /** Those that the engine reads. */
  files: QueueFile[];
  /** Those before a number that is missing: it passes them by. A purge leaves such ones behind, and so does a file that is lost. */
  passed: QueueFile[];
  /** Numbers that are missing between the two. */
  missing?: { from: bigint; to: bigint };
}

/** The queues that files of a directory make (tikv/raft-engine src/file_pipe_log/pipe_builder.rs `scan`, 0.4.2). */
export function queuesOf(
  entries: readonly { name: string; file: string; size: number; source: SourceDescriptor }[],
): Record<Queue, QueueFiles> {
  const files: QueueFile[] = [];
  for (const { name, file, size, source } of entries) {
    const parsed = parseRaftLogName(name);
    if (parsed !== undefined) files.push({ ...parsed, file, size, source });
  }
  files.sort((a, b) => (a.number < b.number ? -1 : 1));
  return { append: queueOf(files, 'append'), rewrite: queueOf(files, 'rewrite') };
}

function queueOf(all: readonly QueueFile[], queue: Queue): QueueFiles {
  const files = all.filter((each) => each.queue === queue);
  const begins = files.findLastIndex(({ number }, i) => i > 0 && number - files[i - 1].number !== 1n);
  if (begins < 0) return { files, passed: [] };
  const missing = { from: files[begins - 1].number + 1n, to: files[begins].number - 1n };
  return { files: files.slice(begins), passed: files.slice(0, begins), missing };
}

/** Threads that the engine recovers with where nothing else is set. */
const THREADS = 4;

/** Files of a queue as the engine shares them among threads: what each comes to is put together afterwards. */
export function shares(files: readonly QueueFile[], others: number): QueueFile[][] {
  if (files.length === 0) return [];
  const threads = Math.min(THREADS, files.length + others);
  const of = others === 0 ? threads : threadsOf(files, others, threads);
  if (of === 0) return [];
  const size = Math.ceil(files.length / of);
  const shared: QueueFile[][] = [];
  for (let at = 0; at < files.length; at += size) shared.push(files.slice(at, at + size));
  return shared;
}

function threadsOf(files: readonly QueueFile[], others: number, threads: number): number {
  const all = files.length + others;
  const appended = files[0].queue === 'append' ? files.length : others;
  const forAppend = Math.max(1, Math.floor((threads * appended) / all));
  return files[0].queue === 'append' ? forAppend : Math.max(1, threads - forAppend);
}
