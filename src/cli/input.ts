import { readPieces } from '../io/byte-stream.js';
import { systemCode } from '../io/target-error.js';
import { Failure, systemText } from './failure.js';
import type { Host } from './host.js';

/** What a person named as input, piece by piece; `-` is standard input. A file that cannot be read is a `Failure`. */
export async function* inputPieces(path: string, host: Host): AsyncGenerator<Uint8Array> {
  try {
    if (path === '-') for await (const piece of host.stdin) yield Buffer.from(piece);
    else yield* readPieces(path);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    throw new Failure(`${path}: ${systemText(error)}`);
  }
}
