// A table of any length: only the rows near the screen exist. The page scrolls, not a box within it.
import { h } from './dom';

const ALL_ROWS = 120; // a table this short is there as a whole, for the browser's own search and for paper

export interface Cell<T> { element: HTMLElement; show: (row: T, place: number) => void }

export interface Column<T> {
  id: string; title: string; number?: boolean; sort?: string; hint?: string;
  make: () => Cell<T>;
}

interface Line<T> { element: HTMLTableRowElement; cells: Cell<T>[]; row: T }

export interface TableOptions<T> {
  name: string; columns: Column<T>[]; key: (row: T) => string; label: string;
  onSort?: (sort: string) => void; onOpen?: (row: T) => void; openHint?: string;
}

export class Table<T> {
  readonly element: HTMLTableElement;
  private readonly body = h('tbody', { role: 'rowgroup' });
  private readonly above = h('tr', { class: 'spacer', 'aria-hidden': 'true' });
  private readonly below = h('tr', { class: 'spacer', 'aria-hidden': 'true' });
  private readonly lines = new Map<string, Line<T>>();
  private readonly spare: Line<T>[] = [];
  private readonly heads = new Map<string, HTMLElement>();
  private rows: T[] = [];
  private rowHeight = 48;
  private from = 0;
  private waiting = false;
  private readonly stop = new AbortController();

  constructor(private readonly options: TableOptions<T>) {
    const head = h('tr', { role: 'row' });
    for (const column of options.columns) head.append(this.head(column));
    this.element = h('table', { class: `table ${options.name}`, role: 'table', 'aria-label': options.label },
      h('thead', { role: 'rowgroup' }, head), this.body);
    for (const spacer of [this.above, this.below]) spacer.append(h('td', { colspan: options.columns.length }));
    const again = { signal: this.stop.signal, passive: true };
    addEventListener('scroll', () => this.later(), again);
    addEventListener('resize', () => this.later(), again);
    this.body.addEventListener('keydown', (event) => this.key(event));
    this.body.addEventListener('click', (event) => this.click(event));
  }

  destroy(): void {
    this.stop.abort();
  }

  private head(column: Column<T>): HTMLElement {
    const cell = h('th', { role: 'columnheader', scope: 'col', class: `${column.id}${column.number ? ' number' : ''}`, title: column.hint });
    if (column.sort && this.options.onSort) {
      const sort = column.sort;
      cell.append(h('button', { type: 'button', class: 'sort', click: () => this.options.onSort!(sort) }, column.title,
        h('span', { class: 'arrow', 'aria-hidden': 'true' })));
      this.heads.set(sort, cell);
    } else cell.append(h('span', column.title ? {} : { class: 'unseen' }, column.title || column.id));
    return cell;
  }

  showSort(sort: string, down: boolean): void {
    for (const [name, cell] of this.heads) {
      if (name === sort) cell.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      else cell.removeAttribute('aria-sort');
    }
  }

  setRows(rows: T[]): void {
    this.rows = rows;
    this.element.setAttribute('aria-rowcount', String(rows.length + 1));
    this.draw();
  }

  /** The row has changed: shown again if it is there. The line, for a mark of it. */
  refresh(row: T): HTMLElement | null {
    const line = this.lines.get(this.options.key(row));
    if (!line) return null;
    line.cells.forEach((cell) => cell.show(row, Number(line.element.dataset['place'])));
    return line.element;
  }

  refreshAll(): void {
    for (const line of this.lines.values()) line.cells.forEach((cell) => cell.show(line.row, Number(line.element.dataset['place'])));
  }

