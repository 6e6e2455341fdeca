// What a page is to the frame around it.
import type { Status, Summary } from './api';
import type { Delta } from './stream';
import type { Period, View } from './state';

export interface Frame {
  view: View;
  summary: Summary;
  /** The store's clock, now. */
  now: () => number;
  /** Changes the view: the address, and what is shown. */
  change: (to: Partial<View>, how?: 'replace' | 'push') => void;
  openStream: (position: number) => void;
  say: (text: string) => void;
  status: () => Status | null;
  pixel: { count: number; p50: number; p99: number };
}

export interface PageView {
  element: HTMLElement;
  /** Fetches what it shows; called at first, when the period changes, and after a reset. */
  load: () => Promise<void>;
  viewChanged: (before: View) => void;
  sales?: (deltas: Delta[]) => void;
  status: (status: Status) => void;
  second: () => void;
  restyle: () => void;
  csv: () => string;
  turnChart: () => void;
  destroy: () => void;
}

export type { Period };
