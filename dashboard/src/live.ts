// Is money coming in, and what sells.
import type { ProductSales, Promise_, SalesAnswer, Status } from './api';
import { get, iso } from './api';
import { h, setText } from './dom';
import * as f from './format';
import { Product, Sales, SortKey, sumUntil } from './model';
import { ChartPanel, errorNote, Figure, sparkline } from './panels';
import type { Frame, PageView } from './pages';
import { Period, periodOf, View } from './state';
import type { Delta } from './stream';
import { Table, textCell } from './table';

const ROWS_MAX = 10_000, LAST_SALES = 8, REORDER_MS = 500;

interface Before { since: number; step: number; units: number[]; revenue: number[]; words: string }

export function livePage(frame: Frame): PageView {
  let sales: Sales | null = null;
  let period: Period = periodOf(frame.view, frame.now());
  let before: Before[] = [];
  let recovery: Promise_ | null = null;
  let loading: AbortController | null = null;
  let orderedAt = 0, orderTimer = 0, chartTimer = 0, reloadTimer = 0;
  let recent: { id: string; name: string; units: number; revenue: number; at: number }[] = [];
  const changed = new Set<Product>();
  let frameWaiting = false;

  // ---- the frame ----
  const revenue = new Figure('Revenue', 'All purchases of the period at the price paid, before returns. It changes within a second of a payment.', true);
  const units = new Figure('Units sold', 'Pieces bought in the period, all products together.', true);
  const visits = new Figure('Visits open now', 'Customers with an event since the visit gap (30 minutes unless set otherwise), right now.');
  const carts = new Figure('Value in open carts', 'What open visits have in their carts and have not bought, right now.');
  const won = new Figure('Won back', 'Purchases from abandoned carts that got an offer in the period, within the attribution window. Not all of it would have been lost: Recovery compares with the control group.');
  const chart = new ChartPanel('Revenue over time', 'over-time');
  const note = h('div', { class: 'note' });
  const found = h('p', { class: 'found', id: 'found' });
  const brand = h('select', { 'aria-label': 'Brand', change: (e) => frame.change({ brand: (e.target as HTMLSelectElement).value }) });
  const category = h('select', { 'aria-label': 'Category', change: (e) => frame.change({ category: (e.target as HTMLSelectElement).value }) });
  const sortBy = h('select', { 'aria-label': 'Sort by', class: 'phone', change: (e) => setSort((e.target as HTMLSelectElement).value, true) },
    h('option', { value: 'revenue' }, 'by revenue'), h('option', { value: 'units' }, 'by units'),
    h('option', { value: 'last' }, 'by last sale'), h('option', { value: 'product' }, 'by name'));
  const csvLink = h('a', { class: 'quiet', href: '#', download: '' }, 'CSV');
  const empty = h('div', { class: 'empty', hidden: true });
  const last = h('ol', { class: 'last-sales' });
  const delays = h('dl', { class: 'facts' });
  const table = new Table<Product>({
    name: 'products', label: 'Sales by product', key: (p) => p.id, onSort: (sort) => setSort(sort),
    columns: [
      { id: 'rank', title: 'Rank', number: true, make: textCell((_p, place) => String(place + 1)) },
      { id: 'product', title: 'Product', sort: 'product', make: productCell },
      { id: 'units', title: 'Units', number: true, sort: 'units', make: textCell((p) => f.count(p.units)) },
      { id: 'revenue', title: 'Revenue', number: true, sort: 'revenue', make: textCell((p) => f.money(p.revenue), 'strong') },
      { id: 'last', title: 'Last sale', sort: 'last', make: lastCell },
      { id: 'trend', title: 'Trend', hint: 'Units over the period', make: () => {
        const spark = sparkline('row-line');
        const element = h('span', {}, spark.element);
        return { element, show: (p) => spark.show(p.spark) };
      } },
    ],
  });
  const products = h('section', { 'aria-labelledby': 'products', class: 'panel products' },
    h('div', { class: 'head' }, h('h2', { id: 'products' }, 'Products'), found, h('div', { class: 'filters' }, sortBy, brand, category, csvLink)),
    empty, table.element);
  const element = h('div', { class: 'page live' }, h('h1', { class: 'unseen' }, 'Live'), note,
    h('div', { class: 'strip' }, revenue.element, units.element, visits.element, carts.element, won.element),
    chart.element,
    h('div', { class: 'columns' }, products, h('div', { class: 'beside' },
      h('section', { class: 'panel', 'aria-labelledby': 'just' }, h('h2', { id: 'just' }, 'Just sold'), last),
      h('section', { class: 'panel', 'aria-labelledby': 'promises' }, h('h2', { id: 'promises' }, 'The two promises'), delays))));

  function productCell(): { element: HTMLElement; show: (p: Product) => void } {
    const initial = h('span', { class: 'initial', 'aria-hidden': 'true' });
    const name = h('span', { class: 'product-name', dir: 'auto' }), small = h('span', { class: 'product-about', dir: 'auto' });
    const element = h('span', { class: 'product-cell' }, initial, h('span', { class: 'product-text' }, name, small));
    let picture = '';
    return { element, show: (p) => {
      setText(name, p.name || p.id);
      name.title = p.name || p.id;
      setText(small, [p.name ? p.id : '', p.brand].filter(Boolean).join(' · '));
      const wanted = /^https:\/\//.test(p.image) ? p.image : '';
      const letter = [...(p.name || p.id)].find((c) => /\p{L}|\p{N}/u.test(c))?.toUpperCase() ?? '·';
      if (wanted && wanted !== picture) {
        const image = h('img', { src: wanted, alt: '', loading: 'lazy', referrerpolicy: 'no-referrer' });
        image.addEventListener('error', () => { if (image.isConnected) initial.replaceChildren(letter); }); // no such picture
        initial.replaceChildren(image);
      } else if (!wanted) setText(initial, letter);
      picture = wanted;
    } };
  }

  function lastCell(): { element: HTMLElement; show: (p: Product) => void } {
    const element = h('time');
    return { element, show: (p) => {
      setText(element, f.ago(p.lastAt, frame.now()));
      const exact = f.exactTime(p.lastAt);
      if (element.title !== exact) {
        element.title = exact;
        element.dateTime = iso(p.lastAt);
      }
    } };
  }

  function setSort(sort: string, fromList = false): void {
    const same = frame.view.sort === sort && !fromList;
    frame.change({ sort: sort as SortKey, down: same ? !frame.view.down : sort !== 'product' });
  }

  // ---- what it shows ----

  function showStrip(): void {
    if (!sales) return;
    const until = Math.min(frame.now(), period.until);
    const elapsed = until - period.since;
    const compare = (now: number, series: (b: Before) => number[]): { text: string; kind: string }[] => before.flatMap((b) => {
      const c = f.change(now, sumUntil(series(b), b.since, b.step, b.since + elapsed));
      const text = c.kind === 'none' ? `no sale ${b.words} by now` : c.kind === 'same' ? `the same as ${b.words}` : `${c.text} than ${b.words}`;
      return c.kind === 'none' && now === 0 ? [] : [{ text, kind: c.kind }];
    });
    revenue.show(f.money(sales.revenue), compare(sales.revenue, (b) => b.revenue), sales.revenueSeries);
    units.show(f.count(sales.units), [...compare(sales.units, (b) => b.units).slice(0, 1),
      { text: `${f.count(sales.products.size)}${sales.truncated ? '+' : ''} products` }], sales.unitSeries);
    const status = frame.status();
    visits.show(status ? f.count(status.open_visits) : '–', status ? [{ text: `${f.count(status.open_carts)} with something in the cart` }] : []);
    carts.show(status ? f.money(status.open_cart_value_minor) : '–', status && status.open_carts > 0
      ? [{ text: `${f.money(status.open_cart_value_minor / status.open_carts)} a cart` }] : []);
    if (recovery) won.show(f.money(recovery.sent.recovered_minor), [
      { text: `${f.count(recovery.sent.recovered)} of ${f.count(recovery.sent.carts)} offers` }]);
    else won.show('–');
  }

  function momentName(ms: number): string {
    if (period.step >= f.DAY) return f.dayName(ms);
    return period.until - period.since > 2 * f.DAY ? `${f.dayName(ms)}, ${f.clockTime(ms)}` : f.clockTime(ms);
  }

  function showChart(): void {
    if (!sales) return;
    const moments = sales.revenueSeries.map((_, i) => sales!.since + i * sales!.step);
    const now = frame.now(), past = before[0];
    const values = sales.revenueSeries.map((v, i) => (moments[i]! <= now || v > 0 ? v / 100 : null));
    const shown = (n: number): string => f.money(Math.round(n * 100));
    chart.show({
      label: `Revenue ${period.words}${past ? `, with ${past.words} behind it` : ''}: ${f.money(sales.revenue)} in all.`,
      moments: moments.map(momentName),
      value: shown, axis: (n) => f.shortMoney(n * 100),
      series: [
        { name: capital(period.words), values, shape: 'bar', colour: 'main' },
        ...(past ? [{ name: capital(past.words), shape: 'line' as const, colour: 'quiet' as const, values: moments.map((m) =>
          (sumUntil(past.revenue, past.since, past.step, past.since + m - period.since + sales!.step) -
           sumUntil(past.revenue, past.since, past.step, past.since + m - period.since)) / 100) }] : []),
      ],
    });
  }

  function showTable(): void {
    if (!sales) return;
    orderedAt = Date.now();
    const v = frame.view;
    const rows = sales.list(v.q, v.brand, v.category, v.sort, v.down);
    const filtered = v.q !== '' || v.brand !== '' || v.category !== '';
    setText(found, filtered ? `${f.count(rows.length)} of ${f.count(sales.products.size)}` : `${f.count(rows.length)} sold ${period.words}`);
    table.showSort(v.sort, v.down);
    table.element.hidden = rows.length === 0;
    empty.hidden = rows.length > 0;
    if (rows.length === 0) showEmpty(filtered);
    table.setRows(rows);
  }

  function showEmpty(filtered: boolean): void {
    if (filtered) {
      empty.replaceChildren(h('p', {}, h('strong', {}, 'Nothing sold fits. '), 'The search looks at names, ids, brands and categories.'),
        h('button', { type: 'button', click: () => frame.change({ q: '', brand: '', category: '' }) }, 'Show all products'));
      return;
    }
    const never = (frame.status()?.events ?? 0) === 0;
    const command = `curl -X POST ${location.origin}/v1/events -H 'Authorization: Bearer YOUR_KEY' -H 'Content-Type: application/json' -d '{"event_type":"purchase","product_id":"test-1","price":"9.90","user_id":"me","user_session":"s1","event_time":"${new Date(frame.now()).toISOString()}"}'`;
    const copy = h('button', { type: 'button', click: () => void navigator.clipboard.writeText(command).then(() => frame.say('Copied.')) }, 'Copy');
    empty.replaceChildren(h('p', {}, h('strong', {}, `No sale ${period.words}${period.open ? ' yet' : ''}. `),
      never ? 'No event has come in so far. Send a test event:' : 'It will appear here within a second of a payment. To try it:'),
      h('div', { class: 'command' }, h('code', { tabindex: 0 }, command), copy));
  }

  function showLast(): void {
    const now = frame.now();
    if (recent.length === 0) {
      last.replaceChildren(h('li', { class: 'hint' }, 'Sales appear here as they are paid.'));
      return;
    }
    last.replaceChildren(...recent.map((s) => h('li', {}, h('span', { class: 'what', dir: 'auto' }, `${s.units > 1 ? `${f.count(s.units)} × ` : ''}${s.name}`),
      h('strong', {}, f.money(s.revenue)), h('time', { title: f.exactTime(s.at) }, f.ago(s.at, now)))));
  }

  function showDelays(): void {
    const status = frame.status(), pixel = frame.pixel, promise = frame.summary.store.promise_us;
    const facts: [string, string][] = [];
    facts.push(['Payment to this screen', pixel.count > 0
      ? `${f.delay(pixel.p50 * 1000)} usually, 99 % within ${f.delay(pixel.p99 * 1000)} (last ${f.count(pixel.count)} here)` : 'measured at the next sale']);
    if (status && status.sale_delay.count > 0)
      facts.push(['of which in the service', `${f.delay(status.sale_delay.p50_us)} usually, 99 % within ${f.delay(status.sale_delay.p99_us)}`]);
    if (status) facts.push(['Cart expired to offer sent', status.offer_delay.count > 0
      ? `99 % within ${f.delay(status.offer_delay.p99_us)}, slowest ${f.delay(status.offer_delay.max_us)}, promise ${f.delay(promise)}` : `no offer yet, promise ${f.delay(promise)}`]);
    if (status && status.behind > 10_000) facts.push(['Behind', `${f.count(status.behind)} entries of the log wait to be worked on`]);
    const text = facts.flat().join('|');
    if (delays.dataset['text'] === text) return;
    delays.dataset['text'] = text;
    delays.replaceChildren(...facts.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
  }

  function fillSelects(): void {
    if (!sales) return;
    const fill = (select: HTMLSelectElement, all: string, values: string[], now: string): void => {
      const wanted = now && !values.includes(now) ? [now, ...values] : values;
      const text = wanted.join('|');
      if (select.dataset['text'] !== text) {
        select.dataset['text'] = text;
        select.replaceChildren(h('option', { value: '' }, all), ...wanted.map((v) => h('option', { value: v }, v)));
      }
      select.value = now;
      select.hidden = wanted.length === 0;
    };
    fill(brand, 'All brands', sales.brands(), frame.view.brand);
    fill(category, 'All categories', sales.categories(), frame.view.category);
    sortBy.value = frame.view.sort;
    csvLink.href = csv();
  }

  function csv(): string {
    const v = frame.view;
    const args = new URLSearchParams({ since: iso(period.since), until: iso(period.until), sort: v.sort });
    for (const name of ['q', 'brand', 'category'] as const) if (v[name]) args.set(name, v[name]);
    return `/api/v1/sales.csv?${args}`;
  }

  function showAll(): void {
    fillSelects();
    showStrip();
    showTable();
    showChart();
    showLast();
    showDelays();
  }

  // ---- fetching ----

  async function load(): Promise<void> {
    loading?.abort();
    const mine = loading = new AbortController();
    const wanted = periodOf(frame.view, frame.now());
    try {
      const answer = await get<SalesAnswer>('sales', {
        since: iso(wanted.since), until: iso(wanted.until), step: wanted.step / 1000, limit: ROWS_MAX }, mine.signal);
      if (mine.signal.aborted) return;
      period = wanted;
      sales = new Sales(answer);
      note.replaceChildren();
      changed.clear();
      frame.openStream(sales.position);
      showAll();
      void loadBefore(wanted, mine.signal);
      void loadRecovery(wanted, mine.signal);
    } catch (error) {
      if (!mine.signal.aborted)
        note.replaceChildren(errorNote('The sales cannot be shown.', (error as Error).message, () => void load()));
    }
  }

  async function loadBefore(wanted: Period, signal: AbortSignal): Promise<void> {
    const long = wanted.until - wanted.since, step = long <= 2 * f.DAY ? f.MINUTE : long <= 62 * f.DAY ? f.HOUR : f.DAY;
    const asked: { since: number; words: string }[] = [{ since: wanted.before, words: wanted.beforeWords }];
    if (frame.view.period === 'day') asked.push({ since: f.startOfDay(wanted.since, -7), words: 'a week ago' });
    const answers = await Promise.all(asked.map((a) => get<SalesAnswer>('sales', {
      since: iso(a.since), until: iso(a.since + long), step: step / 1000, limit: 0 }, signal).catch(() => null)));
    if (signal.aborted) return;
    before = [];
    answers.forEach((answer, i) => {
      if (answer) before.push({ since: asked[i]!.since, step, units: answer.series.units, revenue: answer.series.revenue_minor, words: asked[i]!.words });
    });
    showStrip();
    showChart();
  }

  async function loadRecovery(wanted: Period, signal: AbortSignal): Promise<void> {
    const answer = await get<Promise_>('promise', { since: iso(wanted.since), until: iso(wanted.until), step: 86_400 }, signal).catch(() => null);
    if (signal.aborted || !answer) return;
    recovery = answer;
    showStrip();
  }

  async function learn(id: string): Promise<void> {
    const answer = await get<SalesAnswer>('sales', { since: iso(period.since), until: iso(period.until), step: 86_400, product: id, limit: 1 }).catch(() => null);
    const about: ProductSales | undefined = answer?.products[0];
    const product = sales?.products.get(id);
    if (!about || !product) return;
    product.name = about.name ?? '';
    product.brand = about.brand ?? '';
    product.category = about.category ?? '';
    product.image = about.image_url ?? '';
    product.text = `${product.name}\n${id}\n${product.brand}\n${product.category}`.toLocaleLowerCase();
    for (const sale of recent) if (sale.id === id) sale.name = product.name || id;
    table.refresh(product);
    showLast();
  }

  // ---- the stream ----

  function onSales(deltas: Delta[]): void {
    if (!sales) return;
    const machine = Date.now();
    const strangers: string[] = [];
    for (const delta of deltas) {
      const result = sales.add(delta, machine);
      if (!result) continue;
      changed.add(result.product);
      if (result.fresh) strangers.push(result.product.id);
      recent.unshift({ id: delta.product_id, name: result.product.name || delta.product_id, units: delta.units, revenue: delta.revenue_minor, at: Date.parse(delta.at) });
    }
    recent = recent.slice(0, LAST_SALES);
    if (sales.truncated && strangers.length > 0 || strangers.length > 20) reloadSoon();
    else strangers.forEach((id) => void learn(id));
    if (!frameWaiting) {
      frameWaiting = true;
      requestAnimationFrame(drawChanges);
    }
  }

  function drawChanges(): void {
    frameWaiting = false;
    showStrip();
    showLast();
    for (const product of changed) mark(table.refresh(product));
    if ([...changed].length > 0) orderSoon();
    changed.clear();
    if (!chartTimer) chartTimer = window.setTimeout(() => {
      chartTimer = 0;
      showChart();
    }, 1_000);
  }

  function mark(line: HTMLElement | null): void {
    if (!line) return;
    line.classList.remove('sold');
    void line.offsetWidth; // so that a second sale flashes again
    line.classList.add('sold');
  }

  /** Rows change places at most twice a second (a first sale is on the page within one), and not under a hand that is about to click. */
  function orderSoon(): void {
    if (orderTimer) return;
    const wait = table.element.hidden || !table.element.querySelector('tbody tr[data-place]') ? 0 : Math.max(0, orderedAt + REORDER_MS - Date.now());
    const order = (): void => {
      orderTimer = 0;
      showTable();
      const machine = Date.now();
      for (const p of sales?.products.values() ?? []) if (machine - p.soldAt < 900) {
        const line = table.refresh(p);
        if (line && !line.classList.contains('sold')) mark(line);
      }
    };
    if (wait === 0) order();
    else orderTimer = window.setTimeout(order, wait);
  }

  function reloadSoon(): void {
    if (!reloadTimer) reloadTimer = window.setTimeout(() => {
      reloadTimer = 0;
      void load();
    }, 3_000);
  }

  return {
    element, load, csv,
    viewChanged: (was: View) => {
      const v = frame.view;
      if (was.period !== v.period || was.from !== v.from || was.to !== v.to) {
        before = [];
        recovery = null;
        void load();
      } else {
        fillSelects();
        showTable();
      }
    },
    sales: onSales,
    status: (_status: Status) => {
      showStrip();
      showDelays();
    },
    second: () => {
      if (period.open && frame.now() >= period.until) void load();
      table.refreshAll();
      showLast();
    },
    restyle: showAll,
    turnChart: () => chart.turn(),
    destroy: () => {
      loading?.abort();
      [orderTimer, chartTimer, reloadTimer].forEach((t) => clearTimeout(t));
      chart.destroy();
      table.destroy();
    },
  };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
