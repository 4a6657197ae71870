import { type Command, InvalidArgumentError } from 'commander';
import { type ProfileChoice, ProfileMismatch } from '../../app/profile-choice.js';
import type { Address } from '../../inspect/at.js';
import type { Inspection } from '../../inspect/inspect.js';
import { type InspectKind, inspectKinds } from '../../inspect/kinds.js';
import type { Node, Root } from '../../inspect/node.js';
import { pathArgument } from '../../io/arguments.js';
import { namedFile } from '../../io/named-file.js';
import { systemCode } from '../../io/target-error.js';
import { printable } from '../../report/printable.js';
import { choice } from '../choices.js';
import { type ColorChoice, colorChoices, paletteFor, wantsColour } from '../colour.js';
import { ExitStatus } from '../exit-status.js';
import { Failure, systemText } from '../failure.js';
import type { Host } from '../host.js';
import { stdoutWidth } from '../outputs.js';
import { say } from '../say.js';
import { type Sink, streamSink } from '../sink.js';
import { type StoreFlags, storeOf, withStoreOptions } from '../store-options.js';
import { profileOption } from '../target-options.js';
import { profileFailure } from '../unopened.js';
import { writePieces } from '../write-pieces.js';

interface InspectFlags extends StoreFlags {
  at?: Address;
  hex?: Uint8Array;
  records?: true;
  entries?: true;
  properties?: true;
  limit?: number;
  as?: InspectKind;
  profile?: ProfileChoice;
  brief?: true;
  full?: boolean;
  format: 'text' | 'json';
  color: ColorChoice;
}

const examples = `
Examples:
  kvdoctor inspect 000021.log                    the records of a WAL, its gaps and damage, with their bytes
  kvdoctor inspect 000021.log --records --brief  every operation on a line: what ldb dump_wal prints
  kvdoctor inspect 000014.sst --entries --limit 2
  kvdoctor inspect --brief db/*.log              several files, one after the other
  kvdoctor inspect --json 000021.log             the same as JSON; of several files an array
  kvdoctor inspect 000014.sst --properties       what sst_dump --show_properties prints
  kvdoctor inspect 000021.log --at 0x7a3a        what stands at that offset: a finding of scan, a bad sector
  kvdoctor inspect 000014.sst --at 0x200/31      byte 31 of what the compressed block at 0x200 holds
  kvdoctor inspect --hex 0100000000000000010000000001026b31027631

Exit status: 0 all of what was shown is as it should be, 1 something in it is damaged, 2 usage, 3 something could not be
read or decoded.`;

/** Parses `0x7a3a`, `31290`, `0x200/31`. */
function address(text: string): Address {
  const [offset, inner, ...rest] = text.split('/').map(number);
  const bad = offset === undefined || rest.length > 0 || (text.includes('/') && inner === undefined);
  if (bad)
    throw new InvalidArgumentError(
      'It takes an offset, 31290 or 0x7a3a, or BLOCK/OFFSET for a compressed block.',
    );
  return { offset, ...(inner !== undefined && { inner }) };
}

