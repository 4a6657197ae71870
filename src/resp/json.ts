import { keyBytes } from '../finding/evidence.js';
import { compact } from '../report/json.js';
import { toolVersion } from '../report/tool.js';
import type { DatabaseCheck, WriteVerdict } from './against.js';
import { type CaptureCheck, isBroken } from './check.js';
import type { Request } from './streams.js';

function requestJson({ offset, end, words, name }: Request) {
  return { name, offset, length: end - offset, words: words.map(keyBytes) };
}

function verdictJson({ write, ...verdict }: WriteVerdict) {
  const { request, exec, refused } = write;
  return {
    request: requestJson(request),
    ...(exec && { exec: exec.offset }),
    ...(refused && { refused }),
    ...verdict,
  };
}

function databaseJson({ logs, verdicts, again, ...head }: DatabaseCheck) {
  return {
    ...head,
    ...(logs && { logs: { first: String(logs.first), last: String(logs.last) } }),
    verdicts: verdicts.map(verdictJson),
    again: again.map(({ request }) => requestJson(request)),
  };
}

/** What is wrong with a capture, for scripts: one JSON document. */
export function captureJson(check: CaptureCheck, database?: DatabaseCheck): string {
  const { broken, misfits, acknowledged: _, ...head } = check;
  const optional = (request: Request | undefined) => request && requestJson(request);
  return `${compact({
    schemaVersion: 1,
    tool: { name: 'kvdoctor', version: toolVersion },
    verdict: isBroken(check) ? 'broken' : 'clean',
    ...head,
    broken: broken.map((each) => ({
      ...each,
      request: requestJson(each.request),
      acknowledged: each.acknowledged.map(requestJson),
      takenFor: optional(each.takenFor),
    })),
    ...(database && { database: databaseJson(database) }),
    misfits: misfits.map((each) => ({ ...each, request: optional(each.request) })),
  })}\n`;
}
