import { type Command, InvalidArgumentError } from 'commander';
import { type ProfileChoice, ProfileMismatch } from '../../app/profile-choice.js';
import type { DatabaseRequest } from '../../engine/database.js';
import { type FindReport, UnknownColumnFamily } from '../../find/report.js';
import type { Replacement } from '../../io/inventory.js';
import { systemCode, TargetError } from '../../io/target-error.js';
import { printable } from '../../report/printable.js';
import { choice } from '../choices.js';
import { type ColorChoice, colorChoices, paletteFor, wantsColour } from '../colour.js';
import { ExitStatus } from '../exit-status.js';
import { Failure, systemText } from '../failure.js';
import type { Host } from '../host.js';
import { nearest } from '../nearest.js';
import { stdoutWidth } from '../outputs.js';
import { refusalOf } from '../refusal.js';
import { say } from '../say.js';
import { withSeekable } from '../seekable-input.js';
import { streamSink } from '../sink.js';
import { stateLines } from '../state-lines.js';
import type { StoreFlags } from '../store-options.js';
import { placesOf, withPlaceOptions, withStateOption } from '../target-options.js';
import { profileFailure } from '../unopened.js';
import { whileWatched } from '../watched.js';
import { writePieces } from '../write-pieces.js';

interface FindFlags extends StoreFlags {
  key?: string;
  keyHex?: Uint8Array;
  prefix?: true;
  cf?: string;
  limit?: number;
  region?: bigint;
  index?: IndexRange;
  state?: number;
  dbPath?: string[];
  walDir?: string;
  engineVersion?: string;
  profile?: ProfileChoice;
  format: 'text' | 'json';
  color: ColorChoice;
  progress: boolean;
  verbose?: boolean;
}

/** Indexes of raft log entries, both ends among them. */
interface IndexRange {
  from: bigint;
  to: bigint;
}

/** Entries that are listed where nothing else is said. */
const RAFT_ENTRIES = 1000;

const examples = `
Examples:
  kvdoctor find --key user:0042 /var/lib/app/db        every version of a key, and which of them a reader gets
  kvdoctor find --key-hex 6d000000 --cf metadata db    a binary key in one column family
  kvdoctor find --key user: --prefix --limit 20 db     the first keys that begin like that
  kvdoctor find --region 4 --index 12-20 raft-engine   entries of a region in a raft log of raft-engine, in words

Looks through WALs (live, obsolete, archived), tables and blob files, also those that the MANIFEST does not name, and
damaged ones as far as they can be read. Changes nothing.

Exit status: 0 found, 1 not found, 2 usage, 3 not everything could be read or is known, found or not, 130 interrupted.`;

