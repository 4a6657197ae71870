import { causes } from '../app/log-knowledge.js';
import { compact } from '../report/json.js';
import { toolVersion } from '../report/tool.js';
import type { Checked } from './confirm.js';
import { command } from './text.js';
import type { Triage } from './triage.js';

/** What a log says, for scripts: one JSON document. */
export function triageJson(
  log: string,
  { sightings, incidents, ...head }: Triage,
  checked?: Checked,
): string {
  const directory = checked?.directory ?? head.directory;
  const typed = (next: readonly string[]) => next.map((each) => command(each, directory));
  const document = {
    schemaVersion: 1,
    tool: { name: 'kvdoctor', version: toolVersion },
    log,
    ...head,
    ...(checked && {
      checked: checked.directory,
      scan: { findings: checked.report.findings, unchecked: checked.report.unchecked },
    }),
    incidents: incidents.map((incident) => {
      const verified = checked?.verified.get(incident);
      return { ...incident, next: typed(incident.next), ...(verified && { verified }) };
    }),
    symptoms: sightings.map((sighting) => {
      const { symptom, ...seen } = sighting;
      const { id, severity, meaning, look, action, references } = symptom;
      const confirmation = checked?.confirmations.get(sighting);
      return {
        ...{ id, severity, ...seen, meaning, look },
        causes: symptom.causes.map((code) => ({ code, detail: causes[code] })),
        ...{ action, next: typed(symptom.next), references },
        ...(confirmation && { confirmedBy: confirmation.findings }),
      };
    }),
  };
  return `${compact(document)}\n`;
}
