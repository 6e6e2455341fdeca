/* MaxCart in a shop's page. See src/source/README.md.
   <script src="https://collector.example/maxcart.js" data-key="mk_b_..." async></script>
   or maxcart.init({key, url, consent: false}): with consent false nothing is stored until maxcart.consent(true). */
(function (w, d) {
  'use strict';
  var KEY = 'maxcart', IDLE = 18e5 /* half an hour */, BATCH = 40, MOST = 500;
  var FIELDS = 'product_id category_id category_code brand price quantity currency order_id message_id'.split(' ');
  var key, url, ids = {}, queue = [], sending = 0, timer, failures = 0, may, script = d.currentScript;

  function store(name, value) { // value undefined: read; null: remove
    try {
      if (value === undefined) return may && JSON.parse(w.localStorage.getItem(KEY + name));
      if (value === null) w.localStorage.removeItem(KEY + name);
      else if (may) w.localStorage.setItem(KEY + name, JSON.stringify(value));
    } catch (e) { /* blocked or full: memory has it */ }
  }

  function uuid() {
    var b = w.crypto.getRandomValues(new Uint8Array(16)), s = '', i = 0;
    b[6] = (b[6] & 15) | 64;
    b[8] = (b[8] & 63) | 128;
    for (; i < 16; i++) s += (i > 3 && i < 11 && !(i & 1) ? '-' : '') + (b[i] + 256).toString(16).slice(1);
    return s;
  }

  // {anon, user, session, at}: another tab may have gone on with it
  function touch() {
    var now = Date.now(), kept = store('.ids');
    if (kept && kept.at) ids = kept;
    if (!ids.anon) ids.anon = uuid();
    if (!ids.session || !(now - ids.at < IDLE) || ids.at > now + IDLE) ids.session = uuid();
    ids.at = now;
    store('.ids', ids);
  }

  function save() { store('.queue', queue.length ? queue : null); }

  function target() { return url + '/v1/events?writeKey=' + encodeURIComponent(key); }

  function later(ms) {
    if (!timer) timer = setTimeout(function () { timer = 0; flush(); }, ms);
  }

  // One request at a time. What is answered is dropped, but not what the service could not take now.
  function flush() {
    if (!key || sending || !queue.length) return;
    var batch = queue.slice(0, BATCH), body = JSON.stringify(batch);
    sending = batch.length; // browsers let no more than 64 KiB outlive a page
    var request = { method: 'POST', body: body, keepalive: body.length < 2e4, credentials: 'omit' };
    w.fetch(target(), request).then(function (r) {
      return r.status == 429 || r.status > 499 ? (+r.headers.get('Retry-After') || 1) : 0;
    }, function () { return 1; }).then(function (wait) {
      if (!wait) queue.splice(0, sending), failures = 0;
      sending = 0;
      if (wait || failures) save();
      else store('.queue', null), queue.length && later(1);
      if (wait) later(Math.min(wait * 1e3 * Math.pow(2, failures++), 6e4));
    });
  }

  // The page goes: what waits goes along, and stays for the next page where it is not sure to arrive. Sent twice is
  // counted once, by message_id.
  function leave() {
    var rest = queue.slice(sending), batch, sure = !failures && w.navigator.onLine !== false;
    while (key && (batch = rest.splice(0, BATCH)).length)
      sure = w.navigator.sendBeacon(target(), JSON.stringify(batch)) && sure;
    if (key && sure) queue.length = sending;
    save();
  }

  function add(type, p, more) {
    var e = {}, name, from;
    p = typeof p == 'object' && p ? p : { id: p };
    touch();
    for (from of [p, more || {}])
      for (name of FIELDS)
        if (from[name] != null) e[name] = from[name];
    if (e.product_id == null) e.product_id = p.id;
    if (e.category_code == null && p.category) e.category_code = p.category;
    e.event_type = type;
    e.event_time = new Date(ids.at).toISOString();
    e.user_id = ids.user || ids.anon;
    e.user_session = ids.session;
    if (!e.message_id) e.message_id = uuid();
    queue.push(e);
    if (queue.length > MOST) queue.splice(sending, 1); // the oldest that is not under way
    if (failures) save();
    later(200);
  }

  var api = {
    init: function (o) {
      key = o.key;
      url = (o.url || (script && new URL(script.src).origin) || '').replace(/\/$/, '');
      may = o.consent !== false;
      queue = (store('.queue') || []).concat(queue);
      touch();
      flush();
    },
    view: function (p) { add('view', p); },
    cart: function (p) { add('cart', p); },
    remove: function (p) { add('remove_from_cart', p); },
    // An order's id makes the same ids of its lines again, so that a page that is loaded twice counts once.
    purchase: function (o) {
      var id = o.order_id || o.id;
      (o.products || []).forEach(function (p, i) {
        add('purchase', p, { order_id: id, currency: o.currency, message_id: id && 'order/' + id + '/' + i });
      });
    },
    user: function (id) { touch(); ids.user = id == null ? '' : String(id); store('.ids', ids); },
    consent: function (yes) {
      var was = ids;
      if (may && yes) return;
      may = !!yes;
      if (!may) return store('.ids', null), store('.queue', null);
      ids = Object.assign({}, was);
      touch(); // who consented on an earlier page is that visitor again, also in what waits here
      if (was.user) ids.user = was.user;
      store('.ids', ids);
      queue.slice(sending).forEach(function (e) {
        if (e.user_session == was.session) e.user_session = ids.session, e.user_id = ids.user || ids.anon;
      });
    },
    ids: function () {
      touch();
      return { user_id: ids.user || ids.anon, anonymous_id: ids.anon, user_session: ids.session };
    },
    flush: flush,
    push: function (call) { api[call[0]].apply(api, call.slice(1)); } // ['view', {...}]: before the script was loaded
  };

  w.addEventListener('pagehide', leave);
  w.addEventListener('online', flush);
  var early = w.maxcart;
  w.maxcart = api;
  if (script && script.dataset.key) api.init({ key: script.dataset.key, consent: script.dataset.consent !== 'false' });
  if (early && early.forEach) early.forEach(api.push);
})(window, document);
