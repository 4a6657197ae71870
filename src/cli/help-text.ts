import { paragraph } from '../report/text/layout.js';

/** An example and what it is about: `  kvdoctor scan db   what is damaged`. */
const example = /^( {2}kvdoctor \S.*?) {2,}(\S.*)$/;

const isProse = (line: string) => /^\S/.test(line);

/**
 * Help in at most `width` columns: prose is wrapped anew, and what is said of an example goes below it where it does not fit
 * beside it. Commands are not wrapped.
 */
export function fittedHelp(text: string, width: number): string {
  const lines: string[] = [];
  let prose: string[] = [];
  const endProse = () => {
    if (prose.length > 0) lines.push(paragraph(prose.join(' '), width, ''));
    prose = [];
  };
  for (const line of text.split('\n')) {
    if (!isProse(line) || line.startsWith('Exit status:')) endProse();
    if (isProse(line)) {
      prose.push(line);
      continue;
    }
    const [, command, about] = (line.length > width && example.exec(line)) || [];
    if (command === undefined || about === undefined) lines.push(line);
    else lines.push(command, paragraph(about, width, '      '));
  }
  endProse();
  return lines.join('\n');
}
