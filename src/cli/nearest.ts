import { distance } from 'fastest-levenshtein';

/** Letters and digits alone: `kPointInTimeRecovery` and `point_in_time` are spelled as `point-in-time` is. */
const spelled = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

/** `pit` for `point-in-time`. */
const initials = (name: string) => name.replaceAll(/([a-z0-9])[a-z0-9]*-?/g, '$1');

/** Somebody wrote the same name in another way, in short, or with more around it. */
function isAnotherSpelling(typed: string, candidate: string): boolean {
  if (spelled(typed).length < 3) return false;
  return spelled(typed).includes(spelled(candidate)) || initials(candidate) === typed;
}

/** Names that someone who typed `name` may have meant, nearest first, three at most. */
export function nearest(name: string, names: readonly string[]): string[] {
  const typed = name.toLowerCase();
  return names
    .map((candidate) => {
      const tail = candidate.slice(candidate.indexOf('/') + 1);
      const away = Math.min(distance(typed, candidate), distance(typed, tail));
      if (isAnotherSpelling(typed, candidate)) return { candidate, away: 0 };
      return { candidate, away: candidate.includes(typed) && typed.length > 2 ? Math.min(away, 1) : away };
    })
    .filter(
      ({ candidate, away }) => away <= Math.max(2, Math.floor(Math.min(candidate.length, typed.length) / 3)),
    )
    .sort((a, b) => a.away - b.away)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}
