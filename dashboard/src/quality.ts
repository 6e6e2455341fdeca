// Is the data sound: one sentence, then why rows were refused, then the rows.
import type { Quality, Reject, Status } from './api';
import { get, iso, serverNow } from './api';
import { h, setText } from './dom';
import * as f from './format';
import { bars, ChartPanel, errorNote } from './panels';
import type { Frame, PageView } from './pages';
import type { View } from './state';
import { Table, textCell } from './table';

const PAGE_ROWS = 200, RELOAD_MS = 5_000;
const SPANS: Record<string, { ms: number; step: number; words: string }> = {
  hour: { ms: f.HOUR, step: f.MINUTE, words: 'in the last hour' },
  day: { ms: f.DAY, step: 30 * f.MINUTE, words: 'in the last 24 hours' },
  week: { ms: 7 * f.DAY, step: 6 * f.HOUR, words: 'in the last 7 days' },
  month: { ms: 30 * f.DAY, step: f.DAY, words: 'in the last 30 days' },
};

const REASONS: Record<string, string> = {
  malformed_row: 'not readable', bad_time: 'time not readable', unknown_type: 'unknown kind of event', missing_product: 'no product id',
  missing_user: 'no customer id', missing_session: 'no session id', too_long: 'a value is too long', bad_price: 'price not readable',
  missing_price: 'no price', negative_price: 'negative price', bad_quantity: 'quantity not readable', bad_currency: 'another currency', duplicate: 'came twice',
};

