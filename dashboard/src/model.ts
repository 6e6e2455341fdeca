// What sold in one period: a snapshot of the service, and the deltas of the stream added to it. No DOM here.
import type { ProductSales, SalesAnswer } from './api';
import type { Delta } from './stream';

export const SPARK = 24;

export interface Product {
  id: string; name: string; brand: string; category: string; image: string;
  units: number; revenue: number; lastAt: number; spark: number[];
  soldAt: number; // this machine's time of the change that came last; 0: none since the snapshot
  text: string;   // lower case, for the search
}

export type SortKey = 'revenue' | 'units' | 'last' | 'product';

function searchText(p: { id: string; name: string; brand: string; category: string }): string {
  return `${p.name}\n${p.id}\n${p.brand}\n${p.category}`.toLocaleLowerCase();
}

function productOf(p: ProductSales): Product {
  const about = { id: p.product_id, name: p.name ?? '', brand: p.brand ?? '', category: p.category ?? '' };
  return {
    ...about, image: p.image_url ?? '', units: p.units, revenue: p.revenue_minor, lastAt: Date.parse(p.last_at),
    spark: p.spark, soldAt: 0, text: searchText(about),
  };
}

export class Sales {
  readonly products = new Map<string, Product>();
  readonly since: number;
  readonly until: number;
  readonly step: number;
  readonly truncated: boolean;
  units: number;
  revenue: number;
  readonly unitSeries: number[];
  readonly revenueSeries: number[];
  position: number;

  constructor(answer: SalesAnswer) {
    this.since = Date.parse(answer.since);
    this.step = answer.step * 1000;
    this.unitSeries = answer.series.units.slice();
    this.revenueSeries = answer.series.revenue_minor.slice();
    this.until = answer.until ? Date.parse(answer.until) : this.since + this.unitSeries.length * this.step;
    this.units = answer.total.units;
    this.revenue = answer.total.revenue_minor;
    this.position = answer.position;
    this.truncated = answer.products_sold > answer.products.length;
    for (const p of answer.products) this.products.set(p.product_id, productOf(p));
  }

  /** Adds one delta; the product it changed, or null if it is of another period. `fresh`: nothing is known of it yet. */
  add(delta: Delta, now: number): { product: Product; fresh: boolean } | null {
    const at = Date.parse(delta.at);
    if (at < this.since || at >= this.until) return null;
    let product = this.products.get(delta.product_id);
    const fresh = product === undefined;
    if (!product) {
      const about = { id: delta.product_id, name: '', brand: '', category: '' };
      product = { ...about, image: '', units: 0, revenue: 0, lastAt: at, spark: new Array<number>(SPARK).fill(0), soldAt: 0, text: searchText(about) };
      this.products.set(product.id, product);
    }
    product.units += delta.units;
    product.revenue += delta.revenue_minor;
    product.lastAt = Math.max(product.lastAt, at);
    product.soldAt = now;
    const whole = this.unitSeries.length * this.step;
    const bar = Math.min(SPARK - 1, Math.floor(((at - this.since) * SPARK) / whole));
    product.spark[bar] = (product.spark[bar] ?? 0) + delta.units;
    const moment = Math.min(this.unitSeries.length - 1, Math.floor((at - this.since) / this.step));
    this.unitSeries[moment] = (this.unitSeries[moment] ?? 0) + delta.units;
    this.revenueSeries[moment] = (this.revenueSeries[moment] ?? 0) + delta.revenue_minor;
    this.units += delta.units;
    this.revenue += delta.revenue_minor;
    return { product, fresh };
  }

  list(search: string, brand: string, category: string, sort: SortKey, down: boolean): Product[] {
    const word = search.trim().toLocaleLowerCase();
    const rows: Product[] = [];
    for (const p of this.products.values())
      if ((!word || p.text.includes(word)) && (!brand || p.brand === brand) &&
          (!category || p.category === category || p.category.startsWith(`${category}.`))) rows.push(p);
    const order = orders[sort];
    rows.sort((a, b) => (down ? -1 : 1) * order(a, b) || (a.id < b.id ? -1 : 1));
    return rows;
  }

  brands(): string[] {
    return [...new Set([...this.products.values()].map((p) => p.brand).filter(Boolean))].sort();
  }

  categories(): string[] {
    return [...new Set([...this.products.values()].map((p) => p.category.split('.')[0] ?? '').filter(Boolean))].sort();
  }
}

const orders: Record<SortKey, (a: Product, b: Product) => number> = {
  revenue: (a, b) => a.revenue - b.revenue,
  units: (a, b) => a.units - b.units,
  last: (a, b) => a.lastAt - b.lastAt,
  product: (a, b) => (a.name || a.id).localeCompare(b.name || b.id),
};

/** The sum of a series up to an instant, the part of the last step by its share. */
export function sumUntil(series: number[], since: number, step: number, until: number): number {
  let sum = 0;
  for (let i = 0; i < series.length; i++) {
    const from = since + i * step;
    if (from >= until) break;
    sum += (series[i] ?? 0) * Math.min(1, (until - from) / step);
  }
  return sum;
}

/** 95 % interval of the difference of two shares (Newcombe's hybrid score interval, 1998, method 10). */
export function differenceOfShares(a: number, n: number, b: number, m: number): { difference: number; low: number; high: number } | null {
  if (n === 0 || m === 0) return null;
  const score = (x: number, of: number): [number, number] => {
    const z = 1.959963984540054, p = x / of, middle = p + (z * z) / (2 * of);
    const reach = z * Math.sqrt((p * (1 - p)) / of + (z * z) / (4 * of * of)), all = 1 + (z * z) / of;
    return [(middle - reach) / all, (middle + reach) / all];
  };
  const p = a / n, q = b / m, [pl, pu] = score(a, n), [ql, qu] = score(b, m);
  return {
    difference: p - q,
    low: p - q - Math.sqrt((p - pl) ** 2 + (qu - q) ** 2),
    high: p - q + Math.sqrt((pu - p) ** 2 + (q - ql) ** 2),
  };
}
