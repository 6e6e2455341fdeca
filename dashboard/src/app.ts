// The frame: the bar, the connection, the address, the keys; and which of the three pages is in it.
import type { Status, Summary } from './api';
import { get, learnClock, serverNow } from './api';
import { h, icon, setText } from './dom';
import * as f from './format';
import { livePage } from './live';
import type { Frame, PageView } from './pages';
import { qualityPage } from './quality';
import { recoveryPage } from './recovery';
import { Page, PAGES, read, View, write } from './state';
import { Delta, Stream } from './stream';

const TITLES: Record<Page, string> = { live: 'Live', recovery: 'Recovery', quality: 'Quality' };
const MAKE: Record<Page, (frame: Frame) => PageView> = { live: livePage, recovery: recoveryPage, quality: qualityPage };
const EYE = 'M2 12s3.6-7 10-7 10 7 10 7-3.6 7-10 7S2 12 2 12zm10 3a3 3 0 1 0 0-6 3 3 0 0 0 0 6z';
const EYE_SHUT = 'M3 3l18 18M10.6 5.1A10.7 10.7 0 0 1 12 5c6.4 0 10 7 10 7a17 17 0 0 1-3.2 4M6.5 6.6A16.6 16.6 0 0 0 2 12s3.6 7 10 7a10 10 0 0 0 4-.8M9.9 9.9a3 3 0 0 0 4.2 4.2';
const SUN = 'M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5';
const SAMPLES = 500;

const main = document.getElementById('main')!;
const bar = document.getElementById('bar')!;
const banner = document.getElementById('banner')!;
const announce = document.getElementById('announce')!;

let view: View = read(location.search);
let page: PageView | null = null;
let status: Status | null = null;
let statusAt = 0;
let lastEventAt = 0;
let paused = false;
let held: Delta[] = [];
let announcedAt = 0;
const samples: number[] = [];

function remembered(name: string): string {
  try {
    return localStorage.getItem(name) ?? '';
  } catch {
    return '';
  }
}

function remember(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch { /* a browser that keeps nothing shows the same, once */ }
}

// ---- theme, privacy ----

type Theme = 'auto' | 'light' | 'dark';
const THEMES: Theme[] = ['auto', 'light', 'dark'];
let theme: Theme = THEMES.find((t) => t === remembered('theme')) ?? 'auto';

function applyTheme(): void {
  if (theme === 'auto') document.documentElement.removeAttribute('data-theme');
  else document.documentElement.setAttribute('data-theme', theme);
}
applyTheme();
f.hideMoney(remembered('money') === 'hidden');

// ---- the page within ----

const frame: Frame = {
  view,
  summary: null as unknown as Summary,
  now: (): number => status?.clock ? Date.parse(status.clock) + Math.min(Date.now() - statusAt, 60_000) : frame.summary ? Date.parse(frame.summary.clock) + Date.now() - summaryAt : serverNow(),
  change,
  openStream: (position: number) => stream.open(position),
  say,
  status: () => status ?? frame.summary?.status ?? null,
  pixel: { count: 0, p50: 0, p99: 0 },
};
let summaryAt = Date.now();

function change(to: Partial<View>, how: 'replace' | 'push' = 'replace'): void {
  const before = view;
  view = { ...view, ...to };
  frame.view = view;
  const address = write(view);
  if (how === 'push') history.pushState(null, '', address);
  else history.replaceState(null, '', address);
  turn(before);
}

function turn(before: View): void {
  showBar();
  if (view.page !== before.page || !page) openPage();
  else page.viewChanged(before);
}

function openPage(): void {
  page?.destroy();
  page = MAKE[view.page](frame);
  main.replaceChildren(page.element);
  scrollTo(0, 0);
  void page.load();
}

/** For screen readers: politely, and at most every 10 seconds. */
function say(text: string): void {
  const wait = Math.max(0, announcedAt + 10_000 - Date.now());
  announcedAt = Date.now() + wait;
  setTimeout(() => setText(announce, text), wait);
}

// ---- the stream ----

const stream = new Stream({
  sales: (deltas) => {
    if (paused) held.push(...deltas);
    else take(deltas);
    showConnection();
  },
  status: (now) => {
    if (now.at !== status?.at) learnClock(now.at, null);
    status = now;
    statusAt = Date.now();
    if (now.last_event_at) lastEventAt = Math.max(lastEventAt, Date.parse(now.last_event_at));
    if (!paused) page?.status(now);
    showConnection();
  },
  reset: (position) => {
    if (page?.sales) void page.load();
    else stream.open(position);
  },
  // An EventSource does not tell why it failed; the API does, and sends a session that has ended to the login page.
  failed: () => void get('summary', {}).catch(() => undefined),
  changed: () => {
    if (stream.state === 'lost') {
      say('The connection is lost. What is shown is from before.');
    }
    showConnection();
  },
});

