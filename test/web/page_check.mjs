// The page as a person uses it: Debian's Chromium, driven by playwright-core, on the server of server.c.
//     node test/web/page_check.mjs WEB_SERVER [SHOTS]
// SHOTS: a folder for pictures of each page, theme and width. Exits 77 (skipped) where there is no Chromium.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [binary, shots] = process.argv.slice(2);
const need = createRequire(new URL('../../dashboard/package.json', import.meta.url));
const chromiumPath = process.env.MC_CHROMIUM ?? '/usr/bin/chromium';
function skip(why) {
  console.log(`skipped: ${why}`);
  process.exit(77);
}
if (!existsSync(chromiumPath)) skip(`there is no ${chromiumPath} (Debian: chromium)`);
let chromium;
try {
  ({ chromium } = need('playwright-core'));
} catch {
  skip('playwright-core is not installed (npm ci in dashboard/)');
}
const axe = readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8');

// ---- the server ----

class Server {
  static async start(folder, ...args) {
    const server = new Server();
    server.process = spawn(binary, [folder, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    server.waiting = [];
    server.entries = [];
    server.links = {};
    const ready = new Promise((resolve, reject) => {
      createInterface({ input: server.process.stdout }).on('line', (line) => {
        const [word, first, second] = line.split(' ');
        if (word === 'url') server.url = first;
        else if (word === 'password') server.password = first;
        else if (word === 'link') server.links[first] = second;
        else if (word === 'entry') server.entries.push(line.slice(6));
        else if (word === 'ready') resolve();
        else if (word === 'ok') server.waiting.shift()?.(first);
      });
      server.process.on('exit', (code) => reject(new Error(`web_server ended with ${code}`)));
    });
    await ready;
    return server;
  }
  order(line) {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.process.stdin.write(`${line}\n`);
    });
  }
  async stop() {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.stdin.write('quit\n');
    assert.equal(await ended, 0, 'the server ends cleanly');
  }
}

const folder = mkdtempSync(join(tmpdir(), 'mc-page-'));
mkdirSync(join(folder, 'spool'));
writeFileSync(join(folder, 'spool', 'abc123.eml'), [
  'From: "Harbour & Pine" <shop@example.com>', 'To: <anna@example.com>', 'Subject: =?utf-8?B?RGVpbiBXYXJlbmtvcmIg8J+bkg==?=',
  'Date: Fri, 01 Nov 2019 00:37:03 +0000', 'Content-Type: multipart/alternative; boundary="=_x"', '', '--=_x',
  'Content-Type: text/plain; charset=utf-8', '', 'plain', '--=_x', 'Content-Type: text/html; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable', '', '<p id=3D"mail" style=3D"color:red">Hello=', ' you</p><script>top.x=3D1</script>', '--=_x--', ''].join('\r\n'));
let server = await Server.start(folder);
const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
const troubles = [];
let checks = 0;

async function check(name, test) {
  const from = Date.now();
  try {
    await test();
    checks++;
    console.log(`ok   ${name} (${Date.now() - from} ms)`);
  } catch (error) {
    console.log(`FAIL ${name}: ${error.stack ?? error}`);
    process.exitCode = 1;
  }
}

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (message) => {
    const text = message.text();
    const expected = /Failed to load resource|ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY/.test(text) || message.location().url.includes('/inbox/body/');
    if (message.type() === 'error' && !expected) troubles.push(text);
  });
  return page;
}

async function signIn(page, path = '/') {
  await page.goto(`${server.url}/login`);
  await page.fill('#password', server.password);
  await page.click('button[type=submit]');
  await page.waitForSelector('.strip');
  if (path !== '/') await page.goto(server.url + path);
  await page.waitForSelector('tr[data-place], .empty:not([hidden])');
  return page;
}

const rowOf = (page, text) => page.locator('.products tr[data-place]', { hasText: text });
const idle = (page) => page.waitForFunction(() => document.querySelector('.connection')?.dataset.state === 'live');

