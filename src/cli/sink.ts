import { once } from 'node:events';
import { appendToFile, createFile, type FileSink } from '../io/sink.js';
import { systemCode } from '../io/target-error.js';
import { ExitStatus } from './exit-status.js';
import { Failure, systemText } from './failure.js';
import type { Output } from './host.js';

/** Where an output goes. Failures of the medium are rejections with a `Failure`. */
export interface Sink {
  /** False when the reader has gone: the rest is not needed. */
  write(piece: string): Promise<boolean>;
  /** All of it has been written. */
  close(): Promise<void>;
  /** Nothing more follows, and what was written is incomplete. */
  abandon(): Promise<void>;
}

/** A stream of the process. A reader who goes away (`| head`) is no failure: the rest is left out. */
export function streamSink(stream: Output): Sink {
  let gone = false;
  let broken: unknown;
  stream.on('error', (error) => {
    gone = true;
    if (systemCode(error) !== 'EPIPE') broken = error;
  });
  const check = () => {
    if (broken === undefined) return;
    throw new Failure(`cannot write the output: ${systemText(broken)}`, ExitStatus.incomplete);
  };
  return {
    async write(piece) {
      if (gone || piece === '') return !gone;
      if (!stream.write(piece)) {
        // remove the listener for the event that did not come
        const waiting = new AbortController();
        const { signal } = waiting;
        await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]).catch(
          () => {},
        );
        waiting.abort();
      }
      check();
      return !gone;
    },
    async close() {
      if (!gone) await new Promise<void>((done) => stream.write('', () => done()));
      check();
    },
    async abandon() {},
  };
}

/**
 * A file, which appears whole under its name when the output is complete, or not at all. Opened before the work begins, so
 * that a wrong path is known before hours of reading.
 */
export async function fileSink(path: string): Promise<Sink> {
  let file: FileSink;
  const attempt = async <T>(work: () => Promise<T>, status: number): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      await file?.abandon().catch(() => {});
      if (systemCode(error) === undefined) throw error;
      throw new Failure(`cannot write ${path}: ${systemText(error)}`, status);
    }
  };
  file = await attempt(() => createFile(path), ExitStatus.usage);
  return {
    async write(piece) {
      await attempt(() => file.write(piece), ExitStatus.incomplete);
      return true;
    },
    close: () => attempt(() => file.commit(), ExitStatus.incomplete),
    abandon: () => file.abandon(),
  };
}

/** Adds to a file that something else began, such as the page of a CI step. */
export async function appendFile(path: string, text: string): Promise<void> {
  try {
    await appendToFile(path, text);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    throw new Failure(`cannot write ${path}: ${systemText(error)}`, ExitStatus.incomplete);
  }
}
