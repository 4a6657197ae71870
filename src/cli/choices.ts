import { InvalidArgumentError, Option } from 'commander';
import { nearest } from './nearest.js';

/** An option that takes one of a few words; a wrong one is answered with the words and the nearest. */
export function choice(flags: string, description: string, words: readonly string[]): Option {
  return new Option(flags, description).choices(words).argParser((word: string) => {
    if (words.includes(word)) return word;
    const near = nearest(word, words);
    throw new InvalidArgumentError(
      `Choose one of ${words.join(', ')}.${near.length > 0 ? ` Did you mean ${near[0]}?` : ''}`,
    );
  });
}

/** Parses a whole number of at least 1. */
export function positive(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 1024) {
    throw new InvalidArgumentError('It takes a whole number from 1 to 1024.');
  }
  return number;
}

/** Parses an engine's version, `9`, `9.3` or `9.3.1`. */
export function version(text: string): string {
  if (!/^\d+(\.\d+){0,2}$/.test(text)) throw new InvalidArgumentError('It takes a version such as 9.3.');
  return text;
}

/** Gathers ids of backups, `7`, given once or several times. */
export function backupIds(text: string, before: number[] = []): number[] {
  const id = Number(text);
  if (!/^[1-9]\d{0,9}$/.test(text) || id > 0xffffffff) {
    throw new InvalidArgumentError('It takes the number of a backup, as in meta/7.');
  }
  return [...before, id];
}

/** Gathers an option that may be given several times. */
export function several(text: string, before: string[] = []): string[] {
  return [...before, text];
}
