// Are the carts being won back, and is the promise kept.
import type { Cart, Promise_, Status } from './api';
import { get, iso } from './api';
import { h, setText } from './dom';
import * as f from './format';
import { differenceOfShares } from './model';
import { bars, ChartPanel, errorNote, stacked } from './panels';
import type { Frame, PageView } from './pages';
import { periodOf, View } from './state';
import { openStory, RULES, STATES, withheldWords } from './story';
import { Table, textCell } from './table';

const RELOAD_MS = 5_000, PAGE_ROWS = 200;

export function recoveryPage(frame: Frame): PageView {
  let answer: Promise_ | null = null;
  let carts: Cart[] = [];
  let next: string | null = null;
  let loading: AbortController | null = null;
  let reloadedAt = 0, messagesSeen = '', newest = '';

  const note = h('div', { class: 'note' });
  const promise = h('p', { class: 'sentence' });
  const promiseMore = h('p', { class: 'hint' });
  const decisionBar = h('div', { class: 'decision-bar' });
  const decisions = h('div', {});
  const messages = h('div', {});
  const lift = h('div', {});
  const histogram = h('div', { class: 'aside' });
  const chart = new ChartPanel('Offers and carts won back', 'recovery-time');
  const found = h('p', { class: 'found' });
  const filter = h('select', { 'aria-label': 'Decision', change: (e) => frame.change({ decision: (e.target as HTMLSelectElement).value }) },
    h('option', { value: '' }, 'All decisions'), ...Object.keys(RULES).map((d) => h('option', { value: d }, f.words(d))));
  const csvLink = h('a', { class: 'quiet', href: '#', download: '' }, 'CSV');
  const more = h('button', { type: 'button', class: 'more', hidden: true, click: () => void loadCarts(true) }, 'Earlier carts');
  const empty = h('p', { class: 'empty', hidden: true });
  const table = new Table<Cart>({
    name: 'carts', label: 'Abandoned carts, newest first', onOpen: (cart) => void openStory(cart),
    key: (c) => `${c.expires_at}/${c.user_id}/${c.user_session}/${c.opened_at}`,
    columns: [
      { id: 'when', title: 'Expired', make: () => {
        const element = h('time');
        return { element, show: (c) => {
          setText(element, f.ago(Date.parse(c.expires_at), frame.now()));
          element.title = f.exactTime(Date.parse(c.expires_at));
        } };
      } },
      { id: 'who', title: 'Customer', make: () => {
        const element = h('span', { dir: 'auto' });
        return { element, show: (c) => setText(element, c.user_id) };
      } },
      { id: 'value', title: 'Worth', number: true, make: textCell((c) => f.money(c.value_minor), 'strong') },
      { id: 'decision', title: 'Decision', make: () => {
        const element = h('span');
        return { element, show: (c) => {
          element.className = `tag ${c.decision === 'send' ? 'send' : c.decision === 'holdout' ? 'holdout' : 'none'}`;
          setText(element, RULES[c.decision]?.words ?? f.words(c.decision));
        } };
      } },
      { id: 'outcome', title: 'What came of it', make: textCell(outcome) },
    ],
  });
  const element = h('div', { class: 'page recovery' }, h('h1', { class: 'unseen' }, 'Recovery'), note,
    h('section', { class: 'panel lead', 'aria-labelledby': 'promise' }, h('h2', { id: 'promise' }, 'The promise'), promise, promiseMore, histogram),
    h('div', { class: 'halves' },
      h('section', { class: 'panel', 'aria-labelledby': 'decisions' }, h('h2', { id: 'decisions' }, 'What was decided'), decisionBar, decisions),
      h('div', { class: 'stack' },
        h('section', { class: 'panel', 'aria-labelledby': 'lift' }, h('h2', { id: 'lift' }, 'Does it help?'), lift),
        h('section', { class: 'panel', 'aria-labelledby': 'messages' }, h('h2', { id: 'messages' }, 'Messages'), messages))),
    chart.element,
    h('section', { class: 'panel', 'aria-labelledby': 'carts' },
      h('div', { class: 'head' }, h('h2', { id: 'carts' }, 'Abandoned carts'), found, h('div', { class: 'filters' }, filter, csvLink)),
      empty, table.element, more));

  function outcome(c: Cart): string {
    if (c.recovered_at) return `won back, ${f.money(c.recovered_minor ?? 0)}`;
    if (!c.state) return 'no message';
    if (c.state === 'withheld') return `withheld: ${withheldWords(c.withheld ?? '')}`;
    return `${STATES[c.state] ?? c.state}${c.clicked_at ? ', link followed' : ''}`;
  }

  function showPromise(p: Promise_): void {
    const o = p.offers, words = periodOf(frame.view, frame.now()).words;
    if (o.handed_over === 0) setText(promise, `No offer was sent ${words}. The promise: within ${f.delay(o.promise_us)} of a cart’s expiry.`);
    else setText(promise, `${f.count(o.handed_over)} offers ${words}; 99 % within ${f.delay(o.p99_us)} of expiry, slowest ${f.delay(o.max_us)}, promise ${f.delay(o.promise_us)}.`);
    const late = o.handed_over - o.kept;
    setText(promiseMore, o.handed_over === 0 ? '' : late === 0 ? '✓ The promise was kept each time. Measured from expiry (and the delay, if one is set) to the mail server’s answer.'
      : `▲ ${f.count(late)} of ${f.count(o.handed_over)} were later than promised.`);
    promiseMore.classList.toggle('bad', late > 0);
    let last = -1;
    o.histogram.forEach((b, i) => { if (b.count > 0) last = i; });
    histogram.replaceChildren(last < 0 ? '' : bars(o.histogram.slice(0, Math.max(last + 1, 4)).map((b, i) => ({
      name: b.up_to_ms === null ? `over ${f.delay((o.histogram[i - 1]?.up_to_ms ?? 0) * 1000)}` : i === 0 ? `up to ${f.delay(b.up_to_ms * 1000)}`
        : `${f.delay((o.histogram[i - 1]?.up_to_ms ?? 0) * 1000)} to ${f.delay(b.up_to_ms * 1000)}`,
      count: b.count, text: f.count(b.count), kind: b.up_to_ms === null || b.up_to_ms * 1000 > o.promise_us ? 'bad' : 'main',
    })), 'Delay from expiry to the mail server'));
  }

  function showDecisions(p: Promise_): void {
    const d = p.decisions, all = Object.values(d).reduce((a, b) => a + b, 0);
    const none = all - (d['send'] ?? 0) - (d['holdout'] ?? 0);
    decisionBar.replaceChildren(stacked([
      { name: 'offer', count: d['send'] ?? 0, kind: 'main' }, { name: 'control', count: d['holdout'] ?? 0, kind: 'second' }, { name: 'none', count: none, kind: 'quiet' }]),
    h('p', { class: 'legend' }, h('span', { class: 'key bar main' }, `${f.count(d['send'] ?? 0)} get an offer`),
      h('span', { class: 'key bar second' }, `${f.count(d['holdout'] ?? 0)} are the control group`), h('span', { class: 'key bar quiet' }, `${f.count(none)} get none`)));
    const rows = Object.entries(d).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
    decisions.replaceChildren(rows.length === 0 ? h('p', { class: 'hint' }, 'No cart was abandoned in this period.')
      : bars(rows.map(([name, n]) => ({
        name: RULES[name]?.words ?? f.words(name), count: n, text: `${f.count(n)} · ${f.percent(n / all)}`,
        kind: name === 'send' ? 'main' : name === 'holdout' ? 'second' : 'quiet', on: frame.view.decision === name,
        press: () => frame.change({ decision: frame.view.decision === name ? '' : name }),
      })), 'Decisions; press one to see its carts'));
  }

  function showLift(p: Promise_): void {
    const { sent, holdout } = p;
    const share = (g: { carts: number; recovered: number }): string => g.carts > 0 ? f.percent(g.recovered / g.carts) : '–';
    const diff = differenceOfShares(sent.recovered, sent.carts, holdout.recovered, holdout.carts);
    const verdict = !diff ? 'There is no control group to compare with yet.'
      : diff.low > 0 ? `Yes: offers win back ${points(diff.difference)} more (95 % sure it is between ${points(diff.low)} and ${points(diff.high)}).`
      : diff.high < 0 ? `No: with an offer fewer came back (${points(diff.low)} to ${points(diff.high)}).`
      : `Not certain yet: the difference is ${points(diff.difference)}, and could be anything from ${points(diff.low)} to ${points(diff.high)}. More carts will tell.`;
    lift.replaceChildren(h('p', {}, verdict), h('table', { class: 'small' },
      h('thead', {}, h('tr', {}, ...['Group', 'Carts', 'Came back', 'Bought for'].map((t, i) => h('th', { scope: 'col', class: i ? 'number' : undefined }, t)))),
      h('tbody', {}, ...([['with an offer', sent], ['control group', holdout]] as const).map(([name, g]) => h('tr', {}, h('th', { scope: 'row' }, name),
        h('td', { class: 'number' }, f.count(g.carts)), h('td', { class: 'number' }, `${f.count(g.recovered)} · ${share(g)}`), h('td', { class: 'number' }, f.money(g.recovered_minor)))))));
  }

  const points = (d: number): string => `${d > 0 ? '+' : ''}${(d * 100).toFixed(1)} points`;

  function showMessages(p: Promise_): void {
    const rows = Object.entries(p.messages).filter(([name, n]) => n > 0 && name !== 'control').sort((a, b) => b[1] - a[1]);
    const held = [...Object.entries(p.withheld), ['no_coupon', p.withheld_no_coupon] as [string, number]].filter(([, n]) => n > 0);
    messages.replaceChildren(rows.length === 0 ? h('p', { class: 'hint' }, 'No message in this period.') : bars(rows.map(([name, n]) => ({
      name: STATES[name] ?? name, count: n, text: f.count(n), kind: name === 'sent' ? 'main' : ['bounced', 'failed', 'unknown'].includes(name) ? 'bad' : 'quiet',
    })), 'Messages by what became of them'),
    h('p', { class: 'hint' }, `${f.count(p.clicked)} had a link followed.`, ...held.map(([name, n]) => ` ${f.count(n)} withheld: ${withheldWords(name)}.`)));
  }

  function showChart(p: Promise_): void {
    const since = Date.parse(p.since), step = p.step * 1000, long = p.series.sent.length * step > 2 * f.DAY;
    const moments = p.series.sent.map((_, i) => since + i * step);
    const name = (ms: number): string => step >= f.DAY ? f.dayName(ms) : long ? `${f.dayName(ms)}, ${f.clockTime(ms)}` : f.clockTime(ms);
    const sum = (a: number[]): number => a.reduce((x, y) => x + y, 0);
    chart.show({
      label: `${f.count(sum(p.series.sent))} offers by when they were due, ${f.count(sum(p.series.recovered))} of them won back.`,
      moments: moments.map(name), value: (n) => f.count(n), axis: (n) => f.count(n),
      series: [{ name: 'Offers', values: p.series.sent, shape: 'bar', colour: 'main' }, { name: 'Of those won back', values: p.series.recovered, shape: 'bar', colour: 'second' }],
    });
  }

  function showCarts(): void {
    const none = carts.length === 0;
    empty.hidden = !none;
    table.element.hidden = none;
    more.hidden = next === null;
    filter.value = frame.view.decision;
    csvLink.href = csv();
    setText(empty, frame.view.q || frame.view.decision ? 'No cart fits.' : 'No cart was abandoned yet. One is, when a visit ends with something in its cart and without a purchase.');
    setText(found, none ? '' : `${f.count(carts.length)}${next !== null ? ' newest' : ''}`);
    table.setRows(carts);
  }

  function csv(): string {
    const args = new URLSearchParams();
    if (frame.view.decision) args.set('decision', frame.view.decision);
    if (frame.view.q) args.set('q', frame.view.q);
    return `/api/v1/carts.csv?${args}`;
  }

  function showAll(): void {
    if (answer) {
      showPromise(answer);
      showDecisions(answer);
      showLift(answer);
      showMessages(answer);
      showChart(answer);
    }
    showCarts();
  }

  async function loadCarts(earlier = false): Promise<void> {
    const got = await get<{ carts: Cart[]; next: string | null }>('carts', {
      limit: PAGE_ROWS, decision: frame.view.decision, q: frame.view.q, before: earlier && next ? next : undefined });
    carts = earlier ? [...carts, ...got.carts] : got.carts;
    next = got.next;
    newest = carts[0] ? `${carts[0].expires_at}${carts[0].user_id}` : '';
    showCarts();
  }

  async function load(): Promise<void> {
    loading?.abort();
    const mine = loading = new AbortController();
    const period = periodOf(frame.view, frame.now());
    reloadedAt = Date.now();
    try {
      const step = period.step === f.MINUTE ? 5 * f.MINUTE : period.step;
      const got = await get<Promise_>('promise', { since: iso(period.since), until: iso(period.until), step: step / 1000 }, mine.signal);
      if (mine.signal.aborted) return;
      answer = got;
      note.replaceChildren();
      await loadCarts();
      showAll();
    } catch (error) {
      if (!mine.signal.aborted) note.replaceChildren(errorNote('The carts cannot be shown.', (error as Error).message, () => void load()));
    }
  }

  return {
    element, load, csv,
    viewChanged: (was: View) => {
      const v = frame.view;
      if (was.period !== v.period || was.from !== v.from || was.to !== v.to) void load();
      else void loadCarts().then(showAll).catch((error: Error) => note.replaceChildren(errorNote('The carts cannot be shown.', error.message, () => void load())));
    },
    status: (status: Status) => {
      const now = JSON.stringify(status.messages);
      if (now === messagesSeen || Date.now() - reloadedAt < RELOAD_MS || document.querySelector('dialog[open]')) return;
      const first = messagesSeen === '';
      messagesSeen = now;
      if (!first && carts.length <= PAGE_ROWS && newest !== null) void load();
    },
    second: () => table.refreshAll(),
    restyle: showAll,
    turnChart: () => chart.turn(),
    destroy: () => {
      loading?.abort();
      chart.destroy();
      table.destroy();
    },
  };
}
