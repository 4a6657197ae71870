import { redisCommand } from '../app/redis/word.js';
import type { RenderSettings } from '../report/reporter.js';
import { paragraph } from '../report/text/layout.js';
import type { Request } from './streams.js';

/** Characters of an argument. */
const LONGEST_WORD = 60;

/** A request as typed, `SET foo bar`. */
export function commandText({ words, name }: Request, longest = LONGEST_WORD): string {
  return words.length === 0 ? name : redisCommand(words, longest);
}

/** A line with a label before it. */
export function labelled(label: string, text: string, { width, palette }: RenderSettings): string {
  return `${paragraph(text, Math.min(width, 110), `  ${palette.dim(label.padEnd(8))}`)}\n`;
}
