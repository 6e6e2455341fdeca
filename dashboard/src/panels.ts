// Pieces that the three pages are made of.
import type { Chart, ChartData } from './chart';
import { h, setText, svg } from './dom';

declare const CHART_URL: string;

export interface Context { say: (text: string) => void; go: (path: string) => void }

export function section(title: string, id: string, ...children: (Node | string | null)[]): HTMLElement {
  return h('section', { 'aria-labelledby': id, class: `panel ${id}` }, h('h2', { id }, title), ...children);
}

export function errorNote(what: string, message: string, again: () => void): HTMLElement {
  return h('div', { class: 'error', role: 'alert' }, h('p', {}, h('strong', {}, what), ` ${message}`),
    h('button', { type: 'button', click: again }, 'Try again'));
}

/** A number of the strip: what, how much, against what; its definition on hover and focus. */
export class Figure {
  readonly element: HTMLElement;
  private readonly value = h('p', { class: 'value' }, '–');
  private readonly notes = h('p', { class: 'notes' });
  private readonly line = sparkline('figure-line');

  constructor(private readonly title: string, definition: string, private readonly withLine = false) {
    const id = `define-${title.toLowerCase().replaceAll(/\W+/g, '-')}`;
    this.element = h('div', { class: 'figure', role: 'group', tabindex: 0, 'aria-label': title, 'aria-describedby': id },
      h('p', { class: 'title' }, title), this.value, this.withLine ? this.line.element : null, this.notes,
      h('p', { class: 'definition', id }, definition));
  }

  show(value: string, notes: { text: string; kind?: string }[] = [], series?: number[]): void {
    setText(this.value, value);
    this.value.classList.toggle('long', value.length > 9);
    this.element.setAttribute('aria-label', `${this.title}: ${value}`);
    const text = notes.map((n) => n.text).join('|');
    if (this.notes.dataset['text'] !== text) {
      this.notes.dataset['text'] = text;
      this.notes.replaceChildren(...notes.map((n) => h('span', { class: n.kind ?? 'plain' }, n.text)));
    }
    if (series) this.line.show(series);
  }
}

/** Small bars of equal width, as one path. */
export function sparkline(name: string): { element: SVGElement; show: (values: number[]) => void } {
  const path = svg('path', {});
  const element = svg('svg', { class: `spark ${name}`, viewBox: '0 0 96 20', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, path);
  let shown = '';
  return {
    element,
    show: (values) => {
      const most = Math.max(1, ...values), width = 96 / Math.max(1, values.length);
      let d = '';
      values.forEach((v, i) => {
        const tall = v > 0 ? Math.max(1.5, (v / most) * 20) : 0.6;
        d += `M${(i * width).toFixed(1)} 20v${(-tall).toFixed(1)}h${(width * 0.72).toFixed(1)}V20z`;
      });
      if (d !== shown) path.setAttribute('d', d);
      shown = d;
    },
  };
}

export interface BarRow { name: string; count: number; text: string; kind?: string; on?: boolean; press?: () => void }

/** Bars with their words and numbers: a list, so that it needs no table behind it. */
export function bars(rows: BarRow[], label: string): HTMLElement {
  const most = Math.max(1, ...rows.map((r) => r.count));
  return h('ul', { class: 'bars', 'aria-label': label }, ...rows.map((r) => {
    const inside = [h('span', { class: 'name' }, r.name), h('span', { class: 'amount' }, r.text), meter(r.count / most, r.kind)];
    return h('li', {}, r.press
      ? h('button', { type: 'button', 'aria-pressed': r.on ? 'true' : 'false', click: r.press }, ...inside)
      : h('div', {}, ...inside));
  }));
}

function meter(share: number, kind = 'main'): SVGElement {
  return svg('svg', { class: `meter ${kind}`, viewBox: '0 0 100 6', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('rect', { class: 'back', width: 100, height: 6 }), svg('rect', { class: 'front', width: Math.max(share > 0 ? 0.8 : 0, share * 100), height: 6 }));
}

/** One bar of several parts, each told apart by its words beneath. */
export function stacked(parts: { name: string; count: number; kind: string }[]): SVGElement {
  const all = parts.reduce((sum, p) => sum + p.count, 0) || 1;
  let x = 0;
  return svg('svg', { class: 'stacked', viewBox: '0 0 1000 16', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    ...parts.filter((p) => p.count > 0).map((p) => {
      const width = (p.count / all) * 1000, from = x;
      x += width;
      return svg('rect', { class: p.kind, x: from, width: Math.max(1.5, width - 2), height: 16 });
    }));
}

/** A chart and the table behind it (T shows it). ECharts comes after the numbers. */
export class ChartPanel {
  readonly element: HTMLElement;
  private readonly canvas = h('div', { class: 'canvas', role: 'img' });
  private readonly behind = h('div', { class: 'behind', hidden: true, tabindex: 0, role: 'region' });
  private readonly toggle: HTMLButtonElement;
  private readonly legend = h('p', { class: 'legend' });
  private chart: Chart | null = null;
  private data: ChartData | null = null;
  private asTable = false;
  private gone = false;

  constructor(title: string, id: string) {
    this.toggle = h('button', { type: 'button', class: 'quiet', 'aria-pressed': 'false', click: () => this.turn() }, 'As a table');
    this.behind.setAttribute('aria-label', `${title}, as a table`);
    this.element = h('section', { 'aria-labelledby': id, class: `panel chart ${id}` },
      h('div', { class: 'head' }, h('h2', { id }, title), this.legend, this.toggle), this.canvas, this.behind);
    void import(CHART_URL).then((module: { chart: (element: HTMLElement) => Chart }) => {
      if (this.gone) return;
      this.chart = module.chart(this.canvas);
      if (this.data) this.chart.show(this.data);
    });
  }

  show(data: ChartData): void {
    this.data = data;
    this.canvas.setAttribute('aria-label', data.label);
    const names = data.series.map((s) => s.name).join('|');
    if (this.legend.dataset['names'] !== names) {
      this.legend.dataset['names'] = names;
      this.legend.replaceChildren(...data.series.map((s) => h('span', { class: `key ${s.shape} ${s.colour}` }, s.name)));
    }
    if (this.asTable) this.fillTable();
    else this.chart?.show(data);
  }

  turn(): void {
    this.asTable = !this.asTable;
    this.toggle.setAttribute('aria-pressed', String(this.asTable));
    this.behind.hidden = !this.asTable;
    this.canvas.hidden = this.asTable;
    if (this.data) this.show(this.data);
  }

  destroy(): void {
    this.gone = true;
    this.chart?.destroy();
  }

  private fillTable(): void {
    const data = this.data!;
    this.behind.replaceChildren(h('table', {},
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'When'), ...data.series.map((s) => h('th', { scope: 'col', class: 'number' }, s.name)))),
      h('tbody', {}, ...data.moments.map((moment, i) => h('tr', {}, h('th', { scope: 'row' }, moment),
        ...data.series.map((s) => h('td', { class: 'number' }, s.values[i] === null || s.values[i] === undefined ? '–' : data.value(s.values[i]!))))))));
  }
}
