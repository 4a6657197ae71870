import type { Command } from 'commander';
import type { Depth } from '../check/unit.js';
import { earlierTarget } from '../report/baseline.js';
import type { Report } from '../report/report.js';
import type { ScanOptions } from '../scan/scan.js';
import { parseShard, type Shard, shardFromEnvironment } from '../scan/shards/shard.js';
import { isStated } from './environment.js';
import type { FailOn } from './exit-status.js';
import { Failure } from './failure.js';
import type { Host } from './host.js';
import type { Policy } from './policy.js';
import { placesOf, type TargetFlags } from './target-options.js';

/** What commander makes of the command line. */
export interface ScanFlags extends TargetFlags {
  depth: Depth;
  jobs: number;
  failOn: FailOn;
  shard?: string;
  since?: string;
  budget?: number;
  sample?: number;
  maxRead?: number;
  recovery?: true;
  dryRun?: true;
  application?: true;
  kind?: ScanOptions['kind'];
  backup?: number[];
  from?: string[];
}

function shardOf(text: string, env: Host['env']): Shard {
  const shard = text === 'env' ? shardFromEnvironment(env) : parseShard(text);
  if (typeof shard === 'object') return shard;
  if (shard !== undefined) throw new Failure(`--shard env: ${shard}`);
  throw new Failure(
    `--shard ${text} is not a shard`,
    undefined,
    'It takes INDEX/COUNT from 1/COUNT on, or env.',
  );
}

/** Options for each target: what is said on the command line or in the environment, else what the configuration says. */
export function scanOptionsFor(command: Command, policy: Policy, since: Report | undefined, host: Host) {
  const flags = command.opts<ScanFlags>();
  const shard = flags.shard === undefined ? undefined : shardOf(flags.shard, host.env);
  const depth = isStated(command, 'depth') ? flags.depth : undefined;
  return (path: string, alone: boolean): ScanOptions => {
    const own = policy.of(path);
    if (shard && flags.application)
      throw new Failure('--application reads the whole database: it cannot be one of several shards');
    const before = since && earlierTarget(since, path, alone);
    const places = {
      ...pick(own, ['kind', 'walDir', 'dbPaths', 'engineVersion', 'profile']),
      ...placesOf(flags),
    };
    return {
      ...places,
      depth: depth ?? own.depth ?? flags.depth,
      jobs: flags.jobs,
      opening: true,
      ...pick(flags, ['kind', 'budget', 'sample', 'maxRead', 'recovery', 'application']),
      ...(flags.backup && { backups: flags.backup }),
      ...(shard && { shard }),
      ...(since &&
        before && {
          since: { files: before.files, depth: since.summary.depth, checkedAt: since.summary.startedAt },
        }),
    };
  };
}

/** Some fields of an object, without undefined ones. */
function pick<T extends object, K extends keyof T>(from: T, names: readonly K[]): Partial<Pick<T, K>> {
  return Object.fromEntries(
    names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]),
  ) as Partial<Pick<T, K>>;
}
