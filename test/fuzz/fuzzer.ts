import { Random } from '../mutation/random.js';
import { type Base, baseNames, fuzzBase } from './bases.js';
import { type FuzzCase, runCase } from './case.js';
import { Coverage } from './coverage.js';
import { damage } from './damage.js';
import { commandsFor, exercise } from './exercise.js';
import { kindOf, minimised } from './minimise.js';

export interface FuzzOptions {
  seed: number;
  /** Bases or commands whose name has this, and no others. */
  only?: RegExp;
  /** Told what is about to run, so that it is known if nothing comes back. */
  about(running: FuzzCase): void;
}

/** Damage that led to code that had not run before, and is damaged further. At most so many of a base. */
const GROWN_OF_BASE = 40;

/** Damages bases and runs commands over them, on and on. Each step is its own seed; what coverage keeps depends on those before. */
export class Fuzzer {
  runs = 0;
  readonly coverage = new Coverage();
  private readonly grown = new Map<string, string[][]>();
  private readonly met = new Set<string>();
  /** Bases of which a scan has nothing to say. */
  private readonly quiet = new Set<string>();
  private readonly kinds = new Set<string>();

  private constructor(
    private readonly options: FuzzOptions,
    private readonly bases: readonly Base[],
    /** Databases that files are taken from. */
    private readonly others: readonly string[],
  ) {}

  static async make(options: FuzzOptions): Promise<Fuzzer> {
    const { only } = options;
    const bases: Base[] = [];
    for (const name of baseNames()) bases.push(await fuzzBase(name));
    const others = bases.filter(
      ({ name, kind }) => kind === 'database' && !/^(states|field|engines)\//.test(name),
    );
    const wanted =
      only === undefined ? bases : bases.filter(({ name, kind }) => only.test(name) || only.test(kind));
    const fuzzer = new Fuzzer(
      options,
      wanted.length > 0 ? wanted : bases,
      others.map(({ name }) => name),
    );
    await fuzzer.coverage.start();
    return fuzzer;
  }

  /** An undamaged base, before it is damaged for the first time: what is wrong there is wrong everywhere. */
  private async healthy({ name, kind, files }: Base): Promise<FuzzCase[]> {
    if (this.met.has(name)) return [];
    this.met.add(name);
    const [command] = commandsFor(kind, [], new Random(this.options.seed));
    const { status, problem } = await exercise(files, command);
    if (status === 0) this.quiet.add(name);
    return problem === undefined ? [] : [{ about: problem, base: name, command, patches: [] }];
  }

  /** One damaged base and some commands over it. */
  async step(index: number): Promise<FuzzCase[]> {
    const random = new Random(this.options.seed * 1_000_003 + index);
    const base = random.pick(this.bases);
    const kept = this.grown.get(base.name) ?? [];
    const from = kept.length > 0 && random.chance(0.4) ? random.pick(kept) : [];
    const damaged = await damage(base, from, random, this.others);
    const touched = [...new Set(damaged.patches.map((patch) => patch.split(' ')[1]))].filter((file) =>
      damaged.files.has(file),
    );
    const failures = await this.healthy(base);
    for (const command of commandsFor(base.kind, touched, random)) {
      if (this.options.only && !this.matches(base, command)) continue;
      const mustNotice =
        damaged.broken !== undefined &&
        this.quiet.has(base.name) &&
        /^scan .*--depth (full|checksums)/.test(command);
      const each: FuzzCase = { about: '', base: base.name, command, patches: damaged.patches, mustNotice };
      this.options.about(each);
      this.runs++;
      const { problem } = await runCase(each);
      if (problem === undefined) continue;
      const kind = `${command.split(' ')[0]} ${kindOf(problem)}`;
      if (this.kinds.has(kind)) continue;
      this.kinds.add(kind);
      failures.push(await minimised({ ...each, about: problem }));
    }
    if ((await this.coverage.fresh()) > 0) {
      kept.push(damaged.patches);
      if (kept.length > GROWN_OF_BASE) kept.splice(random.below(kept.length), 1);
      this.grown.set(base.name, kept);
    }
    return failures;
  }

  private matches({ name, kind }: Base, command: string): boolean {
    const only = this.options.only!;
    return only.test(name) || only.test(kind) || only.test(command.split(' ')[0]);
  }
}
