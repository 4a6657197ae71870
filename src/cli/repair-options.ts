import { type Command, Option } from 'commander';
import type { Depth } from '../check/unit.js';
import type { RecoveryMode } from '../recovery/mode.js';
import { levelDbModes, type RaftRecoveryMode, raftRecoveryModes, recoveryModes } from '../recovery/mode.js';
import type { Destination } from '../repair/carry-out.js';
import type { RepairMethod } from '../repair/method.js';
import { type TombstonePolicy, tombstonePolicies } from '../repair/tombstone-policy.js';
import { choice, positive, several } from './choices.js';
import { ExitStatus } from './exit-status.js';
import { Failure } from './failure.js';
import { jobsOption, type TargetFlags } from './target-options.js';

export interface RepairFlags extends TargetFlags {
  mode?: RecoveryMode | RaftRecoveryMode;
  strategy?: (typeof strategies)[number];
  onLostTombstones?: TombstonePolicy;
  state?: number;
  dropOrphans?: true;
  bringBack?: true;
  emit?: 'redis';
  acceptHole?: true;
  healFirst?: true;
  from?: string[];
  acceptUnproven?: true;
  dryRun?: true;
  output?: string;
  inPlace?: true;
  journal?: string;
  yes?: true;
  stopped?: true;
  depth: Depth;
  jobs: number;
}

const strategies = ['heal', 'salvage', 'metadata', 'tables', 'auto', 'application'] as const;

/** Adds what chooses a repair and where its result goes. */
export function withRepairOptions(command: Command): Command {
  return command
    .addOption(
      choice('--mode <mode>', 'keep what this recovery mode keeps', [
        ...recoveryModes,
        ...levelDbModes,
        ...raftRecoveryModes.slice(1),
      ]).conflicts('strategy'),
    )
    .addOption(
      choice(
        '--strategy <strategy>',
        'go beyond the recovery modes. heal: put back bytes that are proven; salvage: keep every record of the WALs that decodes, across gaps; metadata: write MANIFEST and CURRENT anew from the files; tables: replace damaged tables by what is left of them; auto: all that is needed, least loss first; application: rebuild keys by the rules of the application',
        strategies,
      ),
    )
    .addOption(
      choice(
        '--on-lost-tombstones <policy>',
        'where a table lost deletions: hide what they deleted (keep-hidden), let it come back, or refuse',
        tombstonePolicies,
      ).conflicts('mode'),
    )
    .addOption(
      new Option(
        '--state <n>',
        'with --strategy auto: take this one of the states that the files can give (a plan numbers them)',
      )
        .argParser(positive)
        .conflicts('mode'),
    )
    .addOption(
      new Option('--accept-hole', 'where no consistent point exists: keep what follows the damage').conflicts(
        'strategy',
      ),
    )
    .addOption(
      new Option('--heal-first', 'put back bytes that are proven before the WALs are cut').conflicts(
        'strategy',
      ),
    )
    .option(
      '--from <source>',
      'a checkpoint, a backup directory, an archive or another copy of the database: put back first what it proves, by identity and checksums; alone: only that; may be given several times',
      several,
    )
    .option(
      '--accept-unproven',
      'with --from: also take what would be whole with a source where nothing proves that it was here; the plan names it with its age',
    )
    .addOption(
      new Option(
        '--drop-orphans',
        'with --strategy application: also delete elements of deleted keys',
      ).conflicts(['mode', 'emit']),
    )
    .addOption(
      new Option(
        '--bring-back',
        'with --strategy application: make elements that no command reaches reachable again; some may have been removed on purpose',
      ).conflicts('mode'),
    )
    .addOption(
      choice(
        '--emit <form>',
        'with --strategy application: print what rebuilds the keys, and change nothing',
        ['redis'],
      ).conflicts(['mode', 'dryRun', 'inPlace', 'output', 'yes']),
    )
    .addOption(
      new Option('--dry-run', 'show the plan and change nothing').conflicts(['inPlace', 'output', 'yes']),
    )
    .addOption(
      new Option(
        '--output <dir>',
        'where the repaired copy goes (default: the name with .repaired)',
      ).conflicts('inPlace'),
    )
    .option('--in-place', 'change the directory itself, with an undo journal beside it')
    .option('--journal <dir>', 'where the undo journal of --in-place goes')
    .option('--yes', 'do not ask')
    .option('--stopped', 'the server is stopped and stays so (where its lock cannot be held)')
    .addOption(
      choice('--depth <depth>', 'how much to check before and after', [
        'structure',
        'checksums',
        'full',
      ]).default('full'),
    )
    .addOption(jobsOption());
}

/** How the options ask to repair. Throws a `Failure` where they do not go together. */
export function methodOf(flags: RepairFlags): RepairMethod {
  const { mode, acceptHole, healFirst, onLostTombstones, dropOrphans, bringBack, state } = flags;
  const strategy = flags.strategy ?? (state === undefined ? undefined : 'auto');
  const { acceptUnproven } = flags;
  const from = flags.from && { from: flags.from, ...(acceptUnproven && { acceptUnproven }) };
  if (from !== undefined && strategy === undefined && mode === undefined)
    return { strategy: 'from', ...from };
  if (state !== undefined && strategy !== 'auto' && strategy !== 'metadata')
    throw new Failure('--state goes with --strategy auto or metadata', ExitStatus.usage);
  if (strategy === 'application')
    return { strategy, ...from, ...(dropOrphans && { dropOrphans }), ...(bringBack && { bringBack }) };
  if (strategy === 'salvage' || strategy === 'heal') return { strategy, ...from };
  if (strategy !== undefined)
    return {
      strategy,
      ...from,
      ...(onLostTombstones && { onLostTombstones }),
      ...(state !== undefined && { state }),
    };
  if (mode === undefined) {
    throw new Failure(
      'say how to repair: --mode point-in-time, another recovery mode, or --strategy salvage',
      ExitStatus.usage,
      'Which is best here: kvdoctor simulate DIR.',
    );
  }
  return { mode, ...from, ...(acceptHole && { acceptHole }), ...(healFirst && { healFirst }) };
}

/** Where the result goes. */
export function destinationOf({ dryRun, inPlace, output, journal }: RepairFlags): Destination {
  if (dryRun) return { kind: 'dry-run' };
  if (inPlace) return { kind: 'in-place', ...(journal !== undefined && { journal }) };
  return { kind: 'copy', ...(output !== undefined && { output }) };
}

/** Throws a `Failure` where an option is given without the one that it needs. */
export function checkCompanions(flags: RepairFlags): void {
  if (flags.journal !== undefined && !flags.inPlace) {
    throw new Failure('--journal goes with --in-place', ExitStatus.usage, 'A copy needs no journal.');
  }
  if (flags.acceptUnproven && flags.from === undefined)
    throw new Failure('--accept-unproven goes with --from', ExitStatus.usage);
  const { emit, dropOrphans, bringBack, strategy } = flags;
  const alone = emit ? '--emit' : dropOrphans ? '--drop-orphans' : bringBack ? '--bring-back' : undefined;
  if (alone !== undefined && strategy !== 'application') {
    throw new Failure(`${alone} goes with --strategy application`, ExitStatus.usage);
  }
}
