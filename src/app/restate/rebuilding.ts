import path from 'node:path';
import { shellWord } from '../../finding/shell-word.js';
import { factsOfView } from '../facts.js';
import type { ElsewhereRebuild, ProfileFacts } from '../profile.js';
import { Reported } from '../reported.js';
import { checkRestate } from './check/check.js';
import { readLogFacts } from './check/log-facts.js';
import { type RestateLayout, restateLayout } from './instance.js';

/** Directories beside the partition store that may hold its log, by the provider that bifrost is set to. */
const LOGS = ['log-store', 'local-loglet'];

/** What the log beside a partition store says. */
interface LogBeside {
  directory: string;
  /** Records that are missing or do not decode, in words. */
  damage?: string;
  /** Partitions whose log does not begin with the first record any more. */
  trimmed: bigint[];
}

/**
 * A partition store holds nothing that is not in the log as well, as far as the log has not been trimmed: the server makes it
 * again where its directory is gone, partition by partition. The log is opened and walked to say whether it is all there.
 */
export async function partitionStoreRebuilding(
  { partitions }: RestateLayout,
  facts: ProfileFacts,
): Promise<ElsewhereRebuild> {
  const directory = namedDirectory(facts.directory);
  const command = `mv ${shellWord(directory)} ${shellWord(`${directory}.aside`)}`;
  const builds =
    'Restate builds a partition store again from its log when the directory is not there; the other directories of the node stay';
  const logs: LogBeside[] = [];
  for (const name of LOGS) {
    const log = await logBeside(name, new Set(partitions.values()), facts);
    if (log !== undefined) logs.push(log);
  }
  if (logs.length === 0) {
    return {
      detail: `${builds}. Where its log (log-store or local-loglet, not here beside it) is whole and was never trimmed, moving the directory away while the node is stopped loses nothing. Where it was trimmed, a snapshot is needed.`,
      command,
    };
  }
  const damaged = logs.find(({ damage }) => damage !== undefined);
  if (damaged !== undefined)
    return {
      detail: `${builds}. But the log in ${damaged.directory} is not whole (${damaged.damage}): scan it first, and keep this directory.`,
    };
  const names = logs.map(({ directory: name }) => name).join(' and ');
  const trimmed = [...new Set(logs.flatMap((log) => log.trimmed))].sort((a, b) => Number(a - b));
  if (trimmed.length > 0) {
    const which = `partition${trimmed.length === 1 ? '' : 's'} ${trimmed.join(', ')}`;
    return {
      detail: `${builds}. But the log of ${which} in ${names} was trimmed: what is before the trim point comes back from a snapshot only. Without one keep this directory.`,
    };
  }
  return {
    detail: `${builds}. ${names} beside it ${logs.length === 1 ? 'has' : 'have'} every record from the first on, so moving the directory away while the node is stopped loses nothing; a repair may.`,
    command,
  };
}

/** The directory as it was given, where that ends in a name: `.` cannot be moved. */
function namedDirectory(given: string): string {
  const directory = path.join(given, '.');
  return /^\.\.?$/.test(path.basename(directory)) ? path.resolve(given) : directory.replace(/\/$/, '');
}

/** Opens and walks a log beside the database. `undefined` where it is absent or holds no log of these partitions. */
async function logBeside(
  name: string,
  partitions: ReadonlySet<bigint>,
  facts: ProfileFacts,
): Promise<LogBeside | undefined> {
  const relative = path.join('..', name);
  if ((await facts.kindOf(relative)) !== 'directory') return undefined;
  const view = await facts.open(relative);
  const directory = path.join(namedDirectory(facts.directory), relative);
  if (view === undefined) return { directory, damage: 'it does not open', trimmed: [] };
  try {
    const layout = await restateLayout(factsOfView(view, directory));
    const family = [...(layout?.families ?? [])].find(([, kind]) => kind === 'metadata')?.[0];
    if (layout === undefined || family === undefined) return undefined;
    let damage: string | undefined;
    await checkRestate(view, layout, ({ severity, message }) => {
      if (severity !== 'note') damage ??= message;
    });
    const { loglets } = await readLogFacts(view, layout, family, new Reported(() => {}));
    const firstSegments = new Map<bigint, bigint>();
    const trimmed = new Set<bigint>();
    for (const [loglet, { trimPoint }] of loglets) {
      const [log, segment] = [loglet >> 32n, loglet & 0xffff_ffffn];
      if (!partitions.has(log)) continue;
      const first = firstSegments.get(log);
      if (first === undefined || segment < first) firstSegments.set(log, segment);
      if (trimPoint > 0n) trimmed.add(log);
    }
    if (firstSegments.size === 0) return undefined;
    for (const [log, segment] of firstSegments) if (segment > 0n) trimmed.add(log);
    return { directory, ...(damage !== undefined && { damage }), trimmed: [...trimmed] };
  } finally {
    view.close();
  }
}
