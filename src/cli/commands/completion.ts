import { Argument, type Command } from 'commander';
import { catalog } from '../../finding/catalog.js';
import { bashCompletion } from '../completion/bash.js';
import { fishCompletion } from '../completion/fish.js';
import { grammarOf } from '../completion/grammar.js';
import { zshCompletion } from '../completion/zsh.js';
import { ExitStatus } from '../exit-status.js';
import type { Host } from '../host.js';
import { streamSink } from '../sink.js';

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

const examples = `
Examples:
  source <(kvdoctor completion bash)                                        in ~/.bashrc
  kvdoctor completion zsh > "\${fpath[1]}/_kvdoctor"                         once
  kvdoctor completion fish > ~/.config/fish/completions/kvdoctor.fish       once`;

/** Adds `kvdoctor completion` to the program; every other command must have been added before it is run. */
export function addCompletion(program: Command, host: Host, done: (status: number) => void): void {
  program
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(shells)))
    .addHelpText('after', examples)
    .action(async (shell: keyof typeof shells) => {
      const sink = streamSink(host.stdout);
      await sink.write(shells[shell](grammarOf(program, { explain: Object.keys(catalog) })));
      await sink.close();
      done(ExitStatus.ok);
    });
}
