// The page of a real service, in Debian's Chromium: from a purchase's post to the pixel that shows it.
//     node page.mjs LINK SERVER_KEY PRODUCTS [PACKAGES]
// LINK: a share link. PRODUCTS: what is bought, with commas, each when the one before is on the page; a+b+c: so close
// behind one another; !a: after a quiet while. PACKAGES: the folder whose node_modules have playwright-core. Prints a
// line of JSON for each purchase: {product, units, answer_ms, pixel_ms}; then {shown: {product: units}, errors}, when
// the caller revokes the link; then, when the page is back at the login, {left_ms, errors}. Exit code 1 and words on
// stderr when something does not come.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const [link, key, products, packages = new URL('../../dashboard/', import.meta.url).pathname] = process.argv.slice(2);
const { chromium } = createRequire(`${packages}/package.json`)('playwright-core');
const service = new URL(link).origin;
const WAIT_MS = 10_000;
const QUIET_MS = 1_200; // after which the rows may change places at once
const CLOSE_MS = 10;
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const print = (line) => console.log(JSON.stringify(line));

const troubles = [];
function listen(page) {
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') troubles.push(`${message.text()} (${message.location().url})`);
  });
  page.on('request', (request) => {
    if (/^(http|ws)/.test(request.url()) && !request.url().startsWith(service)) troubles.push(`asked ${request.url()}`);
  });
}

// In the page: when the frame in which the product's row says so many units has been drawn, by the machine's clock.
const drawnAt = ([product, units]) => new Promise((resolve) => {
  const says = (row, column) => row.querySelector(`td.${column}`)?.textContent ?? '';
  const shown = () => [...document.querySelectorAll('.products tr[data-place]')].some((row) =>
    says(row, 'product').includes(product) && says(row, 'units') === units);
  const look = () => {
    if (shown()) requestAnimationFrame(() => resolve(Date.now()));
    else requestAnimationFrame(look);
  };
  look();
});

async function buy(product, quantity, i) {
  const body = JSON.stringify({ event_time: new Date().toISOString(), event_type: 'purchase', product_id: product,
    user_id: `buyer-${i}`, user_session: `buyer-${i}`, price: '12.50', quantity });
  const from = Date.now();
  const answer = await fetch(`${service}/v1/events`, {
    method: 'POST', body, headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` } });
  assert.deepEqual(await answer.json(), { accepted: 1, rejected: [] });
  return { from, answered: Date.now() };
}

const within = (promise, what) => Promise.race([promise, new Promise((_, reject) => {
  setTimeout(() => reject(new Error(`${what}: not within ${WAIT_MS} ms`)), WAIT_MS).unref();
})]);

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking'] });
try {
  const page = await (await browser.newContext({ locale: 'en-GB' })).newPage();
  listen(page);
  await page.goto(link);
  page.setDefaultTimeout(WAIT_MS);
  await page.waitForFunction(() => document.querySelector('.connection')?.dataset.state === 'live');
  assert.doesNotMatch(page.url(), /share/, 'the link stays in the address');
  const units = {};
  let bought = 0;
  const see = async (product) => {
    const quantity = ++bought, all = units[product] = (units[product] ?? 0) + quantity;
    const drawn = page.evaluate(drawnAt, [product, String(all)]);
    const { from, answered } = await buy(product, quantity, bought);
    const at = await within(drawn, `${all} of ${product} on the page`);
    print({ product, units: all, answer_ms: answered - from, pixel_ms: at - from });
  };
  for (const word of products.split(',')) {
    if (word.startsWith('!')) await pause(QUIET_MS);
    const close = word.replace('!', '').split('+');
    await Promise.all(close.map((product, i) => pause(i * CLOSE_MS).then(() => see(product))));
  }
  print({ shown: units, errors: troubles.splice(0) });

  const began = Date.now();
  await page.waitForURL(`${service}/login`, { timeout: 2 * WAIT_MS });
  await page.waitForSelector('#password');
  const unwanted = troubles.filter((said) => !/Failed to load resource.* 401 /.test(said)); // refused: as it should be
  print({ left_ms: Date.now() - began, errors: unwanted });
} catch (error) {
  console.error(error, troubles);
  process.exitCode = 1;
} finally {
  await browser.close();
}
