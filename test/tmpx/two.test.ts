import fs from 'node:fs';
import path from 'node:path';
import { it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { applyInPlace } from '../../src/repair/apply.js';
import { realDisk } from '../../src/repair/disk.js';
import { Refusal } from '../../src/repair/refusal.js';
import { planAuto } from '../../src/repair/strategies/auto.js';
import { randomOf } from '../engines/raft-engine-damage.js';
import { withDatabase } from '../support/database.js';
import { visible } from '../support/visible.js';
const names = (process.env.NAMES ?? 'basic-7.8,basic-9.7,blob-7.8,checksummed-7.8,formats-7.8,wide-7.8,versions-7.8,leveldb/plain,titan/lz4,titan/dict,pebble-stores/cosmos,pebble-stores/valueblocks').split(',');
const random = randomOf(Number(process.env.SEED ?? 1));
const rounds = Number(process.env.ROUNDS ?? 40);
for (const name of names) it(name, async () => {
  const truth = await withDatabase(name, [], visible);
  for (let i = 0; i < rounds; i++) {
    await withDatabase(name, [], async (dir) => {
      const did: string[] = [];
      const files = fs.readdirSync(dir).filter((f) => /^(MANIFEST|CURRENT|OPTIONS)|\.(sst|ldb|log|blob)$/.test(f) && fs.statSync(path.join(dir, f)).size > 0);
      const kinds = 2 + random(2);
      for (let k = 0; k < kinds; k++) {
        let f = files[random(files.length)];
        if (k === 0 && random(2) === 0) f = files.find((x) => x.startsWith('MANIFEST')) ?? f;
        const p = path.join(dir, f);
        if (!fs.existsSync(p)) continue;
        const bytes = fs.readFileSync(p);
        const how = random(5);
        if (how === 0) { fs.rmSync(p); did.push(`rm ${f}`); }
        else if (how === 1) { const n = random(bytes.length || 1); fs.writeFileSync(p, bytes.subarray(0, n)); did.push(`trunc ${f} ${n}/${bytes.length}`); }
        else if (how === 2) { const a = random(bytes.length || 1); fs.writeFileSync(p, bytes.fill(0, a, Math.min(bytes.length, a + 20 + random(600)))); did.push(`zero ${f} ${a}`); }
        else { const a = random(bytes.length || 1); if (bytes.length) bytes[a] ^= 1 << random(8); fs.writeFileSync(p, bytes); did.push(`flip ${f} ${a}`); }
      }
      let plan;
      try { plan = await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' }); }
      catch (e) { if (e instanceof Refusal || (e as Error).constructor.name === 'BeyondLimit') return; console.log('THROW', name, did.join('; '), (e as Error).stack?.slice(0, 300)); return; }
      if (plan.steps.length === 0) return;
      await applyInPlace(plan, { disk: realDisk, journal: `${dir}.kvdoctor-undo-test`, checkOwner: async () => {}, tool: 'test', now: new Date(0) });
      let seen: Map<string, string>;
      try { seen = await visible(dir); } catch (e) { console.log('UNREADABLE after', name, did.join('; '), String(e).slice(0, 200)); return; }
      const lost = [...truth.keys()].filter((k) => !seen.has(k));
      const back = [...seen.keys()].filter((k) => !truth.has(k));
      const changed = [...truth.keys()].filter((k) => seen.has(k) && seen.get(k) !== truth.get(k));
      const quiet = plan.loss.length === 0 && !plan.unproven && !plan.undecided;
      if ((lost.length + changed.length > 0 && quiet) || back.length > 0)
        console.log(quiet ? 'SILENT' : 'BACK', name, `lost ${lost.length} changed ${changed.length} back ${back.length}`, did.join('; '), '| loss', plan.loss.map((l) => `${l.file}:${l.detail}`.slice(0, 80)).join(' / '), '| remarks', plan.remarks.map((r) => r.slice(0, 90)).join(' / '));
    });
  }
}, 600_000);