export function qualityPage(frame: Frame): PageView {
  let answer: Quality | null = null;
  let rejects: Reject[] = [];
  let next: number | null = null;
  let loading: AbortController | null = null;
  let reloadedAt = 0, rejectedSeen = -1;
  const admin = frame.summary.viewer === 'admin';
  const span = (): { ms: number; step: number; words: string } => SPANS[frame.view.period] ?? SPANS['day']!;

  const note = h('div', { class: 'note' });
  const sentence = h('p', { class: 'sentence' });
  const hint = h('p', { class: 'hint' });
  const reasons = h('div', {});
  const sources = h('div', {});
  const chart = new ChartPanel('Accepted and refused', 'quality-time');
  const found = h('p', { class: 'found' });
  const csvLink = h('a', { class: 'quiet', href: '#', download: '' }, 'CSV');
  const empty = h('p', { class: 'empty', hidden: true });
  const more = h('button', { type: 'button', class: 'more', hidden: true, click: () => void loadRows(true) }, 'Earlier rows');
  const table = new Table<Reject>({
    name: 'rejects', label: 'Refused rows, newest first', key: (r) => String(r.id), onOpen: openRow,
    columns: [
      { id: 'when', title: 'Arrived', make: () => {
        const element = h('time');
        return { element, show: (r) => {
          setText(element, f.ago(Date.parse(r.arrived_at), serverNow()));
          element.title = f.exactTime(Date.parse(r.arrived_at));
        } };
      } },
      { id: 'reason', title: 'Reason', make: textCell((r) => `${REASONS[r.reason] ?? f.words(r.reason)}${r.retried ? ' (fed back since)' : ''}`, 'strong') },
      { id: 'source', title: 'Source', make: textCell((r) => `${r.source}, row ${r.row}`) },
      { id: 'raw', title: 'As it came', make: () => {
        const element = h('code', { dir: 'ltr' });
        return { element, show: (r) => setText(element, r.raw) };
      } },
    ],
  });
  const rows = h('section', { class: 'panel', 'aria-labelledby': 'rows' },
    h('div', { class: 'head' }, h('h2', { id: 'rows' }, 'The rows'), found, h('div', { class: 'filters' }, csvLink)), empty, table.element, more);
  const element = h('div', { class: 'page quality' }, h('h1', { class: 'unseen' }, 'Quality'), note,
    h('section', { class: 'panel lead', 'aria-labelledby': 'sound' }, h('h2', { id: 'sound' }, 'Is the data sound?'), sentence, hint),
    h('div', { class: 'halves' },
      h('section', { class: 'panel', 'aria-labelledby': 'reasons' }, h('h2', { id: 'reasons' }, 'Refused, by reason'), reasons),
      h('section', { class: 'panel', 'aria-labelledby': 'sources' }, h('h2', { id: 'sources' }, 'Refused, by source'), sources)),
    chart.element,
    admin ? rows : h('p', { class: 'hint' }, 'The refused rows themselves may hold personal data: sign in to see them.'));

  function openRow(r: Reject): void {
    const dialog = h('dialog', { class: 'story-dialog', 'aria-labelledby': 'row-title' },
      h('div', { class: 'head' }, h('h2', { id: 'row-title' }, REASONS[r.reason] ?? f.words(r.reason)), h('button', { type: 'button', class: 'quiet', click: () => dialog.close() }, 'Close')),
      h('div', { class: 'body' }, h('p', {}, `${r.source}, row ${r.row} at byte ${r.byte_offset}, ${f.exactTime(Date.parse(r.arrived_at))}`),
        h('pre', { tabindex: 0 }, r.raw), r.cut ? h('p', { class: 'hint' }, 'Cut here; the CSV has all of it.') : null));
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  function showSentence(q: Quality): void {
    const all = q.accepted + q.rejected, top = Object.entries(q.reasons).sort((a, b) => b[1] - a[1])[0];
    const source = q.sources.slice().sort((a, b) => b.rejected - a.rejected)[0];
    const why = q.rejected === 0 || !top ? '' : `, mostly ${REASONS[top[0]] ?? f.words(top[0])}${source?.source ? `, most of them from ${source.source}` : ''}`;
    if (all === 0) setText(sentence, `Nothing came in ${span().words}.`);
    else if (q.accepted === 0) setText(sentence, `${f.count(q.rejected)} rows were refused ${span().words}${why}.`);
    else if (q.rejected === 0) setText(sentence, `✓ All ${f.count(q.accepted)} events ${span().words} were accepted.`);
    else setText(sentence, `${f.percent(q.accepted / all)} of ${f.count(all)} rows ${span().words} accepted; ${f.count(q.rejected)} refused${why}.`);
    const status = frame.status();
    setText(hint, `Nothing is thrown away: a refused row is kept as it came and can be fed back after a fix. Accepted rows are counted by minute since the service last started${status ? `; in all ${f.count(status.events)} were accepted and ${f.count(status.rejected)} refused` : ''}.`);
  }

  function showAll(): void {
    showRows();
    const q = answer;
    if (!q) return;
    showSentence(q);
    const shown = Object.entries(q.reasons).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
    reasons.replaceChildren(shown.length === 0 ? h('p', { class: 'hint' }, '✓ None.') : bars(shown.map(([name, n]) => ({
      name: REASONS[name] ?? f.words(name), count: n, text: `${f.count(n)} · ${f.percent(n / q.rejected)}`, kind: 'warn', on: frame.view.reason === name,
      ...(admin ? { press: (): void => frame.change({ reason: frame.view.reason === name ? '' : name }) } : {}),
    })), 'Refused rows by reason'));
    sources.replaceChildren(q.sources.length === 0 ? h('p', { class: 'hint' }, '✓ None.') : bars(q.sources.slice().sort((a, b) => b.rejected - a.rejected).map((s) => ({
      name: s.source || 'unknown', count: s.rejected, text: f.count(s.rejected), kind: 'warn' })), 'Refused rows by source'));
    const since = Date.parse(q.since), step = q.step * 1000, long = q.series.accepted.length * step > 2 * f.DAY;
    chart.show({
      label: `${f.count(q.accepted)} accepted, ${f.count(q.rejected)} refused ${span().words}.`,
      moments: q.series.rejected.map((_, i) => long ? `${f.dayName(since + i * step)}, ${f.clockTime(since + i * step)}` : f.clockTime(since + i * step)),
      value: (n) => f.count(n), axis: (n) => f.count(n),
      series: [{ name: 'Accepted', values: q.series.accepted, shape: 'line', colour: 'quiet' }, { name: 'Refused', values: q.series.rejected, shape: 'bar', colour: 'warm' }],
    });
  }

  function showRows(): void {
    csvLink.href = csv();
    table.element.hidden = rejects.length === 0;
    empty.hidden = rejects.length > 0;
    setText(empty, frame.view.q || frame.view.reason ? 'No refused row fits.' : 'No row was ever refused.');
    setText(found, rejects.length ? `${f.count(rejects.length)}${next !== null ? ' newest' : ''}${frame.view.reason ? `, ${REASONS[frame.view.reason] ?? frame.view.reason}` : ''}` : '');
    more.hidden = next === null;
    table.setRows(rejects);
  }

  function csv(): string {
    const args = new URLSearchParams();
    if (frame.view.reason) args.set('reason', frame.view.reason);
    if (frame.view.q) args.set('q', frame.view.q);
    return `/api/v1/rejects.csv?${args}`;
  }

  async function loadRows(earlier = false): Promise<void> {
    if (!admin) return;
    const got = await get<{ rejects: Reject[]; next: number | null }>('rejects', {
      limit: PAGE_ROWS, reason: frame.view.reason, q: frame.view.q, before: earlier && next !== null ? next : undefined });
    rejects = earlier ? [...rejects, ...got.rejects] : got.rejects;
    next = got.next;
    showRows();
  }

  async function load(): Promise<void> {
    loading?.abort();
    const mine = loading = new AbortController();
    reloadedAt = Date.now();
    try {
      const since = Math.floor((serverNow() - span().ms) / span().step) * span().step;
      const got = await get<Quality>('quality', { since: iso(since), step: span().step / 1000 }, mine.signal);
      if (mine.signal.aborted) return;
      answer = got;
      note.replaceChildren();
      await loadRows();
      showAll();
    } catch (error) {
      if (!mine.signal.aborted) note.replaceChildren(errorNote('The state of the data cannot be shown.', (error as Error).message, () => void load()));
    }
  }

  return {
    element, load, csv,
    viewChanged: (was: View) => {
      if (was.period !== frame.view.period) void load();
      else void loadRows().then(showAll);
    },
    status: (status: Status) => {
      if (answer) showSentence(answer);
      if (status.rejected === rejectedSeen || Date.now() - reloadedAt < RELOAD_MS) return;
      const first = rejectedSeen < 0;
      rejectedSeen = status.rejected;
      if (!first && rejects.length <= PAGE_ROWS) void load();
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