async function sound(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run({ exclude: [['tbody tr:nth-child(n+8)']] }, { resultTypes: ['violations'] }));
  const said = found.violations.map((v) => `${v.id}: ${v.help} (${v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(', ')})`);
  assert.deepEqual(said, [], what);
}

const sideways = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

// ---- who may ----

await check('nobody sees anything without signing in', async () => {
  for (const path of ['/api/v1/summary', '/api/v1/sales', '/api/v1/sales.csv', '/api/v1/carts', '/api/v1/rejects', '/api/stream', '/inbox']) {
    const answer = await fetch(server.url + path, { redirect: 'manual' });
    assert.equal(answer.status, 401, path);
  }
  const root = await fetch(`${server.url}/`, { redirect: 'manual' });
  assert.equal(root.status, 303);
  assert.equal(root.headers.get('location'), '/login');
  const forged = await fetch(`${server.url}/api/v1/summary`, { headers: { cookie: `maxcart=ms_${'A'.repeat(43)}` } });
  assert.equal(forged.status, 401);
});

await check('answers carry the headers that keep others out', async () => {
  const { headers } = await fetch(`${server.url}/login`);
  const policy = headers.get('content-security-policy');
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(headers.get('referrer-policy'), 'no-referrer');
});

await check('a wrong password says so; five of them from one address have to wait', async () => {
  const page = await open();
  await page.goto(`${server.url}/login`);
  await page.fill('#password', 'wrong-password');
  await page.click('button[type=submit]');
  assert.match(await page.textContent('[role=alert]'), /not the password/);
  const form = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'password=no' };
  for (let i = 0; i < 4; i++) assert.equal((await fetch(`${server.url}/login`, form)).status, 401);
  const refused = await fetch(`${server.url}/login`, form);
  assert.equal(refused.status, 429);
  assert.ok(refused.headers.get('retry-after'));
  await server.stop();
  server = await Server.start(folder); // what was tried is forgotten
  await page.context().close();
});