function number(text: string): number | undefined {
  const value = /^(?:0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

function count(text: string): number {
  const value = number(text);
  if (value === undefined || value < 1) throw new InvalidArgumentError('It takes a whole number from 1.');
  return value;
}

/** Parses bytes in hexadecimal as tools print them: `0x` before them, spaces and colons between. */
function hexBytes(text: string): Uint8Array {
  const digits = text.replace(/^0x/i, '').replace(/[\s:|]/g, '');
  if (!/^(?:[0-9a-f]{2})*$/i.test(digits))
    throw new InvalidArgumentError('It takes pairs of hexadecimal digits.');
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

/** What the options are for. */
const applies: Record<'records' | 'entries' | 'properties', { kinds: readonly InspectKind[]; what: string }> =
  {
    records: {
      kinds: ['wal', 'manifest', 'batch', 'blob', 'raft-log'],
      what: 'WALs, MANIFESTs, raft logs and blob files',
    },
    entries: { kinds: ['table'], what: 'tables' },
    properties: { kinds: ['table'], what: 'tables' },
  };

const textKinds: ReadonlySet<InspectKind> = new Set<InspectKind>(['options', 'backup', 'current', 'text']);

function checkFlags(flags: InspectFlags, kind: InspectKind): void {
  for (const [name, { kinds, what }] of Object.entries(applies)) {
    if (!flags[name as keyof typeof applies] || kinds.includes(kind)) continue;
    throw new Failure(`--${name} is for ${what}, this is taken as: ${kind}`, ExitStatus.usage);
  }
}

interface Opened {
  name: string;
  inspection: Inspection;
}

async function openFile(path: string, flags: InspectFlags, several: boolean): Promise<Opened> {
  const { inspectKindOf } = await import('../../inspect/inspect.js');
  const { inspect } = await import('../../inspect/open.js');
  const file = await pathArgument(path);
  const shown = printable(path);
  try {
    // reading a pipe or a device might never end
    const named = await namedFile(file, storeOf(flags).store);
    const leadsTo = named.kind;
    if (named.kind !== 'file') {
      const hint = leadsTo === 'directory' ? 'Name one of its files.' : undefined;
      throw new Failure(
        `${shown}: ${leadsTo === 'directory' ? 'a directory' : 'not a regular file'}`,
        ExitStatus.usage,
        hint,
      );
    }
    const kind = flags.as ?? (await inspectKindOf(file, named.source));
    if (kind === undefined) {
      const hint =
        'Say what it is: --as wal, table, manifest, blob, raft-log, options, backup, batch or text.';
      throw new Failure(
        `${shown}: neither its name nor its content tells what it is`,
        ExitStatus.usage,
        hint,
      );
    }
    // of several files each is shown as far as an option is for it
    if (!several) checkFlags(flags, kind);
    const { records, entries, properties, limit, at, profile } = flags;
    const inspection = await inspect(file, {
      as: kind,
      ...storeOf(flags),
      ...(profile && { profile }),
      ...(at === undefined
        ? { records, entries, properties, limit }
        : { records: true, entries: true, near: at.offset }),
    });
    return { name: path, inspection };
  } catch (error) {
    if (error instanceof ProfileMismatch) throw profileFailure(error);
    const code = systemCode(error);
    if (error instanceof Failure || code === undefined) throw error;
    const status = code === 'ENOENT' || code === 'ENOTDIR' ? ExitStatus.usage : ExitStatus.incomplete;
    throw new Failure(`${shown}: ${systemText(error)}`, status);
  }
}

async function openHex(bytes: Uint8Array, flags: InspectFlags): Promise<Opened> {
  const { inspectBytes } = await import('../../inspect/inspect.js');
  const { limit } = flags;
  return {
    name: 'batch',
    inspection: await inspectBytes(bytes, 'batch', { records: true, limit }),
  };
}

/** A file or bytes, shown to their end. */
async function showOne(opened: Opened, flags: InspectFlags, host: Host, sink: Sink): Promise<number> {
  const { inspection } = opened;
  const state = { damaged: false, undecoded: false };
  const onNode = ({ problems, unsupported }: Node) => {
    if (problems !== undefined && problems.length > 0) state.damaged = true;
    if (unsupported !== undefined) state.undecoded = true;
  };
  try {
    const render = async (root: Root) => {
      const pieces = await renderer(opened, flags, host, onNode);
      await writePieces(sink, pieces(root));
    };
    if (flags.at === undefined) await render(inspection.root);
    else await renderAt(opened, flags.at, render);
    const unread = inspection.unreadable();
    for (const { offset, length } of unread) {
      say(host, `kvdoctor: ${length} bytes at ${offset} could not be read and are shown as ff`);
    }
    // what seems wrong with text that was not read is what stands in its place
    if (unread.length > 0 && textKinds.has(inspection.kind)) return ExitStatus.incomplete;
    if (state.damaged) return ExitStatus.findings;
    return state.undecoded || unread.length > 0 ? ExitStatus.incomplete : ExitStatus.ok;
  } finally {
    await inspection.close();
  }
}

/** The files one after the other; as JSON one array of them, where there are several. */
async function inspectAll(paths: readonly string[], flags: InspectFlags, host: Host): Promise<number> {
  if ((paths.length === 0) === (flags.hex === undefined)) {
    const message = paths.length === 0 ? 'a file is missing' : '--hex takes the place of a file';
    throw new Failure(message, ExitStatus.usage, 'How it is used: kvdoctor inspect --help');
  }
  const sink = streamSink(host.stdout);
  const several = paths.length > 1;
  const [before, between, after] = flags.format === 'json' ? ['[\n', ',\n', ']\n'] : ['', '\n', ''];
  const statuses = new Set<number>();
  if (flags.hex !== undefined)
    statuses.add(await showOne(await openHex(flags.hex, flags), flags, host, sink));
  if (several) await sink.write(before);
  for (const [i, path] of paths.entries()) {
    if (i > 0) await sink.write(between);
    statuses.add(await showOne(await openFile(path, flags, several), flags, host, sink));
  }
  if (several) await sink.write(after);
  await sink.close();
  // damage that is known comes before what could not be looked at
  if (statuses.has(ExitStatus.findings)) return ExitStatus.findings;
  return Math.max(...statuses);
}

async function renderer(
  { name, inspection }: Opened,
  { format, brief, full = false, at, color }: InspectFlags,
  host: Host,
  onNode: (node: Node) => void,
): Promise<(root: Root) => AsyncIterable<string>> {
  const { kind, size } = inspection;
  if (format === 'json') {
    const { treeJson } = await import('../../report/tree-json.js');
    return (root) => treeJson(root, { schemaVersion: 1, file: name, kind, size }, onNode);
  }
  const { treeText } = await import('../../report/text/tree.js');
  const palette = paletteFor(wantsColour(color, host.env, host.stdout));
  const mark = at && { contents: at.inner !== undefined, offset: at.inner ?? at.offset };
  // the bytes of text say no more than the text
  const hex = !brief && (at !== undefined || !textKinds.has(kind));
  const settings = { width: stdoutWidth(host), palette, size, hex, full, onNode };
  return (root) => treeText(root, { ...settings, ...(mark && { mark }) });
}

async function renderAt(
  { inspection }: Opened,
  at: Address,
  render: (root: Root) => Promise<void>,
): Promise<void> {
  const { landAt } = await import('../../inspect/at.js');
  const { root, size, source } = inspection;
  if (at.offset >= size)
    throw new Failure(
      `offset ${at.offset} is after the end of the file, which has ${size} bytes`,
      ExitStatus.usage,
    );
  if (await landAt(root, at, source, render)) return;
  const what =
    at.inner === undefined
      ? `nothing is known of offset ${at.offset}`
      : `there is no byte ${at.inner} in anything compressed at offset ${at.offset}`;
  throw new Failure(what, ExitStatus.usage);
}

/** Adds `kvdoctor inspect` to the program. `done` gets the exit status. */
export function addInspect(program: Command, host: Host, done: (status: number) => void): void {
  const command = program
    .command('inspect')
    .description(
      'show the structure of a WAL, table, MANIFEST, blob, raft log, OPTIONS or backup meta file, with its bytes',
    )
    .argument('[file...]', 'one file or several')
    .option('--at <offset>', 'only the innermost thing that holds this byte', address)
    .option('--records', 'take records apart: operations of a WAL, edits of a MANIFEST')
    .option('--entries', 'take the blocks of a table apart')
    .option('--properties', 'the properties of a table, and nothing else without --entries')
    .option('--limit <n>', 'at most so many of each list', count)
    .option('--brief', 'no bytes, and no field that the line above it sums up')
    .option('--full', 'cut no key, value or line')
    .option('--hex <bytes>', 'a WriteBatch in hexadecimal, in place of a file', hexBytes)
    .addOption(choice('--as <kind>', 'what the file is, where neither name nor content tells', inspectKinds))
    .addOption(profileOption());
  withStoreOptions(command)
    .addOption(choice('--format <format>', 'how to show it', ['text', 'json']).default('text'))
    .addOption(choice('--color <when>', 'colour the output', colorChoices).default('auto'))
    .addHelpText('after', examples)
    .action(async (paths: string[], flags: InspectFlags) => done(await inspectAll(paths, flags, host)));
}
