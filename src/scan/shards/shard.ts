import type { PlannedUnit } from '../plan.js';

/** One of several parts of a scan. */
export interface Shard {
  /** From 1 to `count`. */
  index: number;
  count: number;
}

/**
 * The units of one shard, in the plan's order. Every process that plans the same directory splits it the same way, whatever its
 * number of threads: heaviest units first, each to the shard that has the fewest bytes so far.
 */
export function unitsOfShard(units: readonly PlannedUnit[], { index, count }: Shard): PlannedUnit[] {
  const loads = new Array<number>(count).fill(0);
  const mine = new Set<PlannedUnit>();
  for (const unit of [...units].sort((a, b) => b.weight - a.weight || a.id - b.id)) {
    const least = loads.indexOf(Math.min(...loads));
    loads[least] += unit.weight;
    if (least === index - 1) mine.add(unit);
  }
  return units.filter((unit) => mine.has(unit));
}

/** Of so many targets a shard each goes to one whole, so that not every process looks at all of them. */
const WHOLE_TARGETS = 16;

/** Whether each of several targets goes to one shard whole. Otherwise each is cut into parts of as many bytes. */
export function goWhole({ count }: Shard, targets: number): boolean {
  return targets >= WHOLE_TARGETS * count;
}

/** Whether this shard checks a target that is not split: by its name alone, whatever other targets there are. */
export function takesWhole({ index, count }: Shard, path: string): boolean {
  let hash = 0x811c9dc5;
  for (let i = 0; i < path.length; i++) hash = Math.imul(hash ^ path.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return ((hash ^ (hash >>> 16)) >>> 0) % count === index - 1;
}

/** `2/4` as a shard, `undefined` when it is none. */
export function parseShard(text: string): Shard | undefined {
  const parts = /^(\d{1,5})\/(\d{1,5})$/.exec(text);
  const [index, count] = parts === null ? [0, 0] : [Number(parts[1]), Number(parts[2])];
  return index >= 1 && index <= count ? { index, count } : undefined;
}

/** Variables in which a system that starts several processes says which one this is. */
interface Counter {
  index: string;
  count: string;
  /** The number of the first, or the variable that has it. */
  from: 0 | 1 | string;
  /** The variable that says by how much the numbers differ. Absent: by 1. */
  step?: string;
  system: string;
}

const counters: Counter[] = [
  { system: 'kvdoctor', index: 'KVDOCTOR_SHARD_INDEX', count: 'KVDOCTOR_SHARD_COUNT', from: 1 },
  { system: 'a Kubernetes indexed job', index: 'JOB_COMPLETION_INDEX', count: 'JOB_COMPLETIONS', from: 0 },
  { system: 'GitLab (parallel)', index: 'CI_NODE_INDEX', count: 'CI_NODE_TOTAL', from: 1 },
  { system: 'CircleCI (parallelism)', index: 'CIRCLE_NODE_INDEX', count: 'CIRCLE_NODE_TOTAL', from: 0 },
  {
    system: 'Buildkite (parallelism)',
    index: 'BUILDKITE_PARALLEL_JOB',
    count: 'BUILDKITE_PARALLEL_JOB_COUNT',
    from: 0,
  },
  {
    system: 'Azure Pipelines (parallel)',
    index: 'SYSTEM_JOBPOSITIONINPHASE',
    count: 'SYSTEM_TOTALJOBSINPHASE',
    from: 1,
  },
  { system: 'Semaphore (parallelism)', index: 'SEMAPHORE_JOB_INDEX', count: 'SEMAPHORE_JOB_COUNT', from: 1 },
  {
    system: 'an AWS Batch array job',
    index: 'AWS_BATCH_JOB_ARRAY_INDEX',
    count: 'AWS_BATCH_JOB_ARRAY_SIZE',
    from: 0,
  },
  {
    system: 'a Slurm job array',
    index: 'SLURM_ARRAY_TASK_ID',
    count: 'SLURM_ARRAY_TASK_COUNT',
    from: 'SLURM_ARRAY_TASK_MIN',
    step: 'SLURM_ARRAY_TASK_STEP',
  },
  { system: 'a Nomad job', index: 'NOMAD_ALLOC_INDEX', count: 'KVDOCTOR_SHARD_COUNT', from: 0 },
];

const whole = (text: string | undefined): number =>
  /^\d{1,9}$/.test(text ?? '') ? Number(text) : Number.NaN;

/**
 * The shard that the environment asks for. Kubernetes does not tell the number of completions, nor Nomad the number of allocations: a
 * manifest sets JOB_COMPLETIONS, or KVDOCTOR_SHARD_COUNT. A string says what is missing.
 */
export function shardFromEnvironment(env: Readonly<Record<string, string | undefined>>): Shard | string {
  const present = counters.find(({ index }) => env[index] !== undefined && env[index] !== '');
  if (present === undefined) {
    return `none of ${counters.map(({ index }) => index).join(', ')} is set`;
  }
  const { index, count, from, step, system } = present;
  const total = env[count];
  if (total === undefined || total === '') return `${index} (${system}) is set and ${count} is not`;
  const first = typeof from === 'string' ? whole(env[from] ?? '0') : from;
  const apart = step === undefined ? 1 : whole(env[step] ?? '1');
  const position = (whole(env[index]) - first) / apart + 1;
  return (
    parseShard(`${position}/${total}`) ?? `${index}=${env[index]} and ${count}=${total} do not make a shard`
  );
}