await check('a POST from another site is refused', async () => {
  const send = (headers) => fetch(`${server.url}/login`, {
    method: 'POST', redirect: 'manual', body: `password=${server.password}`, headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers } });
  assert.equal((await send({ origin: 'https://evil.example' })).status, 403);
  const good = await send({ origin: server.url });
  assert.equal(good.status, 303);
  const cookie = good.headers.get('set-cookie');
  for (const part of [/HttpOnly/, /SameSite=Strict/, /Path=\//]) assert.match(cookie, part);
});

// ---- live ----

const page = await signIn(await open());

await check('numbers, chart and table are there', async () => {
  await page.waitForSelector('.chart canvas');
  assert.match(await page.textContent('.figure .value'), /^€[\d,]+\.\d\d$/);
  assert.ok(await page.locator('.products tr[data-place]').count() > 20);
  await page.waitForFunction(() => /than yesterday/.test(document.querySelector('.figure .notes')?.textContent ?? ''));
  await idle(page);
});

await check('a sale appears in its row, in the sum and among the last', async () => {
  const row = rowOf(page, 'P-1000');
  const before = Number((await row.locator('td.units').textContent()).replaceAll(',', ''));
  const sum = await page.textContent('.figure .value');
  await server.order('sale P-1000 3 1470');
  await page.waitForFunction((n) => [...document.querySelectorAll('.products tr[data-place]')].some((r) =>
    r.textContent.includes('P-1000') && r.querySelector('td.units').textContent === String(n)), before + 3, { timeout: 3000 });
  assert.notEqual(await page.textContent('.figure .value'), sum);
  assert.match(await page.textContent('.last-sales li'), /3 × Oak Lamp/);
  const ms = Number(await page.waitForFunction(() => document.documentElement.dataset.pixelMs).then((h) => h.jsonValue()));
  console.log(`     payment to pixel: ${ms} ms`);
  assert.ok(ms < 1000, `${ms} ms`);
});

await check('what the page adds up is what the service has', async () => {
  await server.order('live 80');
  await page.waitForTimeout(1500);
  await server.order('live 0');
  const service = async () => page.evaluate(async () => {
    const since = new Date();
    const answer = await (await fetch(`/api/v1/sales?since=${encodeURIComponent(new Date(since.getTime() - 30 * 3600e3).toISOString())}&step=86400&limit=10000`)).json();
    return Object.fromEntries(answer.products.map((p) => [p.product_id, p.units]));
  });
  await page.goto(`${server.url}/?period=custom&from=2020-01-01&to=2020-01-02`); // an empty period first
  await page.waitForSelector('.products .empty:not([hidden])');
  await page.goto(`${server.url}/?period=hour&q=P-1000`);
  await page.waitForSelector('tr[data-place]');
  await idle(page);
  const shown = async () => Number((await rowOf(page, 'P-1000').locator('td.units').textContent()).replaceAll(',', ''));
  const from = await shown(), there = (await service())['P-1000'];
  for (let i = 0; i < 20; i++) await server.order('sale P-1000 1 490');
  await page.waitForFunction((n) => document.querySelector('.products td.units')?.textContent === String(n), from + 20, { timeout: 3000 });
  assert.equal((await service())['P-1000'], there + 20);
});

await check('names are text, whatever they hold', async () => {
  const evil = '<script>alert(1)</script><img src=x onerror=alert(2)>';
  await server.order(`name evil-1 ${evil}`);
  await server.order('name long-1 ' + 'x'.repeat(200));
  await server.order('name rtl-1 مصباح من خشب البلوط');
  for (const id of ['evil-1', 'long-1', 'rtl-1', '=1+1']) await server.order(`sale ${id} 1 1234`);
  await page.goto(`${server.url}/`);
  await page.waitForSelector('tr[data-place]');
  await page.fill('input[type=search]', 'script');
  await rowOf(page, '<script>alert(1)</script>').waitFor({ timeout: 3000 });
  assert.equal(await page.locator('.products script, .products td.product img').count(), 0);
  await page.fill('input[type=search]', 'xxxx');
  await rowOf(page, 'xxxxxxxx').waitFor();
  assert.ok(await sideways(page) <= 0);
  const csv = await page.evaluate(async () => (await fetch('/api/v1/sales.csv')).text());
  assert.match(csv, /^'=1\+1,/m);
  assert.match(csv, /^evil-1,<script>/m);
});

await check('search, sort and period are in the address and come back after a reload', async () => {
  await page.goto(`${server.url}/`);
  await page.waitForSelector('tr[data-place]');
  await page.keyboard.press('/');
  await page.keyboard.type('vase');
  await page.waitForFunction(() => location.search.includes('q=vase'));
  await page.locator('th.units button').click();
  await page.keyboard.press('Escape');
  await page.selectOption('select[aria-label=Period]', 'week');
  await page.waitForFunction(() => location.search.includes('period=week') && location.search.includes('sort=-units'));
  await page.waitForTimeout(300);
  await page.reload();
  await page.waitForSelector('tr[data-place]');
  assert.equal(await page.inputValue('input[type=search]'), 'vase');
  assert.equal(await page.getAttribute('th.units', 'aria-sort'), 'descending');
  assert.equal(await page.inputValue('select[aria-label=Period]'), 'week');
  for (const row of await page.locator('tr[data-place]').all()) assert.match(await row.textContent(), /vase/i);
  await page.goBack();
  await page.goto(`${server.url}/`);
  await page.waitForSelector('tr[data-place]');
});

await check('money can be hidden, on the chart too', async () => {
  await page.click('button[aria-label="Hide money"]');
  assert.equal(await page.textContent('.figure .value'), '•••');
  assert.doesNotMatch(await page.textContent('main'), /€\d/);
  await page.reload();
  await page.waitForSelector('tr[data-place]');
  assert.equal(await page.textContent('.figure .value'), '•••');
  await page.keyboard.press('$');
  assert.match(await page.textContent('.figure .value'), /€/);
});

await check('keys alone will do', async () => {
  await page.keyboard.press('2');
  await page.waitForSelector('.page.recovery tr[data-place]');
  await page.locator('.carts tr[data-place]').first().focus();
  await page.keyboard.press('ArrowDown');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.place), '1');
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog .story li');
  assert.match(await page.textContent('dialog'), /Decision: /);
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  await page.keyboard.press('t');
  assert.ok(await page.isVisible('.behind table'));
  await page.keyboard.press('3');
  await page.waitForSelector('.page.quality tr[data-place]');
  await page.keyboard.press('?');
  await page.waitForSelector('dialog.help');
  await page.keyboard.press('Escape');
  await page.keyboard.press('1');
  await page.waitForSelector('.page.live tr[data-place]');
  await page.keyboard.press('p');
  await page.waitForFunction(() => /^paused/.test(document.querySelector('.connection').textContent));
  const units = await page.textContent('.figure:nth-child(2) .value');
  await server.order('sale P-1000 1 490');
  await page.waitForFunction(() => /1 changes wait/.test(document.querySelector('.connection').textContent));
  assert.equal(await page.textContent('.figure:nth-child(2) .value'), units);
  await page.keyboard.press('p');
  await page.waitForFunction((was) => document.querySelector('.figure:nth-child(2) .value').textContent !== was, units);
});

