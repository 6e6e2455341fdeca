// Sends with real clients, and prints what the service must then hold: a line of JSON for each row or call.
//
//     node segment_check.mjs URL SERVER_KEY BROWSER_KEY [--only node,next,maxcart] [--page-port N]
//
// node: @segment/analytics-node with the server key. next: @segment/analytics-next in Chromium with the browser key.
// maxcart: our own maxcart.js in Chromium. The pages come from http://127.0.0.1:N (a free port without --page-port),
// whose origin the service must allow. Lines hold client, event_type and what is certain of the row: user_id,
// user_session, product_id, price_minor, quantity, order_id...; {"client","rejected":REASON} is a call that must be
// refused, {"client","ignored":TYPE} one that carries nothing. Exit code 1 and words on stderr when a client was not
// answered as it should be.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Analytics } from '@segment/analytics-node';
import { chromium } from 'playwright-core';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: 'node,next,maxcart' },
    'page-port': { type: 'string', default: '0' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
  },
});
const [url, serverKey, browserKey] = positionals;
if (!browserKey) {
  console.error('usage: segment_check.mjs URL SERVER_KEY BROWSER_KEY [--only node,next,maxcart] [--page-port N]');
  process.exit(2);
}

const print = (client, row) => console.log(JSON.stringify({ client, ...row }));

// ---- the servers' client ----

// Row of a Segment track whose session is the user's id.
const row = (event_type, user, product_id, more) =>
  ({ event_type, user_id: user, user_session: user, product_id, ...more });

async function checkNode() {
  const client = 'node';
  const analytics = new Analytics({ writeKey: serverKey, host: url, flushAt: 5, maxRetries: 0 });
  const failures = [];
  analytics.on('error', (e) => failures.push(e));
  const anonymousId = 'node-visitor', userId = 'node-customer';
  const shoe = { product_id: 'shoe-1', name: 'Shoe', brand: 'Brandy', category: 'shoes', price: 59.9, quantity: 2 };

  analytics.page({ anonymousId, name: 'Home' });
  print(client, { ignored: 'page' });
  analytics.track({ anonymousId, event: 'Product Viewed', properties: { ...shoe, quantity: 1 } });
  print(client, row('view', anonymousId, 'shoe-1', { price_minor: 5990, quantity: 1 }));
  analytics.track({ anonymousId, event: 'Product Added', properties: { ...shoe, cart_id: 'c1' } });
  print(client, row('cart', anonymousId, 'shoe-1', { price_minor: 5990, quantity: 2, brand: 'Brandy' }));
  analytics.identify({ userId, anonymousId, traits: { email: 'node@example.com', firstName: 'Nadia' } });
  print(client, { event_type: 'identify', user_id: userId, other_id: anonymousId, email: 'node@example.com' });
  analytics.alias({ userId, previousId: anonymousId });
  print(client, { event_type: 'alias', user_id: userId, other_id: anonymousId });
  analytics.track({ userId, event: 'Product Removed', properties: { product_id: 'shoe-1', price: 59.9, quantity: 1 } });
  print(client, row('remove_from_cart', userId, 'shoe-1', { quantity: 1 }));
  analytics.track({ userId, event: 'Cart Viewed', properties: { cart_id: 'c1', products: [shoe] } });
  print(client, { ignored: 'Cart Viewed' });
  analytics.track({
    userId,
    event: 'Order Completed',
    properties: {
      order_id: 'node-order', currency: 'EUR', total: 179.8,
      products: [{ product_id: 'shoe-1', price: 59.9, quantity: 1 }, { product_id: 'hat-1', price: '60', quantity: 2 }],
    },
  });
  print(client, row('purchase', userId, 'shoe-1', { price_minor: 5990, quantity: 1, order_id: 'node-order' }));
  print(client, row('purchase', userId, 'hat-1', { price_minor: 6000, quantity: 2, order_id: 'node-order' }));
  analytics.track({ userId, event: 'Product Added', properties: { product_id: 'odd', price: -1 } });
  print(client, { rejected: 'negative_price' });
  await analytics.closeAndFlush();
  assert.deepEqual(failures, [], 'analytics-node met errors');
}

// ---- pages ----

