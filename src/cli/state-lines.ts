import type { StateReport } from '../report/report.js';

/** The states that the files can give, a line each, for commands that show one of them. `taken`: the one that was asked for. */
export function stateLines(states: readonly StateReport[], taken: number | undefined): string[] {
  if (states.length < 2 && states[0]?.current) return [];
  return states.map(({ number, current, detail }) => {
    const seen = taken === undefined ? current : number === taken;
    return `${seen ? 'seen here: ' : ''}--state ${number}: ${detail}`;
  });
}