await check('recovery and quality say their sentence', async () => {
  await page.goto(`${server.url}/?page=recovery&period=week`);
  await page.waitForFunction(() => /offers in 7 days; 99 % within .* promise 3 min/.test(document.querySelector('.sentence')?.textContent ?? ''));
  await page.locator('.bars button', { hasText: 'no address' }).click();
  await page.waitForFunction(() => location.search.includes('decision=no_address'));
  await page.waitForFunction(() => [...document.querySelectorAll('.carts td.decision')].every((d) => d.textContent === 'no address'));
  await page.goto(`${server.url}/?page=quality&period=day`);
  await page.waitForFunction(() => /refused/.test(document.querySelector('.sentence')?.textContent ?? ''));
  await page.locator('.rejects tr[data-place]').first().click();
  assert.match(await page.textContent('dialog pre'), /<script>alert\(1\)<\/script>/);
  await page.keyboard.press('Escape');
});

// ---- looks ----

await check('axe finds nothing, in both themes, on every page; nothing scrolls sideways', async () => {
  for (const colorScheme of ['light', 'dark'])
    for (const [width, height] of [[1360, 900], [820, 1100], [390, 844]]) {
      const view = await open({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' });
      await view.goto(`${server.url}/login`);
      await sound(view, `login, ${colorScheme}`);
      if (shots && width !== 820) await view.screenshot({ path: join(shots, `login-${colorScheme}-${width}.png`) });
      await signIn(view);
      for (const name of ['live', 'recovery', 'quality']) {
        await view.goto(`${server.url}/?page=${name}`);
        await view.waitForSelector('tr[data-place]');
        await view.waitForSelector('.chart canvas');
        await idle(view);
        await view.waitForTimeout(200);
        assert.ok(await sideways(view) <= 0, `${name} at ${width} scrolls sideways`);
        if (width !== 820) await sound(view, `${name}, ${colorScheme}, ${width}`);
        if (shots) await view.screenshot({ path: join(shots, `${name}-${colorScheme}-${width}.png`), fullPage: name !== 'live' || width > 400 });
      }
      await view.goto(`${server.url}/?page=recovery`);
      await view.locator('.carts tr[data-place]').first().click();
      await view.waitForSelector('dialog .story li');
      if (width !== 820) await sound(view, `story, ${colorScheme}, ${width}`);
      if (shots && width !== 820) await view.screenshot({ path: join(shots, `story-${colorScheme}-${width}.png`) });
      await view.context().close();
    }
});

await check('ten thousand products: few rows exist, all can be reached', async () => {
  await server.order('many 4000');
  await server.order('many 10000');
  const many = await signIn(await open());
  await many.waitForFunction(() => /of|10,0\d\d sold/.test(document.querySelector('.found').textContent));
  assert.ok(await many.locator('.products tr[data-place]').count() < 80);
  await many.locator('.products tr[data-place]').first().focus();
  await many.keyboard.press('End');
  await many.waitForFunction(() => Number(document.activeElement?.dataset?.place) > 9000);
  await many.fill('input[type=search]', 'bulk-09999');
  await rowOf(many, 'bulk-09999').waitFor();
  await many.context().close();
});

// ---- share links ----

await check('a share link reads, and no more; revoked, it ends', async () => {
  const token = await server.order('share visitor');
  const guest = await open();
  await guest.goto('about:blank');
  const answer = await fetch(`${server.url}/share/${token}`);
  assert.equal(answer.headers.get('referrer-policy'), 'no-referrer');
  await guest.goto(`${server.url}/share/${token}`);
  await guest.waitForSelector('.products tr[data-place]');
  assert.ok(!guest.url().includes(token));
  assert.ok(await guest.isVisible('text=read only'));
  const refused = await guest.evaluate(async () => [(await fetch('/api/v1/rejects')).status, (await fetch('/inbox')).status]);
  assert.deepEqual(refused, [403, 403]);
  const story = await guest.evaluate(async () => {
    const { carts } = await (await fetch('/api/v1/carts?decision=send&limit=1')).json();
    const { user_id, user_session, opened_at, expires_at } = carts[0];
    return (await fetch(`/api/v1/cart?${new URLSearchParams({ user_id, user_session, opened_at, expires_at })}`)).json();
  });
  assert.equal(story.coupon, undefined);
  await server.order('revoke visitor');
  await guest.waitForURL(/\/login/, { timeout: 20000 }).catch(async () => {
    await guest.reload();
    assert.match(guest.url(), /\/login/);
  });
  assert.equal((await fetch(`${server.url}/share/${token}`)).status, 404);
  await guest.context().close();
});

await check('a share token opens the stream once, and becomes a cookie', async () => {
  const token = await server.order('share screen');
  const gone = new AbortController();
  const answer = await fetch(`${server.url}/api/stream?token=${token}`, { signal: gone.signal });
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('set-cookie'), /HttpOnly; SameSite=Strict/);
  const reader = answer.body.getReader();
  await server.order('sale P-1007 1 100');
  let text = '';
  while (!text.includes('event: sales')) text += new TextDecoder().decode((await reader.read()).value);
  assert.match(text, /"product_id":"P-1007","units":1,"revenue_minor":100,"at":"/);
  assert.ok(!text.includes('\0'));
  gone.abort();
  assert.equal((await fetch(`${server.url}/api/stream?token=ms_wrong`)).status, 401);
});

// ---- the customer's links ----

await check('restore leads to the shop with the cart; expired and forged do not', async () => {
  const ask = (url, options = {}) => fetch(url, { redirect: 'manual', ...options });
  const before = server.entries.length;
  const restored = await ask(server.links.restore);
  assert.equal(restored.status, 302);
  assert.match(restored.headers.get('location'), /^https:\/\/shop\.example\/cart\?items=P-\d+:\d+(,P-\d+:\d+)*&coupon=$/);
  assert.equal((await ask(server.links.restore, { method: 'HEAD' })).status, 200);
  const clicked = await ask(server.links.click);
  assert.equal(clicked.headers.get('location'), 'https://shop.example/');
  await server.order('status 214 61 512345');
  assert.deepEqual(server.entries.slice(before), ['4 1', '4 1']);
  const expired = await ask(server.links.expired);
  assert.equal(expired.status, 410);
  assert.match(await expired.text(), /https:\/\/shop\.example\//);
  assert.equal((await ask(`${server.links.restore}x`)).status, 404);
  assert.equal((await ask(server.links.restore.replace('/r/', '/u/'))).status, 404);
});

await check('a GET never unsubscribes; the button and a provider’s POST do', async () => {
  const before = server.entries.length;
  const customer = await open();
  await customer.goto(server.links.unsubscribe);
  await sound(customer, 'unsubscribe');
  if (shots) await customer.screenshot({ path: join(shots, 'unsubscribe.png') });
  assert.equal(server.entries.length, before);
  await customer.click('button');
  await customer.waitForSelector('text=You are unsubscribed');
  const provider = await fetch(server.links.unsubscribe, { method: 'POST', body: 'List-Unsubscribe=One-Click', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  assert.equal(provider.status, 200);
  assert.deepEqual(server.entries.slice(before), ['3 customer-1@example.com', '3 customer-1@example.com']);
  await customer.context().close();
});

await check('the inbox shows a mail, which can run nothing', async () => {
  await page.goto(`${server.url}/inbox`);
  await sound(page, 'inbox');
  await page.click('text=Dein Warenkorb');
  const body = page.frameLocator('iframe');
  await body.locator('#mail').waitFor();
  assert.equal(await body.locator('#mail').textContent(), 'Hello you');
  assert.equal(await page.evaluate(() => globalThis.x), undefined);
  assert.equal((await page.request.get(`${server.url}/inbox/mail/..%2Fstore.db`)).status() >= 400, true);
});

// ---- when things go wrong ----

await check('a server that goes away is said, and caught up with when it is back', async () => {
  await page.goto(`${server.url}/?q=P-1014`);
  await rowOf(page, 'P-1014').waitFor();
  await idle(page);
  const port = new URL(server.url).port, units = Number((await rowOf(page, 'P-1014').locator('td.units').textContent()).replaceAll(',', ''));
  await server.stop();
  await page.waitForSelector('#banner:not([hidden])', { timeout: 15000 });
  assert.match(await page.textContent('.connection'), /stale since \d\d:\d\d/);
  await sound(page, 'disconnected');
  if (shots) await page.screenshot({ path: join(shots, 'disconnected.png') });
  server = await Server.start(folder, port);
  await server.order('sale P-1014 2 100');
  await page.waitForFunction((n) => document.querySelector('.products td.units')?.textContent === String(n), units + 2, { timeout: 15000 });
  await page.waitForSelector('#banner', { state: 'hidden' });
});

await check('a service that hangs is a lost connection', async () => {
  await server.order('quiet');
  await page.waitForSelector('#banner:not([hidden])', { timeout: 15000 });
});

await check('signing out ends the session', async () => {
  const other = await signIn(await open());
  await other.click('text=Sign out');
  await other.waitForURL(/\/login/);
  await other.goto(`${server.url}/`);
  assert.match(other.url(), /\/login/);
  await other.context().close();
});

await page.context().close();
await server.stop();
const nothing = mkdtempSync(join(tmpdir(), 'mc-page-'));
server = await Server.start(nothing, 'empty');

await check('an empty store says what to do', async () => {
  const first = await signIn(await open());
  assert.match(await first.textContent('.empty:not([hidden])'), /No sale today yet.*curl/s);
  await sound(first, 'empty');
  if (shots) await first.screenshot({ path: join(shots, 'empty.png') });
  for (const name of ['recovery', 'quality']) {
    await first.goto(`${server.url}/?page=${name}`);
    await first.waitForSelector('.sentence:not(:empty)');
    await sound(first, `empty ${name}`);
  }
  await first.goto(`${server.url}/`);
  await first.waitForSelector('.strip');
  await idle(first);
  await server.order('sale first-1 1 1999');
  await rowOf(first, 'first-1').waitFor({ timeout: 3000 });
  await first.context().close();
});

await server.stop();
await check('no error on any page', async () => assert.deepEqual(troubles, []));
await browser.close();
rmSync(folder, { recursive: true });
rmSync(nothing, { recursive: true });
console.log(process.exitCode ? 'page_check: FAILED' : `page_check: ${checks} checks passed`);
