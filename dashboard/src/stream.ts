// The live stream: opens, watches, comes back by itself where it was, and says in what state it is.
import type { Status } from './api';

export interface Delta { product_id: string; units: number; revenue_minor: number; at: string; arrived_at: string }

export type Connection = 'connecting' | 'live' | 'lost';

const SILENCE = 6_000; // the service says something each second: longer without a word is a lost connection
const WAITS = [250, 1_000, 2_000, 4_000];

export class Stream {
  state: Connection = 'connecting';
  lostAt = 0;
  private source: EventSource | null = null;
  private position = 0;
  private tries = 0;
  private heardAt = 0;
  private statusAt = '';
  private timer = 0;

  constructor(private readonly on: {
    sales: (deltas: Delta[]) => void; status: (status: Status) => void; reset: (position: number) => void; failed: () => void; changed: () => void;
  }) {
    setInterval(() => this.watch(), 1_000);
  }

  /** Everything behind this position of the log (negative: from now on); what was open is closed. */
  open(position: number): void {
    this.position = position;
    this.tries = 0;
    this.connect();
  }

  private connect(): void {
    this.close();
    const source = new EventSource(this.position < 0 ? '/api/stream' : `/api/stream?last_event_id=${this.position}`);
    this.source = source;
    this.heardAt = Date.now();
    const heard = (): void => {
      this.heardAt = Date.now();
      this.tries = 0;
      this.become('live');
    };
    source.addEventListener('sales', (event) => {
      heard();
      this.position = Number(event.lastEventId) || this.position;
      this.on.sales(JSON.parse(event.data) as Delta[]);
    });
    source.addEventListener('status', (event) => {
      const status = JSON.parse(event.data) as Status;
      if (status.at !== this.statusAt) heard(); // a service that hangs can still greet with the status it had
      this.statusAt = status.at;
      this.on.status(status);
    });
    source.addEventListener('reset', (event) => {
      this.close();
      this.on.reset(Number((event as MessageEvent).lastEventId));
    });
    source.addEventListener('error', () => this.fail(source));
  }

  private close(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  private fail(source: EventSource): void {
    if (source !== this.source) return;
    this.close();
    if (this.tries > 0) { // one hiccup is not worth a word
      this.become('lost');
      this.on.failed();
    }
    this.timer = window.setTimeout(() => this.connect(), WAITS[Math.min(this.tries++, WAITS.length - 1)]);
  }

  private watch(): void {
    if (this.source && Date.now() - this.heardAt > SILENCE) {
      this.become('lost');
      this.fail(this.source);
    }
  }

  private become(state: Connection): void {
    if (state === this.state) return;
    if (state === 'lost') this.lostAt = Date.now();
    this.state = state;
    this.on.changed();
  }
}