function take(deltas: Delta[]): void {
  page?.sales?.(deltas);
  for (const d of deltas) lastEventAt = Math.max(lastEventAt, Date.parse(d.arrived_at));
  if (document.hidden || !page?.sales) return;
  const newest = Math.max(...deltas.map((d) => Date.parse(d.arrived_at)));
  requestAnimationFrame(() => requestAnimationFrame(() => { // the frame with the change in it has been drawn
    samples.push(Math.max(0, serverNow() - newest));
    if (samples.length > SAMPLES) samples.shift();
    const sorted = samples.slice().sort((a, b) => a - b), at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * q) - 1)]!;
    frame.pixel = { count: sorted.length, p50: at(0.5), p99: at(0.99) };
    document.documentElement.dataset['pixelMs'] = String(Math.round(samples[samples.length - 1]!));
  }));
}

function setPaused(to: boolean): void {
  paused = to;
  if (!paused) {
    const waiting = held;
    held = [];
    if (waiting.length > 0) take(waiting);
    if (status) page?.status(status);
  }
  showConnection();
}

// ---- the bar ----

const shop = h('span', { class: 'shop', dir: 'auto' }, 'MaxCart');
const tabs = Object.fromEntries(PAGES.map((p) => [p, h('a', { href: '/', click: (event) => {
  if ((event as MouseEvent).metaKey || (event as MouseEvent).ctrlKey) return;
  event.preventDefault();
  change({ page: p }, 'push');
} }, TITLES[p])])) as Record<Page, HTMLAnchorElement>;
const periodSelect = h('select', { 'aria-label': 'Period', change: (e) => choosePeriod((e.target as HTMLSelectElement).value) },
  h('option', { value: 'hour' }, 'Last hour'), h('option', { value: 'day' }, 'Today'), h('option', { value: 'week' }, '7 days'),
  h('option', { value: 'month' }, '30 days'), h('option', { value: 'custom' }, 'Dates…'));
const from = h('input', { type: 'date', 'aria-label': 'From', change: dates }), to = h('input', { type: 'date', 'aria-label': 'To, inclusive', change: dates });
const range = h('span', { class: 'range', hidden: true }, from, to);
const search = h('input', { type: 'search', placeholder: 'Search', 'aria-label': 'Search (press /)', maxlength: 128, autocomplete: 'off', input: () => typed() });
const eye = h('button', { type: 'button', class: 'icon-button', click: () => setPrivate(!f.moneyIsHidden()) });
const themeButton = h('button', { type: 'button', class: 'icon-button', click: () => nextTheme() }, icon(SUN));
const connection = h('button', { type: 'button', class: 'connection', click: () => setPaused(!paused) });
const connectionMark = h('span', { class: 'mark', 'aria-hidden': 'true' }), connectionText = h('span', {});
connection.append(connectionMark, connectionText);

let typing = 0;
function typed(): void {
  clearTimeout(typing);
  typing = window.setTimeout(() => change({ q: search.value.slice(0, 128) }), 120);
}

function choosePeriod(name: string): void {
  if (name === 'custom') {
    const day = (ms: number): string => new Intl.DateTimeFormat('en-CA', { timeZone: f.storeZone() }).format(ms);
    change({ period: 'custom', from: view.from || day(frame.now() - 7 * f.DAY), to: view.to || day(frame.now()) }, 'push');
    from.focus();
  } else change({ period: name as View['period'] }, 'push');
}

function dates(): void {
  if (from.value && to.value && from.value <= to.value) change({ period: 'custom', from: from.value, to: to.value });
}

function setPrivate(hide: boolean): void {
  f.hideMoney(hide);
  remember('money', hide ? 'hidden' : '');
  showBar();
  page?.restyle();
}

function nextTheme(): void {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
  remember('theme', theme === 'auto' ? '' : theme);
  applyTheme();
  showBar();
  page?.restyle();
}

function buildBar(): void {
  const out = h('button', { type: 'button', class: 'quiet', click: () => void fetch('/logout', { method: 'POST' }).then(() => location.assign('/login')) }, 'Sign out');
  bar.append(
    h('div', { class: 'brand' }, shop),
    h('nav', { 'aria-label': 'Pages' }, ...PAGES.map((p) => tabs[p])),
    h('div', { class: 'tools' }, periodSelect, range, search, eye, themeButton,
      h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Keys and help', title: 'Keys and help (?)', click: () => help() }, '?'),
      frame.summary.store.inbox && frame.summary.viewer === 'admin' ? h('a', { class: 'quiet', href: '/inbox' }, 'Inbox') : null,
      frame.summary.viewer === 'admin' ? out : h('span', { class: 'tag none', title: 'Opened by a share link: nothing can be changed' }, 'read only')),
    connection);
}