  private later(): void {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  private line(key: string): Line<T> {
    let line = this.lines.get(key) ?? this.spare.pop();
    if (!line) {
      const cells = this.options.columns.map((column) => column.make());
      const element = h('tr', { role: 'row', tabindex: -1, class: this.options.onOpen ? 'opens' : undefined });
      this.options.columns.forEach((column, i) => element.append(
        h('td', { role: 'cell', class: `${column.id}${column.number ? ' number' : ''}` }, cells[i]!.element)));
      line = { element, cells, row: undefined as unknown as T };
    }
    this.lines.set(key, line);
    return line;
  }

  private draw(): void {
    if (!this.element.isConnected) return;
    this.rowHeight = parseFloat(getComputedStyle(this.element).getPropertyValue('--row')) || 48;
    const top = this.body.getBoundingClientRect().top, extra = 8;
    const all = this.rows.length <= ALL_ROWS;
    const first = all ? 0 : Math.max(0, Math.floor(-top / this.rowHeight) - extra);
    const last = all ? this.rows.length : Math.min(this.rows.length, Math.max(first + 2 * extra, Math.ceil((innerHeight - top) / this.rowHeight) + extra));
    this.from = Math.min(first, Math.max(0, this.rows.length - 1));
    const wanted = this.rows.slice(this.from, Math.max(last, this.from));
    const keys = new Set(wanted.map(this.options.key));
    for (const [key, line] of this.lines)
      if (!keys.has(key) && line.element !== document.activeElement) {
        line.element.remove();
        line.element.classList.remove('sold');
        this.lines.delete(key);
        this.spare.push(line);
      }
    (this.above.firstChild as HTMLElement).style.height = `${this.from * this.rowHeight}px`;
    (this.below.firstChild as HTMLElement).style.height = `${Math.max(0, this.rows.length - last) * this.rowHeight}px`;
    this.place(wanted);
  }

  private place(wanted: T[]): void {
    let before: Element | null = this.body.firstElementChild;
    const put = (element: HTMLElement): void => {
      if (element === before) before = before.nextElementSibling;
      else this.body.insertBefore(element, before);
    };
    put(this.above);
    wanted.forEach((row, i) => {
      const line = this.line(this.options.key(row)), place = this.from + i;
      line.row = row;
      line.element.dataset['place'] = String(place);
      line.element.setAttribute('aria-rowindex', String(place + 2));
      line.element.tabIndex = i === 0 ? 0 : -1;
      line.cells.forEach((cell) => cell.show(row, place));
      put(line.element);
    });
    put(this.below);
    for (let rest = this.below.nextElementSibling; rest; rest = this.below.nextElementSibling) rest.remove();
  }

  private lineAt(target: EventTarget | null): Line<T> | undefined {
    const element = (target as Element).closest('tr');
    return [...this.lines.values()].find((line) => line.element === element);
  }

  private click(event: Event): void {
    const line = this.lineAt(event.target);
    if (line && this.options.onOpen && !(event.target as Element).closest('a')) this.options.onOpen(line.row);
  }

  private key(event: KeyboardEvent): void {
    const line = this.lineAt(event.target);
    if (!line || event.target !== line.element) return;
    const place = Number(line.element.dataset['place']);
    const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
    const move = moves[event.key];
    if (move !== undefined) this.focus(Math.max(0, Math.min(this.rows.length - 1, place + move)));
    else if ((event.key === 'Enter' || event.key === ' ') && this.options.onOpen) this.options.onOpen(line.row);
    else return;
    event.preventDefault();
  }

  private focus(place: number): void {
    const top = this.body.getBoundingClientRect().top + place * this.rowHeight;
    if (top < 120 || top + this.rowHeight > innerHeight - 8)
      scrollBy(0, top < 120 ? top - 120 : top + this.rowHeight - innerHeight + 8);
    this.draw();
    const row = this.rows[place];
    if (row !== undefined) this.lines.get(this.options.key(row))?.element.focus({ preventScroll: true });
  }
}

/** A cell of text. */
export function textCell<T>(text: (row: T, place: number) => string, tag: 'span' | 'strong' | 'time' = 'span'): () => Cell<T> {
  return () => {
    const element = h(tag);
    return { element, show: (row, place) => {
      const now = text(row, place);
      if (element.textContent !== now) element.textContent = now;
    } };
  };
}