const require = createRequire(import.meta.url);
const umd = join(dirname(require.resolve('@segment/analytics-next/package.json')), 'dist/umd/index.js');

const pages = {
  '/next': '<!doctype html><title>next</title><script src="/next.js"></script>',
  '/auto': `<!doctype html><title>auto</title><script>window.maxcart = [['view', 'early']]</script>
    <script src="${url}/maxcart.js" data-key="${browserKey}" async></script>`,
  '/manual': `<!doctype html><title>manual</title><script src="${url}/maxcart.js"></script>`,
  '/empty': '<!doctype html><title>empty</title>',
};

function servePages() {
  const server = createServer((request, response) => {
    const path = new URL(request.url, 'http://x').pathname;
    if (path === '/next.js') response.writeHead(200, { 'content-type': 'text/javascript' }).end(readFileSync(umd));
    else if (pages[path]) response.writeHead(200, { 'content-type': 'text/html' }).end(pages[path]);
    else response.writeHead(404).end();
  });
  return new Promise((resolve) => server.listen(Number(options['page-port']), '127.0.0.1', () => resolve(server)));
}

// A page that may talk to the page's server and to the service only: any other address is an error.
async function newPage(context, origin) {
  const page = await context.newPage();
  page.strangers = [];
  page.on('request', (r) => {
    const known = [origin, url].some((ours) => r.url().startsWith(ours));
    if (r.url().startsWith('http') && !known) page.strangers.push(r.url());
  });
  page.on('pageerror', (e) => page.strangers.push(String(e)));
  return page;
}

// ---- Segment's browser client ----

async function checkNext(browser, origin) {
  for (const strategy of ['standard', 'batching']) {
    const client = `next-${strategy}`, context = await browser.newContext(), page = await newPage(context, origin);
    await page.goto(`${origin}/next`);
    const anonymousId = await page.evaluate(async ([cdnURL, writeKey, strategy, user]) => {
      const integrations = strategy === 'batching'
        ? { 'Segment.io': { deliveryStrategy: { strategy: 'batching', config: { size: 20, timeout: 60000 } } } } : {};
      const [analytics] = await window.AnalyticsNext.AnalyticsBrowser.load({ cdnURL, writeKey }, { integrations });
      const delivered = [];
      analytics.on('error', (e) => delivered.push(String(e.reason || e)));
      await analytics.page('Home');
      await analytics.track('Product Viewed', { product_id: 'lamp', price: 25, currency: 'EUR' });
      await analytics.track('Product Added', { product_id: 'lamp', price: 25, quantity: 3 });
      const anonymousId = analytics.user().anonymousId();
      await analytics.identify(user, { email: 'thief@example.com' });
      await analytics.track('Order Completed', {
        order_id: `${user}-order`,
        products: [{ product_id: 'lamp', price: 25, quantity: 3 }, { sku: 'bulb', price: 4.5, quantity: 1 }],
      });
      await analytics.alias('somebody-else');
      await analytics.group('g1');
      if (delivered.length) throw new Error(delivered.join());
      return anonymousId;
    }, [url, browserKey, strategy, `${client}-user`]);
    await page.goto(`${origin}/empty`); // leaving sends what a batch still holds
    assert.deepEqual(page.strangers, [], 'analytics-next met errors, or asked others');
    const user = `${client}-user`;
    print(client, { ignored: 'page' });
    print(client, row('view', anonymousId, 'lamp', { price_minor: 2500, quantity: 1 }));
    print(client, row('cart', anonymousId, 'lamp', { price_minor: 2500, quantity: 3 }));
    print(client, { rejected: 'browser_key' }); // identify
    print(client, row('purchase', user, 'lamp', { price_minor: 2500, quantity: 3, order_id: `${user}-order` }));
    print(client, row('purchase', user, 'bulb', { price_minor: 450, quantity: 1, order_id: `${user}-order` }));
    print(client, { rejected: 'browser_key' }); // alias
    print(client, { ignored: 'group' });
    await context.close();
  }
}

// ---- maxcart.js ----

const answered = (page, status = 200) =>
  page.waitForResponse((r) => r.url().startsWith(`${url}/v1/events`) && r.status() === status);

