import type { Assembly } from './assembly.js';
import type { Damage, Tail } from './damage.js';
import type { LogMetadata } from './metadata.js';
import { LogEvent, type LogParser } from './parser.js';

/** `stop` ends the reading; a promise is waited for. Records pass without one, so that a loop over millions stays a loop. */
type Handled = 'stop' | undefined | Promise<unknown>;

/** What to do with what a log holds. What has no handler is passed over. */
interface LogHandlers {
  /** A whole logical record, valid until this has been dealt with. */
  record?(record: Assembly): Handled;
  /** A record that is not data. The parser already goes by what it says. */
  metadata?(metadata: LogMetadata, record: Assembly): Handled;
  damage?(damage: Damage): Handled;
}

/**
 * Reads a log to its end and says how it ends; `undefined` where a handler stopped it. Rejects when the medium or a handler
 * fails.
 */
export async function readLog(parser: LogParser, handlers: LogHandlers): Promise<Tail | undefined> {
  for (;;) {
    let handled: Handled;
    switch (parser.step()) {
      case LogEvent.more:
        await parser.load();
        continue;
      case LogEvent.record:
        handled = handlers.record?.(parser.record);
        break;
      case LogEvent.metadata:
        // libzstd is three times as fast as the streaming decoder that does without it
        handled = handlers.metadata?.(parser.metadata!, parser.record);
        break;
      case LogEvent.damage:
        handled = handlers.damage?.(parser.damage!);
        break;
      default:
        return parser.tail;
    }
    if (handled !== undefined && (await handled) === 'stop') return undefined;
  }
}