function showBar(): void {
  for (const p of PAGES) {
    tabs[p].href = write({ ...view, page: p });
    if (p === view.page) tabs[p].setAttribute('aria-current', 'page');
    else tabs[p].removeAttribute('aria-current');
  }
  periodSelect.value = view.period;
  range.hidden = view.period !== 'custom';
  from.value = view.from;
  to.value = view.to;
  if (document.activeElement !== search) search.value = view.q;
  const hidden = f.moneyIsHidden();
  eye.replaceChildren(icon(hidden ? EYE_SHUT : EYE));
  eye.setAttribute('aria-pressed', String(hidden));
  eye.setAttribute('aria-label', 'Hide money');
  eye.title = hidden ? 'Money is hidden; press to show it' : 'Hide money from people beside you';
  themeButton.setAttribute('aria-label', `Theme: ${theme}`);
  themeButton.title = `Theme: ${theme === 'auto' ? 'as the system' : theme}`;
  document.title = `${TITLES[view.page]} - ${frame.summary?.store.name || 'MaxCart'}`;
}

function showConnection(): void {
  const event = lastEventAt > 0 ? `last event ${f.ago(lastEventAt, serverNow())}` : 'no event yet';
  const state = paused ? 'paused' : stream.state;
  const text = state === 'paused' ? `paused${held.length > 0 ? `, ${f.count(held.length)} changes wait` : ''}` : state === 'live' ? `live, ${event}`
    : state === 'connecting' ? 'connecting' : `reconnecting, stale since ${f.clockTime(stream.lostAt)}`;
  connection.dataset['state'] = state;
  setText(connectionText, text);
  connection.title = paused ? 'Go on (P)' : 'Pause (P)';
  const lost = state === 'lost';
  document.body.classList.toggle('stale', lost);
  banner.hidden = !lost;
  if (lost) setText(banner, `The service has not answered since ${f.secondTime(stream.lostAt)}. What you see is from then; it will catch up by itself.`);
}

// ---- keys ----

const KEYS: [string, string][] = [
  ['1 2 3', 'Live, Recovery, Quality'], ['H D W M', 'last hour, today, 7 days, 30 days'], ['/', 'search'], ['P', 'pause, go on'],
  ['T', 'chart as a table'], ['E', 'CSV of the table'], ['$', 'hide money'], ['↑ ↓', 'move in a table; Enter opens a row'], ['?', 'this help'],
];

function help(): void {
  const dialog = h('dialog', { class: 'help', 'aria-labelledby': 'help-title' },
    h('div', { class: 'head' }, h('h2', { id: 'help-title' }, 'Keys'), h('button', { type: 'button', class: 'quiet', click: () => dialog.close() }, 'Close')),
    h('dl', { class: 'keys' }, ...KEYS.flatMap(([key, what]) => [h('dt', {}, ...key.split(' ').map((k) => h('kbd', {}, k))), h('dd', {}, what)])),
    h('p', { class: 'hint' }, `Times are in ${f.storeZone()}. Days begin at midnight there. MaxCart ${frame.summary.version}`));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function key(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (event.key === 'Escape' && target === search) {
    search.value = '';
    typed();
    search.blur();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || document.querySelector('dialog[open]')) return;
  const periods: Record<string, View['period']> = { h: 'hour', d: 'day', w: 'week', m: 'month' };
  const name = event.key.toLowerCase(), period = periods[name], place = PAGES[Number(event.key) - 1];
  if (place) change({ page: place }, 'push');
  else if (period) change({ period }, 'push');
  else if (name === '/') search.focus();
  else if (name === 'p') setPaused(!paused);
  else if (name === 't') page?.turnChart();
  else if (name === 'e') h('a', { href: page?.csv() ?? '#', download: '' }).click();
  else if (name === '$') setPrivate(!f.moneyIsHidden());
  else if (name === '?') help();
  else return;
  event.preventDefault();
}

// ---- begin ----

async function begin(): Promise<void> {
  try {
    frame.summary = await get<Summary>('summary', {});
  } catch (error) {
    main.replaceChildren(h('div', { class: 'empty' }, h('h1', {}, 'The service does not answer'), h('p', {}, `${(error as Error).message} Trying again…`)));
    setTimeout(() => void begin(), 2_000);
    return;
  }
  summaryAt = Date.now();
  if (frame.summary.status?.last_event_at) lastEventAt = Date.parse(frame.summary.status.last_event_at);
  f.setStore(frame.summary.store.currency, frame.summary.store.time_zone);
  setText(shop, frame.summary.store.name || 'MaxCart');
  buildBar();
  showBar();
  showConnection();
  openPage();
  if (view.page !== 'live') stream.open(-1);
  addEventListener('popstate', () => {
    const before = view;
    view = frame.view = read(location.search);
    turn(before);
  });
  addEventListener('keydown', key);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => page?.restyle());
  setInterval(() => {
    if (!paused && !document.hidden) page?.second();
    showConnection();
  }, 1_000);
}

void begin();