const idsOf = (page) => page.evaluate(() => window.maxcart.ids());

// What is kept in the browser: storage and cookies.
async function keptIn(page, context) {
  const names = await page.evaluate(() => Object.keys(localStorage).concat(Object.keys(sessionStorage)));
  return names.concat((await context.cookies()).map((c) => c.name)).sort();
}

const mine = (event_type, ids, product_id, more) =>
  ({ event_type, user_id: ids.user_id, user_session: ids.user_session, product_id, ...more });

async function checkUsual(browser, origin) {
  const client = 'maxcart', context = await browser.newContext(), page = await newPage(context, origin);
  const first = answered(page);
  await page.goto(`${origin}/auto`);
  await first;
  let ids = await idsOf(page);
  print(client, mine('view', ids, 'early', {}));
  let next = answered(page);
  await page.evaluate(() => {
    window.maxcart.view({ id: 'tea', price: 3.2, category: 'food.tea', brand: 'Leaf' });
    window.maxcart.cart({ product_id: 'tea', price: 3.2, quantity: 2 });
    window.maxcart.remove({ product_id: 'tea', price: 3.2, quantity: 1 });
  });
  const answer = await (await next).json();
  assert.deepEqual(answer, { accepted: 3, rejected: [] });
  print(client, mine('view', ids, 'tea', { price_minor: 320, category_code: 'food.tea', brand: 'Leaf' }));
  print(client, mine('cart', ids, 'tea', { price_minor: 320, quantity: 2 }));
  print(client, mine('remove_from_cart', ids, 'tea', { quantity: 1 }));
  assert.deepEqual(await keptIn(page, context), ['maxcart.ids']);

  // a known user; an order page that is loaded twice gives the same message ids
  next = answered(page);
  await page.evaluate(() => {
    window.maxcart.user('maxcart-user');
    const products = [{ id: 'tea', price: 3.2, quantity: 1 }, { id: 'pot', price: 20 }];
    window.maxcart.purchase({ order_id: 'o-1', currency: 'EUR', products });
  });
  await next;
  const known = await idsOf(page);
  assert.deepEqual(known, { ...ids, user_id: 'maxcart-user' });
  const line = (price_minor, i) => ({ price_minor, quantity: 1, order_id: 'o-1', message_id: `order/o-1/${i}` });
  print(client, mine('purchase', known, 'tea', line(320, 0)));
  print(client, mine('purchase', known, 'pot', line(2000, 1)));

  // leaving the page at once: a beacon; and the next page is of the same visitor and session
  await page.evaluate((to) => { window.maxcart.view('parting'); location.href = to; }, `${origin}/auto?2`);
  await page.waitForURL(/auto\?2/);
  await page.waitForFunction(() => window.maxcart && window.maxcart.ids);
  print(client, mine('view', known, 'parting', {}));
  print(client, mine('view', known, 'early', {}));
  assert.deepEqual(await idsOf(page), known);
  assert.deepEqual(page.strangers, []);
  await page.goto(`${origin}/empty`);
  await context.close();
}

async function checkConsent(browser, origin) {
  const client = 'maxcart-consent', context = await browser.newContext();
  let page = await newPage(context, origin);
  const init = (p) => p.evaluate(([u, key]) => window.maxcart.init({ url: u, key, consent: false }), [url, browserKey]);
  await page.goto(`${origin}/manual`);
  await init(page);
  let next = answered(page);
  await page.evaluate(() => window.maxcart.view('quiet'));
  await next;
  const before = await idsOf(page);
  print(client, mine('view', before, 'quiet', {}));
  assert.deepEqual(await keptIn(page, context), [], 'something was stored without consent');
  await page.evaluate(() => window.maxcart.consent(true));
  assert.deepEqual(await keptIn(page, context), ['maxcart.ids']);
  assert.deepEqual(await idsOf(page), before);

  // the next page, where the shop says again that there is consent: the same visitor, also in what waits
  await page.goto(`${origin}/manual?2`);
  await init(page);
  next = answered(page);
  await page.evaluate(() => { window.maxcart.view('again'); window.maxcart.consent(true); });
  await next;
  assert.deepEqual(await idsOf(page), before);
  print(client, mine('view', before, 'again', {}));
  await page.evaluate(() => window.maxcart.consent(false));
  assert.deepEqual(await keptIn(page, context), [], 'something stayed after consent was withdrawn');
  assert.deepEqual(page.strangers, []);
  await context.close();
}

