// What the page shows is in its address, so that a reload, a bookmark and a sent link show the same.
import { DAY, HOUR, MINUTE, startOfDay } from './format';
import type { SortKey } from './model';

export const PAGES = ['live', 'recovery', 'quality'] as const;
export type Page = (typeof PAGES)[number];
export const PERIODS = ['hour', 'day', 'week', 'month'] as const;
export type PeriodName = (typeof PERIODS)[number] | 'custom';

export interface View {
  page: Page; period: PeriodName; from: string; to: string; q: string; brand: string; category: string;
  sort: SortKey; down: boolean; decision: string; reason: string;
}

const SORTS: SortKey[] = ['revenue', 'units', 'last', 'product'];
const DATE = /^\d{4}-\d{2}-\d{2}$/;

function pick<T extends string>(value: string | null, of: readonly T[], otherwise: T): T {
  return of.includes(value as T) ? (value as T) : otherwise;
}

export function read(search: string): View {
  const args = new URLSearchParams(search);
  const text = (name: string): string => (args.get(name) ?? '').slice(0, 128);
  const sort = text('sort');
  const key = pick(sort.replace(/^-/, ''), SORTS, 'revenue');
  const from = DATE.test(text('from')) ? text('from') : '', to = DATE.test(text('to')) ? text('to') : '';
  const custom = args.get('period') === 'custom' && from !== '' && to !== '';
  return {
    page: pick(args.get('page'), PAGES, 'live'), period: custom ? 'custom' : pick(args.get('period'), PERIODS, 'day'),
    from, to, q: text('q'), brand: text('brand'), category: text('category'),
    sort: key, down: sort === '' ? true : sort.startsWith('-'), decision: text('decision'), reason: text('reason'),
  };
}

export function write(view: View): string {
  const args = new URLSearchParams();
  if (view.page !== 'live') args.set('page', view.page);
  if (view.period !== 'day') args.set('period', view.period);
  if (view.period === 'custom') {
    args.set('from', view.from);
    args.set('to', view.to);
  }
  for (const name of ['q', 'brand', 'category', 'decision', 'reason'] as const) if (view[name]) args.set(name, view[name]);
  if (view.sort !== 'revenue' || !view.down) args.set('sort', `${view.down ? '-' : ''}${view.sort}`);
  const text = args.toString();
  return text ? `/?${text}` : '/';
}

export interface Period {
  since: number; until: number; step: number; // milliseconds
  before: number;       // where the period starts that it is compared with
  beforeWords: string;  // "yesterday"
  words: string;        // "today"
  open: boolean;        // now is in it
}

const dateOf = (text: string): number => startOfDay(Date.parse(`${text}T12:00:00Z`));

/** The period around `now`, which is the store's clock. Hours and days that are not over yet are part of it. */
export function periodOf(view: View, now: number): Period {
  const today = startOfDay(now), tomorrow = startOfDay(now, 1);
  switch (view.period) {
    case 'hour': {
      const until = Math.floor(now / MINUTE) * MINUTE + MINUTE, since = until - HOUR;
      return { since, until, step: MINUTE, before: since - HOUR, beforeWords: 'the hour before', words: 'in the last hour', open: true };
    }
    case 'week': {
      const since = startOfDay(now, -6);
      return { since, until: tomorrow, step: 6 * HOUR, before: startOfDay(now, -13), beforeWords: 'the week before', words: 'in 7 days', open: true };
    }
    case 'month': {
      const since = startOfDay(now, -29);
      return { since, until: tomorrow, step: DAY, before: startOfDay(now, -59), beforeWords: 'the 30 days before', words: 'in 30 days', open: true };
    }
    case 'custom': {
      const since = dateOf(view.from), until = Math.max(startOfDay(dateOf(view.to), 1), since + DAY);
      const long = until - since, step = long <= 2 * DAY ? HOUR : long <= 14 * DAY ? 6 * HOUR : DAY;
      return { since, until, step, before: since - long, beforeWords: 'as long before', words: `${view.from} to ${view.to}`, open: now < until };
    }
    default:
      return { since: today, until: tomorrow, step: HOUR, before: startOfDay(now, -1), beforeWords: 'yesterday', words: 'today', open: true };
  }
}
