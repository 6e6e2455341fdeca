// One cart's story, as `maxcart why` tells it: what happened, what was decided and by which rule, what came of it.
import type { Cart, Story } from './api';
import { get } from './api';
import { h } from './dom';
import * as f from './format';

export const RULES: Record<string, { order: number; words: string; why: string }> = {
  purchased: { order: 1, words: 'had bought', why: 'the customer’s latest purchase, in any visit, is not earlier than the first thing put in this cart' },
  stale: { order: 2, words: 'too old', why: 'it expired longer ago than policy.stale_after: history, not a customer waiting' },
  below_minimum: { order: 3, words: 'below the minimum', why: 'its value is less than policy.minimum' },
  no_address: { order: 4, words: 'no address', why: 'no e-mail address was known for the customer' },
  no_consent: { order: 5, words: 'no consent', why: 'the customer had not agreed to mail, as policy.consent asks' },
  suppressed: { order: 6, words: 'unsubscribed or bounced', why: 'the address unsubscribed, bounced or complained' },
  capped: { order: 7, words: 'written to lately', why: 'the last cart decided as send or holdout was less than policy.cap_window before' },
  holdout: { order: 8, words: 'control group', why: 'no earlier rule held, and the draw of policy.experiment put the customer in the control group, which gets no mail' },
  send: { order: 9, words: 'offer', why: 'no rule against it held' },
};

export const STATES: Record<string, string> = {
  waiting: 'waits for its second check', claimed: 'about to be sent', sending: 'being handed over', sent: 'sent', bounced: 'bounced',
  unknown: 'sent, but the server’s answer was lost', retry: 'to be tried again', withheld: 'withheld', control: 'control group: nothing is sent',
  failed: 'given up',
};

const WITHHELD: Record<string, string> = {
  purchased: 'the customer bought in the meantime', no_address: 'the address is gone', no_consent: 'consent was withdrawn',
  suppressed: 'the address unsubscribed or bounced in the meantime', capped: 'another offer went out lately', stale: 'it is too old by now',
  no_coupon: 'no coupon code was left', below_minimum: 'it is below the minimum',
};

export const withheldWords = (name: string): string => WITHHELD[name] ?? f.words(name);

function offerWords(kind: string, value: number): string {
  if (kind === 'percentage') return `${f.percent(value / 10_000)} off`;
  if (kind === 'amount') return `${f.money(value)} off`;
  return kind === 'free_shipping' ? 'free shipping' : 'no offer, a reminder';
}

function lines(s: Story): { at: string | null; text: string }[] {
  const out: { at: string | null; text: string }[] = [];
  out.push({ at: s.first_at, text: 'The visit’s earliest event.' });
  if (s.opened_at !== s.first_at) out.push({ at: s.opened_at, text: 'The event that opened the visit: earlier ones came in behind it.' });
  out.push({ at: s.first_cart_at, text: 'First put something in the cart.' });
  out.push({ at: s.last_at, text: 'The visit’s latest event.' });
  out.push({ at: s.expires_at, text: `The visit ended: ${f.delay((Date.parse(s.expires_at) - Date.parse(s.last_at)) * 1000)} without an event. The cart was not empty and nothing had been bought, so it was abandoned.` });
  const rule = RULES[s.decision];
  out.push({ at: null, text: `Decision: ${f.words(s.decision)}${rule ? ` (rule ${rule.order} of 9), because ${rule.why}` : ''}.` });
  if (s.message === undefined) return out;
  const second = s.state === 'waiting' ? 'still to come' : s.state === 'withheld' ? `withheld: ${withheldWords(s.withheld ?? '')}` : 'nothing had changed';
  out.push({ at: s.due_at ?? null, text: `Second check: ${second}.` });
  if (s.state !== 'withheld' && s.state !== 'control') {
    const late = s.handed_at && s.due_at ? `, ${f.delay((Date.parse(s.handed_at) - Date.parse(s.due_at)) * 1000)} after it was due` : '';
    out.push({ at: s.handed_at ?? null, text: `Message: ${STATES[s.state ?? ''] ?? s.state}${late}${(s.attempts ?? 0) > 1 ? `, after ${s.attempts} attempts` : ''}${s.note ? `. The server said: ${s.note}` : ''}.` });
    out.push({ at: null, text: `Offer: ${offerWords(s.offer ?? 'none', s.offer_value ?? 0)}${s.coupon ? `, coupon ${s.coupon}` : ''}.` });
  }
  if (s.clicked_at) out.push({ at: s.clicked_at, text: 'A link of the mail was followed.' });
  out.push({ at: s.recovered_at ?? null, text: s.recovered_at ? `Won back: bought something of this cart, for ${f.money(s.recovered_minor ?? 0)} in all.` : 'Not won back so far.' });
  return out;
}

function story(s: Story): HTMLElement[] {
  return [
    h('ol', { class: 'story' }, ...lines(s).map((line) => h('li', {},
      line.at ? h('time', { title: f.exactTime(Date.parse(line.at)) }, `${f.dayName(Date.parse(line.at))}, ${f.secondTime(Date.parse(line.at))}`) : h('span', {}), h('p', { dir: 'auto' }, line.text)))),
    h('h3', {}, 'In the cart'),
    h('ul', { class: 'cart-lines' }, ...s.items.map(([id, quantity, price]) => h('li', {},
      h('span', { dir: 'auto' }, `${f.count(quantity)} × ${s.names[id] || id}`), h('strong', {}, f.money(quantity * price))))),
  ];
}

/** Opens the story over the page; closing gives the focus back (a dialog does so by itself). */
export async function openStory(cart: Pick<Cart, 'user_id' | 'user_session' | 'opened_at' | 'expires_at'>): Promise<void> {
  const body = h('div', { class: 'body', 'aria-live': 'polite' }, h('p', { class: 'hint' }, 'Reading the log…'));
  const close = h('button', { type: 'button', class: 'quiet', click: () => dialog.close() }, 'Close');
  const dialog = h('dialog', { class: 'story-dialog', 'aria-labelledby': 'story-title' },
    h('div', { class: 'head' }, h('h2', { id: 'story-title', dir: 'auto' }, `Cart of ${cart.user_id}`), close), body);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  try {
    const { user_id, user_session, opened_at, expires_at } = cart;
    const answer = await get<Story>('cart', { user_id, user_session, opened_at, expires_at });
    body.replaceChildren(h('p', { class: 'worth' }, `Worth ${f.money(answer.value_minor)}, session ${answer.user_session}`), ...story(answer));
  } catch (error) {
    body.replaceChildren(h('p', { role: 'alert' }, (error as Error).message));
  }
}
