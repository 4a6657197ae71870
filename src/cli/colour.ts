import { Chalk } from 'chalk';
import { type Palette, plainPalette } from '../report/reporter.js';
import type { Host, Output } from './host.js';

export const colorChoices = ['auto', 'always', 'never'] as const;
export type ColorChoice = (typeof colorChoices)[number];

/**
 * Whether to write colour to a stream: what --color says; else FORCE_COLOR (0 or false: no), else NO_COLOR when it is not
 * empty, else whether a terminal that is not dumb reads it.
 */
export function wantsColour(choice: ColorChoice, env: Host['env'], stream: Pick<Output, 'isTTY'>): boolean {
  if (choice !== 'auto') return choice === 'always';
  const forced = env.FORCE_COLOR;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (env.NO_COLOR) return false;
  return stream.isTTY === true && env.TERM !== 'dumb';
}

/** Sixteen colours are enough and every terminal has them, so chalk's own detection (which ignores NO_COLOR) is not asked. */
const chalk = new Chalk({ level: 1 });

const colourPalette: Palette = {
  error: chalk.bold.red,
  warning: chalk.bold.yellow,
  note: chalk.cyan,
  good: chalk.bold.green,
  strong: chalk.bold,
  dim: chalk.dim,
  mark: chalk.bold.red,
};

export function paletteFor(colour: boolean): Palette {
  return colour ? colourPalette : plainPalette;
}
