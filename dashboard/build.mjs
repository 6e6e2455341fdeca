// Builds the page into the folder given: index.html, app.js, chart.js, app.css, plain.css, favicon.svg; beside each the
// same by gzip (NAME.gz) and a hash of it (NAME.etag), which src/web/assets.c embeds. Deterministic.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const home = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(home, 'dist'));
const BUDGET = 350 * 1024; // bytes of script by gzip
mkdirSync(out, { recursive: true });

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

async function bundle(entry, define = {}) {
  const result = await build({
    absWorkingDir: home, entryPoints: [entry], bundle: true, minify: true, format: 'esm', target: 'es2021',
    charset: 'utf8', legalComments: 'none', external: ['/assets/*'], write: false, logLevel: 'warning', define, outdir: out,
  });
  return Buffer.from(result.outputFiles[0].contents);
}

let script = 0;
function write(name, bytes) {
  const packed = gzipSync(bytes, { level: 9 });
  packed[9] = 255; // the operating system's field: the same everywhere
  writeFileSync(join(out, name), bytes);
  writeFileSync(join(out, `${name}.gz`), packed);
  writeFileSync(join(out, `${name}.etag`), `"${hash(bytes)}"`);
  if (name.endsWith('.js')) script += packed.length;
  return `/assets/${name}?v=${hash(bytes)}`;
}

const chart = write('chart.js', await bundle('src/chart.ts'));
const app = write('app.js', await bundle('src/app.ts', { CHART_URL: JSON.stringify(chart) }));
const style = write('app.css', await bundle('src/app.css'));
write('plain.css', await bundle('src/plain.css'));
write('favicon.svg', readFileSync(join(home, 'src/favicon.svg')));
const html = readFileSync(join(home, 'src/index.html'), 'utf8').replace('APP_URL', app).replace('STYLE_URL', style);
write('index.html', Buffer.from(html));
console.log(`dashboard: ${(script / 1024).toFixed(0)} KiB of script by gzip (at most ${BUDGET / 1024})`);
if (script > BUDGET) {
  console.error('dashboard: over its budget');
  process.exit(1);
}
