import type { Command } from 'commander';
import type { DatabaseRequest } from '../../engine/database.js';
import type { DatabaseCheck } from '../../resp/against.js';
import type { CaptureCheck } from '../../resp/check.js';
import { choice, several } from '../choices.js';
import { type ColorChoice, colorChoices, paletteFor, wantsColour } from '../colour.js';
import { ExitStatus } from '../exit-status.js';
import { Failure } from '../failure.js';
import type { Host } from '../host.js';
import { inputPieces } from '../input.js';
import { stdoutWidth } from '../outputs.js';
import { streamSink } from '../sink.js';
import { placesOf } from '../target-options.js';
import { refuseTarget } from '../unopened.js';

interface RespFlags {
  requests?: string;
  dir?: string;
  walDir?: string;
  dbPath?: string[];
  format: 'text' | 'json';
  color: ColorChoice;
  verbose?: true;
}

const examples = `
Examples:
  kvdoctor resp replies.resp --requests requests.resp   each reply against its request
  kvdoctor resp replies.resp                            the replies alone
  kvdoctor resp replies.resp --requests requests.resp --dir /var/lib/kvrocks/db
                                                        and which writes the database lacks

The files are the raw bytes of one TCP connection, one direction each (tshark -z follow,tcp,raw; tcpflow).
Exit status: 0 each reply goes with its request, 1 the protocol is broken or a write is absent, 2 usage,
3 --dir could not be looked at.`;

/** A capture of one connection is held in memory. */
const LARGEST = 1 << 30;

async function readCapture(path: string, host: Host): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of inputPieces(path, host)) {
    size += piece.length;
    if (size > LARGEST) {
      const hint = 'Cut it where nothing was awaited, such as after the reply to a PING.';
      throw new Failure(`${path} is larger than 1 GiB`, ExitStatus.usage, hint);
    }
    pieces.push(piece.slice());
  }
  return Buffer.concat(pieces);
}

async function checkFiles(path: string, flags: RespFlags, host: Host): Promise<number> {
  if (path === '-' && flags.requests === '-')
    throw new Failure('replies and requests cannot both come from standard input');
  const { checkCapture, isBroken } = await import('../../resp/check.js');
  const replies = await readCapture(path, host);
  const requests = flags.requests === undefined ? undefined : await readCapture(flags.requests, host);
  const check = checkCapture(replies, requests, flags.dir !== undefined);
  if (flags.dir !== undefined && requests === undefined)
    throw new Failure('--dir needs the requests too: what was written is in them', ExitStatus.usage);
  const database = flags.dir === undefined ? undefined : await against(flags.dir, check, placesOf(flags));
  const { captureText } = await import('../../resp/text.js');
  const { captureJson } = await import('../../resp/json.js');
  const settings = {
    width: stdoutWidth(host),
    palette: paletteFor(wantsColour(flags.color, host.env, host.stdout)),
    verbose: flags.verbose ?? false,
    quiet: false,
  };
  const sink = streamSink(host.stdout);
  if (flags.format === 'json') await sink.write(captureJson(check, database));
  else {
    await sink.write(captureText(check, settings, database !== undefined));
    if (database !== undefined) {
      const { databaseText } = await import('../../resp/database-text.js');
      await sink.write('\n');
      for (const piece of databaseText(database, settings)) await sink.write(piece);
    }
  }
  await sink.close();
  if (isBroken(check) || (database?.absent ?? 0) > 0) return ExitStatus.findings;
  return database?.reason === undefined ? ExitStatus.ok : ExitStatus.incomplete;
}

/** Looks for what was acknowledged. */
async function against(
  directory: string,
  { acknowledged }: CaptureCheck,
  request: DatabaseRequest,
): Promise<DatabaseCheck> {
  const { checkAgainst } = await import('../../resp/against.js');
  return checkAgainst(directory, acknowledged, request).catch((error): DatabaseCheck => {
    const { unchecked, options } = refuseTarget('resp --dir', directory, error, true);
    const reason = unchecked[0]?.reason ?? 'it cannot be read';
    const nothing = { written: 0, absent: 0, undecided: 0, replaced: 0, verdicts: [], again: [] };
    return { directory, reason, mode: options.walRecoveryMode, ...nothing };
  });
}

/** Adds `kvdoctor resp` to the program. `done` gets the exit status. */
export function addResp(program: Command, host: Host, done: (status: number) => void): void {
  program
    .command('resp')
    .description('check the captured replies of a Redis or Kvrocks connection, byte by byte')
    .argument('<replies>', 'what the server sent on one connection; - for standard input')
    .option('--requests <file>', 'what the client sent on it')
    .option('--dir <dir>', 'the database that it wrote to: which acknowledged writes it does not hold')
    .option('--wal-dir <dir>', 'where wal_dir of its OPTIONS lies now')
    .option('--db-path <dir>', 'where db_paths of it lie now; may be given several times, in order', several)
    .addOption(choice('--format <format>', 'how to show it', ['text', 'json']).default('text'))
    .addOption(choice('--color <when>', 'colour the output', colorChoices).default('auto'))
    .option('-v, --verbose', 'show everything; stack traces on failures')
    .addHelpText('after', examples)
    .action(async (path: string, flags: RespFlags) => done(await checkFiles(path, flags, host)));
}