function hexKey(text: string): Uint8Array {
  const digits = text.replace(/^0x/i, '');
  if (!/^(?:[0-9a-f]{2})*$/i.test(digits))
    throw new InvalidArgumentError('It takes pairs of hexadecimal digits: 6b6579.');
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

function regionId(text: string): bigint {
  if (!/^\d{1,20}$/.test(text)) throw new InvalidArgumentError('It takes the number of a region.');
  return BigInt(text);
}

function indexRange(text: string): IndexRange {
  const [, from, to = from] = /^(\d{1,20})(?:-(\d{1,20}))?$/.exec(text) ?? [];
  if (from === undefined || BigInt(from) > BigInt(to))
    throw new InvalidArgumentError('It takes an index, 12, or a range of them, 12-20.');
  return { from: BigInt(from), to: BigInt(to) };
}

function count(text: string): number {
  if (!/^\d{1,7}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError('It takes a whole number from 1.');
  return Number(text);
}

function keyOf({ key, keyHex }: FindFlags): Uint8Array {
  if ((key === undefined) === (keyHex === undefined)) {
    const message = key === undefined ? 'a key is missing' : '--key and --key-hex cannot both be given';
    throw new Failure(message, ExitStatus.usage, 'Name the key: kvdoctor find --key KEY, or --key-hex HEX.');
  }
  return keyHex ?? new TextEncoder().encode(key);
}

/** What ends the search before it began, for a person. */
function refuse(path: string, error: unknown): never {
  if (error instanceof UnknownColumnFamily) {
    const near = nearest(error.wanted, error.known);
    const hint =
      near.length > 0
        ? `Did you mean ${near.map(printable).join(' or ')}?`
        : `There are ${error.known.map(printable).join(', ')}.`;
    throw new Failure(printable(error.message), ExitStatus.usage, hint);
  }
  if (error instanceof ProfileMismatch) throw profileFailure(error);
  const code = systemCode(error);
  if (code === undefined && !(error instanceof TargetError)) throw error;
  const at = printable(error instanceof TargetError ? error.path : path);
  const missing = code === 'ENOENT' || code === 'ENOTDIR';
  const hint = missing ? 'Name the database directory: kvdoctor find --key KEY DIR.' : undefined;
  throw new Failure(`${at}: ${systemText(error)}`, missing ? ExitStatus.usage : ExitStatus.incomplete, hint);
}

/** The files of a state in place of what is on disk. */
async function filesOf(
  path: string,
  places: DatabaseRequest,
  state: number,
): Promise<readonly Replacement[]> {
  const { filesOfState } = await import('../../repair/state-seen.js');
  return filesOfState(path, places, state).catch((error) => {
    throw refusalOf(error, 'find', path);
  });
}

/** Searches while a bar shows how far it is; Ctrl-C ends it with what is known. */
async function search(path: string, key: Uint8Array, flags: FindFlags, host: Host): Promise<FindReport> {
  const { find } = await import('../../find/find.js');
  const { prefix = false, cf, limit } = flags;
  const places = placesOf(flags);
  const options = {
    key,
    prefix,
    ...(cf !== undefined && { columnFamily: cf }),
    ...(limit !== undefined && { limit }),
    ...places,
    ...(flags.state !== undefined && { instead: await filesOf(path, places, flags.state) }),
  };
  return whileWatched(host, flags.progress, ({ bar, signal }) =>
    find(path, options, { onProgress: (share) => bar.update({ share, done: 0 }), signal }).catch((error) =>
      refuse(path, error),
    ),
  );
}

function statusOf({ keys, unread, unchecked, interrupted }: FindReport): number {
  if (interrupted) return ExitStatus.interrupted;
  if (unread.length > 0 || unchecked.length > 0) return ExitStatus.incomplete;
  return keys.length > 0 ? ExitStatus.ok : ExitStatus.findings;
}

/** Entries of a region in a raft log. */
async function runInRaftLog(path: string, flags: FindFlags, region: bigint, host: Host): Promise<number> {
  if (flags.key !== undefined || flags.keyHex !== undefined)
    throw new Failure('--region and a key cannot both be given', ExitStatus.usage);
  const { findInRaftLog } = await import('../../find/raft-log.js');
  const { raftLogFoundJson, raftLogFoundText } = await import('../../report/text/find-raft-log.js');
  const { index, limit = RAFT_ENTRIES } = flags;
  const found = await whileWatched(host, flags.progress, () =>
    findInRaftLog(path, { region, limit, ...index }).catch((error) => refuse(path, error)),
  );
  if (found === undefined) {
    const message = `${printable(path)}: --region is for a raft log of raft-engine, and this is none`;
    throw new Failure(
      message,
      ExitStatus.usage,
      'Name the directory of *.raftlog files, or a key: --key KEY.',
    );
  }
  const sink = streamSink(host.stdout);
  const text = flags.format === 'json' ? raftLogFoundJson(found) : raftLogFoundText(found, stdoutWidth(host));
  await writePieces(sink, text);
  await sink.close();
  if (found.entries.some(({ fault }) => fault !== undefined)) return ExitStatus.incomplete;
  return found.entries.length > 0 ? ExitStatus.ok : ExitStatus.findings;
}

async function run(path: string, flags: FindFlags, host: Host): Promise<number> {
  if (flags.region !== undefined) return runInRaftLog(path, flags, flags.region, host);
  if (flags.index !== undefined) throw new Failure('--index goes with --region', ExitStatus.usage);
  const key = keyOf(flags);
  const report = await search(path, key, flags, host);
  const { wals, tables, blobFiles } = report.searched;
  if (wals + tables + blobFiles === 0 && !report.interrupted) {
    const message = `${printable(path)}: no WALs, tables or blob files are here`;
    throw new Failure(
      message,
      ExitStatus.incomplete,
      'Name a database directory: kvdoctor find --key KEY DIR.',
    );
  }
  const sink = streamSink(host.stdout);
  if (flags.format === 'json') {
    const { findJson } = await import('../../report/find-json.js');
    await sink.write(findJson(report, key, flags.prefix ?? false));
  } else {
    const { findText } = await import('../../report/text/find.js');
    const settings = {
      width: stdoutWidth(host),
      palette: paletteFor(wantsColour(flags.color, host.env, host.stdout)),
      verbose: flags.verbose ?? false,
      quiet: false,
    };
    await writePieces(sink, findText(report, settings));
  }
  await sink.close();
  const { statesOf } = await import('../../repair/state-seen.js');
  say(host, ...stateLines(await statesOf(path, placesOf(flags)), flags.state));
  return statusOf(report);
}

/** Adds `kvdoctor find` to the program. `done` gets the exit status. */
export function addFind(program: Command, host: Host, done: (status: number) => void): void {
  const command = program
    .command('find')
    .description('every version of a key in every file of a database, and which of them a reader gets')
    .argument(
      '[dir]',
      'database directory, an archive of one, or s3://BUCKET/PREFIX; -: an archive on standard input',
      '.',
    )
    .option('--key <key>', 'the key, as text')
    .option('--key-hex <hex>', 'the key, as hexadecimal digits', hexKey)
    .option('--prefix', 'every key that begins so')
    .option('--cf <name>', 'only in this column family, by name or number')
    .option('--region <id>', 'of a raft log of raft-engine: entries of this region', regionId)
    .option('--index <n>', 'with --region: only this entry, or 12-20', indexRange)
    .option('--limit <n>', 'at most so many keys (default: 100)', count);
  withPlaceOptions(withStateOption(command))
    .addOption(choice('--format <format>', 'how to show it', ['text', 'json']).default('text'))
    .addOption(choice('--color <when>', 'colour the output', colorChoices).default('auto'))
    .option('-v, --verbose', 'show values and lists in full; stack traces on failures')
    .option('--no-progress', 'no progress bar')
    .addHelpText('after', examples)
    .action(async (path: string, flags: FindFlags) =>
      done(await withSeekable(path, host, (file) => run(file, flags, host), flags)),
    );
}
