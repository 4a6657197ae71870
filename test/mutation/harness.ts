import path from 'node:path';
import { scanTarget } from '../../src/scan/scan.js';
import { withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { mutate } from './mutate.js';
import { Random } from './random.js';
import type { Subject, Verdict } from './subjects.js';

/** One in so many mutations goes through a whole directory on disk, the rest straight through the check of its file. */
const DIRECTORY_EVERY = 200;

/** Longer than this on a processor is a hang. */
export const HANG_SECONDS = 10;

export interface Failure {
  /** Number of the mutation: `--seed S --from I --count 1` repeats it. */
  index: number;
  base: string;
  /** The damage as patches, ready to become a case under fixtures/cases. */
  patches: string[];
  problem: string;
}

/** Small files are met more often: they are checked faster, and a byte of theirs is more likely to matter. */
function weigher(subjects: readonly Subject[]): (random: Random) => Subject {
  const ends: number[] = [];
  let total = 0;
  for (const { healthy, file } of subjects) {
    const rarely = /(OPTIONS-\d+|CURRENT)$/.test(file) ? 0.2 : 1;
    total += Math.ceil((rarely * 1000) / (1 + healthy.length / 8192));
    ends.push(total);
  }
  return (random) => {
    const at = random.below(total);
    return subjects[ends.findIndex((end) => at < end)];
  };
}

/** Makes and checks mutations by number. Each is its own seed, so that any of them can be had again alone. */
export class Mutator {
  /** How many so far were noticed at all. Most of the rest changed nothing, or bytes that nothing protects. */
  noticed = 0;
  private readonly choose: (random: Random) => Subject;

  constructor(
    private readonly subjects: readonly Subject[],
    private readonly seed: number,
  ) {
    this.choose = weigher(subjects);
  }

  /** Undefined when nothing is wrong with how kvdoctor took it. */
  async run(index: number): Promise<Failure | undefined> {
    const random = new Random(this.seed * 1_000_003 + index);
    const subject = this.choose(random);
    const patches: string[] = [];
    const start = process.cpuUsage();
    try {
      const { complaints, noticed } =
        index % DIRECTORY_EVERY === 0
          ? await this.directory(subject, random, patches)
          : await this.single(subject, random, patches);
      if (noticed) this.noticed++;
      const { user, system } = process.cpuUsage(start);
      const seconds = (user + system) / 1e6;
      if (seconds > HANG_SECONDS) complaints.push(`took ${seconds.toFixed(1)} s of a processor`);
      if (complaints.length === 0) return undefined;
      return { index, base: subject.base, patches, problem: complaints.join('; ') };
    } catch (error) {
      return { index, base: subject.base, patches, problem: (error as Error).stack ?? String(error) };
    }
  }

  private async single(subject: Subject, random: Random, patches: string[]): Promise<Verdict> {
    const mutation = await mutate(subject.healthy, subject.layout, random);
    patches.push(...mutation.patches.map((patch) => patch.replace('%', subject.file)));
    return subject.run(mutation.bytes);
  }

  private async directory(first: Subject, random: Random, patches: string[]): Promise<Verdict> {
    const files = new Map(first.files);
    const here = this.subjects.filter((subject) => subject.base === first.base);
    for (const subject of [first, ...Array.from({ length: random.below(3) }, () => random.pick(here))]) {
      if (files.get(subject.file) !== subject.healthy) continue;
      if (random.chance(0.1)) {
        files.delete(subject.file);
        patches.push(`remove ${subject.file}`);
        continue;
      }
      const mutation = await mutate(subject.healthy, subject.layout, random);
      files.set(subject.file, mutation.bytes);
      patches.push(...mutation.patches.map((patch) => patch.replace('%', subject.file)));
    }
    return withTemporaryDirectory(async (parent) => {
      const dir = path.join(parent, 'db');
      writeFileSet(files, dir);
      const report = await scanTarget(dir, {});
      const nowhere = report.findings.filter(
        (finding) => finding.message === '' || path.isAbsolute(finding.file),
      );
      return {
        complaints: nowhere.map(({ rule, file, message }) => `${rule} names ${file}: "${message}"`),
        noticed: report.findings.length > 0,
      };
    });
  }
}
