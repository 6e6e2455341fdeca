// Numbers, money and times as people read them: the browser's language, the store's currency and time zone.

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const HIDDEN = '•••';
const language = navigator.language || 'en';
let currency = '';
let zone = 'UTC';
let hidden = false;

let moneyFormat: Intl.NumberFormat;
let shortMoneyFormat: Intl.NumberFormat;
let clockFormat: Intl.DateTimeFormat;
let secondFormat: Intl.DateTimeFormat;
let dayFormat: Intl.DateTimeFormat;
let exactFormat: Intl.DateTimeFormat;
let partsFormat: Intl.DateTimeFormat;
const countFormat = new Intl.NumberFormat(language);
const percentFormat = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });

function usable<T>(make: () => T, otherwise: () => T): T {
  try {
    return make();
  } catch {
    return otherwise(); // a currency or zone that this browser does not know
  }
}

export function setStore(storeCurrency: string, storeZone: string): void {
  currency = /^[A-Z]{3}$/.test(storeCurrency) ? storeCurrency : '';
  zone = usable(() => new Intl.DateTimeFormat('en', { timeZone: storeZone || 'UTC' }).resolvedOptions().timeZone, () => 'UTC');
  const plain = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  moneyFormat = usable(
    () => new Intl.NumberFormat(language, currency ? { style: 'currency', currency } : plain),
    () => new Intl.NumberFormat(language, plain));
  shortMoneyFormat = usable(
    () => new Intl.NumberFormat(language, {
      ...(currency ? { style: 'currency', currency } as const : {}), notation: 'compact', maximumFractionDigits: 1 }),
    () => moneyFormat);
  clockFormat = new Intl.DateTimeFormat(language, { timeZone: zone, hour: '2-digit', minute: '2-digit' });
  secondFormat = new Intl.DateTimeFormat(language, { timeZone: zone, hour: '2-digit', minute: '2-digit', second: '2-digit' });
  dayFormat = new Intl.DateTimeFormat(language, { timeZone: zone, weekday: 'short', day: 'numeric', month: 'short' });
  exactFormat = new Intl.DateTimeFormat(language, {
    timeZone: zone, year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit',
    timeZoneName: 'short' });
  partsFormat = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
    hourCycle: 'h23' });
}
setStore('', 'UTC');

export function hideMoney(hide: boolean): void {
  hidden = hide;
}
export const moneyIsHidden = (): boolean => hidden;
export const storeZone = (): string => zone;

/** Minor units are hundredths whatever the currency (SEMANTICS 1). */
export const money = (minor: number): string => hidden ? HIDDEN : moneyFormat.format(minor / 100);
export const shortMoney = (minor: number): string => hidden ? HIDDEN : shortMoneyFormat.format(minor / 100);
export const count = (n: number): string => countFormat.format(n);
export const percent = (share: number): string => percentFormat.format(share);

/** "▲ 12 %": sign and shape, so that colour is not the only sign. */
export function change(now: number, before: number): { text: string; kind: 'up' | 'down' | 'same' | 'none' } {
  if (before <= 0) return { text: '', kind: 'none' };
  const share = now / before - 1;
  if (Math.abs(share) < 0.0005) return { text: '', kind: 'same' };
  const shown = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: Math.abs(share) < 0.1 ? 1 : 0 });
  return share > 0 ? { text: `▲ ${shown.format(share)} more`, kind: 'up' } : { text: `▼ ${shown.format(-share)} less`, kind: 'down' };
}

export const clockTime = (ms: number): string => clockFormat.format(ms);
export const secondTime = (ms: number): string => secondFormat.format(ms);
export const dayName = (ms: number): string => dayFormat.format(ms);
export const exactTime = (ms: number): string => exactFormat.format(ms);

/** "8 s ago" within the hour, else the time, else the day. */
export function ago(ms: number, now: number): string {
  const past = now - ms;
  if (past < 1500) return 'just now';
  if (past < MINUTE) return `${Math.round(past / 1000)} s ago`;
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min ago`;
  return startOfDay(ms) === startOfDay(now) ? clockTime(ms) : `${dayName(ms)}, ${clockTime(ms)}`;
}

/** "0.21 s", "3 min": a delay in microseconds. */
export function delay(us: number): string {
  if (us < 1000) return '0 ms';
  if (us < 1_000_000) return `${Math.round(us / 1000)} ms`;
  if (us < 90_000_000) return `${(us / 1_000_000).toFixed(us < 10_000_000 && us % 1_000_000 ? 1 : 0)} s`;
  if (us < 5_400_000_000) return `${Math.round(us / 60_000_000)} min`;
  return `${(us / 3_600_000_000).toFixed(1)} h`;
}

/** A word out of a name of the API: "no_address" is "no address". */
export const words = (name: string): string => name.replaceAll('_', ' ');

// ---- days of the store's zone ----

function offsetAt(ms: number): number {
  const p: Record<string, number> = {};
  for (const part of partsFormat.formatToParts(ms)) p[part.type] = Number(part.value);
  return Date.UTC(p.year!, p.month! - 1, p.day!, p.hour!, p.minute!, p.second!) - Math.floor(ms / 1000) * 1000;
}

/** Midnight of the store's zone at or before the instant; `days` later. */
export function startOfDay(ms: number, days = 0): number {
  const local = ms + offsetAt(ms);
  const midnight = Math.floor(local / DAY) * DAY + days * DAY;
  let guess = midnight - offsetAt(midnight);
  guess = midnight - offsetAt(guess);
  return guess;
}
