import { counted } from '../finding/quantity.js';
import type { State } from './state.js';

/** Where a state comes from, in half a sentence. */
export function originText({ origin, takenBack }: State): string {
  const back = takenBack.length === 0 ? '' : `, with the flush of ${tablesText(takenBack)} taken back`;
  switch (origin.kind) {
    case 'manifest':
      return `${origin.manifest.file}${back}`;
    case 'edits':
      return `${origin.manifest.file} up to its edit at ${origin.end}${back}`;
    case 'extended':
      return origin.tables.length === 0
        ? `what holds of ${origin.manifest.file}${back}`
        : `${origin.manifest.file} and ${tablesText(origin.tables)}, which it does not name${back}`;
    case 'before':
      return `what is here from before ${origin.manifest.file}${back}`;
    case 'tables':
      return `the tables alone${back}`;
  }
}

/** A state in a sentence: how far it goes, what it holds, what it lacks. */
export function stateText(state: State): string {
  const { lastSequence, families, missing, missingBlobs, gaps, lostWals, complete, doubtful } = state;
  const { ignored, leftOut } = state;
  const held = families.map(({ name, entries }) => `${name} ${entries}`).join(', ');
  const gone = [
    ...tablesTexts(missing),
    ...missingBlobs.map(({ number }) => `blob file ${number}`),
    ...(complete ? [] : lostWals.map((number) => `WAL ${number}`)),
  ];
  const lacks = gone.length === 0 ? '' : `; ${gone.join(', ')} missing`;
  const doubt =
    doubtful === 0
      ? ''
      : `; up to ${doubtful} entries are older than what is missing and may have been deleted`;
  const holes = gaps.map(({ from, to }) => `; nothing holds sequences ${from} to ${to}`).join('');
  const unknown = ignored
    .map(
      ({ id, operations }) =>
        `; ${counted(operations, 'operation')} for column family ${id}, which it does not know`,
    )
    .join('');
  const left = leftOut.length === 0 ? '' : `; without ${tablesText(leftOut)}, written before that sequence`;
  return `${originText(state)}: up to sequence ${lastSequence}, entries ${held || 'none'}${lacks}${doubt}${holes}${unknown}${left}`;
}

function tablesTexts(tables: readonly { number: bigint }[]): string[] {
  return tables.length === 0 ? [] : [tablesText(tables)];
}

/** Names of tables in a list, the first ones where there are many. */
export function tablesText(tables: readonly { number: bigint }[]): string {
  const numbers = tables.map(({ number }) => number).sort((a, b) => (a < b ? -1 : 1));
  const shown = numbers.slice(0, SHOWN).join(', ');
  const more = numbers.length > SHOWN ? ` and ${numbers.length - SHOWN} more` : '';
  return `${numbers.length === 1 ? 'table' : 'tables'} ${shown}${more}`;
}

const SHOWN = 8;
