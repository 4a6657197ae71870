import { distance } from 'fastest-levenshtein';

/** Names that someone who typed `name` may have meant, nearest first, three at most. */
export function nearest(name: string, names: readonly string[]): string[] {
  const typed = name.toLowerCase();
  return names
    .map((candidate) => {
      const tail = candidate.slice(candidate.indexOf('/') + 1);
      const away = Math.min(distance(typed, candidate), distance(typed, tail));
      return { candidate, away: candidate.includes(typed) && typed.length > 2 ? Math.min(away, 1) : away };
    })
    .filter(
      ({ candidate, away }) => away <= Math.max(2, Math.floor(Math.min(candidate.length, typed.length) / 3)),
    )
    .sort((a, b) => a.away - b.away)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}