// With a clock of its own: half an hour passes in no time.
async function checkSession(browser, origin) {
  const client = 'maxcart-session', context = await browser.newContext(), page = await newPage(context, origin);
  await page.clock.install({ time: Date.now() - 3 * 3600e3 });
  await page.goto(`${origin}/manual`);
  await page.evaluate(([u, key]) => window.maxcart.init({ url: u, key }), [url, browserKey]);
  const sessions = [];
  for (const minutes of [0, 29, 29, 31]) {
    await page.clock.fastForward(minutes * 60e3);
    const next = answered(page);
    await page.evaluate(() => window.maxcart.view('watch'));
    await page.clock.runFor(1000);
    await next;
    const ids = await idsOf(page);
    print(client, mine('view', ids, 'watch', {}));
    sessions.push(ids.user_session);
  }
  assert.equal(new Set(sessions.slice(0, 3)).size, 1, 'a session must last while there is activity');
  assert.notEqual(sessions[3], sessions[0], 'a session must end after half an hour without any');
  assert.deepEqual(page.strangers, []);
  await context.close();
}

async function checkOffline(browser, origin) {
  const client = 'maxcart-offline', context = await browser.newContext();
  let page = await newPage(context, origin);
  await page.goto(`${origin}/manual`);
  const init = (p) => p.evaluate(([u, key]) => window.maxcart.init({ url: u, key }), [url, browserKey]);
  await init(page);
  const ids = await idsOf(page);

  // no network: kept, also over the end of the page; sent when a page is there again
  await context.setOffline(true);
  const failed = page.waitForEvent('requestfailed', (r) => r.url().startsWith(url));
  await page.evaluate(() => { window.maxcart.cart({ id: 'tent', price: 100 }); });
  await failed;
  await page.waitForFunction(() => localStorage.getItem('maxcart.queue'));
  await page.close();
  await context.setOffline(false);
  page = await newPage(context, origin);
  await page.goto(`${origin}/manual`);
  let next = answered(page);
  await init(page);
  await next;
  await page.waitForFunction(() => !localStorage.getItem('maxcart.queue'));
  print(client, mine('cart', ids, 'tent', { price_minor: 10000 }));

  // back within the page
  await context.setOffline(true);
  const again = page.waitForEvent('requestfailed', (r) => r.url().startsWith(url));
  await page.evaluate(() => window.maxcart.view('stove'));
  await again;
  next = answered(page);
  await context.setOffline(false);
  await next;
  print(client, mine('view', ids, 'stove', {}));

  // a service that asks to wait is asked again, once, with the same event
  let asked = 0;
  const cors = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'retry-after' };
  const wait = { status: 429, headers: { 'retry-after': '1', ...cors } };
  await page.route(`${url}/v1/events*`, (route) => (asked++ ? route.continue() : route.fulfill(wait)));
  next = answered(page);
  await page.evaluate(() => window.maxcart.view('kettle'));
  await next;
  assert.equal(asked, 2);
  print(client, mine('view', ids, 'kettle', {}));
  assert.deepEqual(page.strangers, []);
  await context.close();
}

// ---- all ----

const wanted = new Set(options.only.split(','));
let browser, server;
try {
  if (wanted.has('node')) await checkNode();
  if (wanted.has('next') || wanted.has('maxcart')) {
    server = await servePages();
    const args = ['--no-sandbox', '--disable-background-networking'];
    browser = await chromium.launch({ executablePath: options.chromium, args });
    const origin = `http://127.0.0.1:${server.address().port}`;
    if (wanted.has('next')) await checkNext(browser, origin);
    if (wanted.has('maxcart'))
      for (const check of [checkUsual, checkConsent, checkSession, checkOffline]) await check(browser, origin);
  }
} catch (e) {
  console.error(e);
  process.exitCode = 1;
} finally {
  await browser?.close();
  server?.close();
}
