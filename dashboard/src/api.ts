// The API's answers (docs/API.md) and how they are fetched.

export interface Delay { count: number; p50_us: number; p99_us: number; max_us: number }

export interface Status {
  at: string; clock: string | null; last_event_at: string | null; position: number; events: number; rejected: number;
  open_visits: number; open_carts: number; open_cart_value_minor: number; behind: number;
  messages: Record<string, number>; sale_delay: Delay; offer_delay: Delay;
}

export interface Summary {
  store: { name: string; currency: string; time_zone: string; public_url: string; promise_us: number; inbox: boolean };
  version: string; viewer: 'admin' | 'share'; now: string; clock: string; status: Status | null;
  totals: { rejects: Record<string, number>; subscribers: number } & Record<string, unknown>;
}

export interface ProductSales {
  product_id: string; name?: string; brand?: string; category?: string; image_url?: string;
  units: number; revenue_minor: number; last_at: string; spark: number[];
}

export interface SalesAnswer {
  position: number; now: string; clock: string; since: string; until: string | null; step: number; products_sold: number;
  total: { units: number; revenue_minor: number };
  series: { units: number[]; revenue_minor: number[] }; products: ProductSales[];
}

export interface Cart {
  user_id: string; user_session: string; opened_at: string; expires_at: string; value_minor: number; decision: string;
  items: [string, number, number][]; message?: number; state?: string; withheld?: string; replayed?: boolean;
  due_at?: string | null; handed_at?: string | null; clicked_at?: string | null; recovered_at?: string | null;
  recovered_minor?: number;
}

export interface Story extends Cart {
  first_at: string; last_at: string; first_cart_at: string; names: Record<string, string>; offer?: string;
  offer_value?: number; attempts?: number; next_at?: string | null; coupon?: string; note?: string; message_id?: string;
}

export interface Group { carts: number; recovered: number; recovered_minor: number }

export interface Promise_ {
  since: string; until: string; clock: string;
  offers: {
    promise_us: number; handed_over: number; kept: number; p50_us: number; p99_us: number; max_us: number;
    histogram: { up_to_ms: number | null; count: number }[];
  };
  decisions: Record<string, number>; messages: Record<string, number>; withheld: Record<string, number>;
  withheld_no_coupon: number; clicked: number; sent: Group; holdout: Group;
  step: number; series: { sent: number[]; recovered: number[] };
}

export interface Quality {
  since: string; step: number; series: { accepted: number[]; rejected: number[] }; accepted: number; rejected: number;
  reasons: Record<string, number>; sources: { source: string; rejected: number }[]; other_sources: number;
}

export interface Reject {
  id: number; source: string; byte_offset: number; row: number; reason: string; arrived_at: string; retried: boolean;
  cut: boolean; raw: string;
}

/** What the service said no with; `status` 0: it could not be reached. */
export class Refusal extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}

// How far the server's clock is ahead of this machine's, in milliseconds: between two bounds that each stamp narrows,
// because it was made after the request left (if one did) and before it arrived here.
let aheadAtLeast = -Infinity, aheadAtMost = Infinity;

export const serverNow = (): number => Date.now() + (
  aheadAtMost < Infinity ? (aheadAtLeast + aheadAtMost) / 2 : aheadAtLeast > -Infinity ? aheadAtLeast : 0);

export function learnClock(stamp: string, leftAt: number | null): void {
  const at = Date.parse(stamp), least = at - Date.now(), most = leftAt === null ? Infinity : at - leftAt;
  if (least > aheadAtMost || most < aheadAtLeast) { // one of the clocks was set
    aheadAtLeast = least;
    aheadAtMost = most;
  }
  aheadAtLeast = Math.max(aheadAtLeast, least);
  aheadAtMost = Math.min(aheadAtMost, most);
}

export async function get<T>(path: string, args: Record<string, string | number | undefined>, signal?: AbortSignal): Promise<T> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(args)) if (value !== undefined && value !== '') query.set(name, String(value));
  const sentAt = Date.now();
  let response: Response;
  try {
    response = await fetch(`/api/v1/${path}?${query}`, { credentials: 'same-origin', cache: 'no-store', ...(signal ? { signal } : {}) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal(0, 'unreachable', 'The service does not answer.');
  }
  const body: unknown = await response.json().catch(() => null);
  if (response.status === 401) location.assign('/login');
  if (!response.ok) {
    const said = (body ?? {}) as { error?: string; message?: string };
    throw new Refusal(response.status, said.error ?? 'error', said.message ?? `The service answered ${response.status}.`);
  }
  const answer = body as T & { now?: string };
  if (answer.now) learnClock(answer.now, sentAt);
  return answer;
}

export const iso = (ms: number): string => new Date(ms).toISOString();
