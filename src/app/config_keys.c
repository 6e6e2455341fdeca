#include "app/config_keys.h"

#include "app/options.h"
#include "outreach/link.h"
#include "store/people.h"
#include "store/policy.h"
#include <stdio.h>
#include <unistd.h>

#define SECOND MC_SECOND_US
#define MINUTE MC_MINUTE_US
#define HOUR MC_HOUR_US
#define DAY MC_DAY_US
#define AT(member) offsetof(struct mc_config, member)
enum { PATH_BYTES_MAX = 4000 };

const struct mc_config_section mc_config_sections[] = {
    {"store", "the shop and its store file"},
    {"visit", "where a visit ends"},
    {"policy", "which abandoned carts get a message, when, and with which offer"},
    {"mail", "the message and how it is delivered"},
    {"webhook", "a service of the shop that takes messages in place of a mail server"},
    {"link", "the links in a message"},
    {"http", "where the live service listens, and to whom"},
    {"inbox", "the log of what came in"},
    {"engine", "how a run uses this machine"},
};
const size_t mc_config_section_count = sizeof mc_config_sections / sizeof *mc_config_sections;

/* clang-format off */
const struct mc_config_key mc_config_keys[] = {
    {"store", "path", MC_TYPE_PATH, AT(store.path), 0, 0, "", NULL,
     "the store file (SQLite) that commands read and write when --store is not given", false},
    {"store", "currency", MC_TYPE_CURRENCY, AT(store.currency), 0, 0, "", NULL,
     "the one currency of the shop's prices, as a code like EUR", false},
    {"store", "name", MC_TYPE_TEXT, AT(store.name), 1, 200, "", NULL,
     "the shop's name as customers know it", false},
    {"store", "time_zone", MC_TYPE_ZONE, AT(store.time_zone), 0, 0, "UTC", NULL,
     "the zone in which the shop's days begin, as Europe/Berlin", false},

    {"visit", "gap", MC_TYPE_DURATION, AT(visit.gap_us), SECOND, 365 * DAY, "30m", NULL,
     "a visit ends when nothing happened in it for this long", false},

    {"policy", "minimum", MC_TYPE_DECIMAL, AT(policy.minimum), 0, (int64_t)1000000000000, "0", NULL,
     "a cart worth less, in the shop's currency, gets no message", false},
    {"policy", "stale_after", MC_TYPE_DURATION, AT(policy.stale_after_us), MINUTE, 3650 * DAY, "24h", NULL,
     "a cart that expired longer ago is history, not a customer waiting", false},
    {"policy", "cap_window", MC_TYPE_DURATION, AT(policy.cap_window_us), 0, 365 * DAY, "24h", NULL,
     "at most one message to a person in this time", false},
    {"policy", "delay", MC_TYPE_DURATION, AT(policy.delay_us), 0, 30 * DAY, "0", NULL,
     "from the end of the visit to the message; everything is checked again then", false},
    {"policy", "holdout", MC_TYPE_PERCENT, AT(policy.holdout_bp), 0, 10000, "5%", NULL,
     "the share of customers who get no message, to measure what messages bring", false},
    {"policy", "experiment", MC_TYPE_TEXT, AT(policy.experiment), 1, MC_POLICY_NAME_MAX - 1, "default", NULL,
     "the name that draws the control group; a new name draws a new one", false},
    {"policy", "attribution_window", MC_TYPE_DURATION, AT(policy.attribution_window_us), MINUTE, 365 * DAY, "7d", NULL,
     "a purchase of what was in the cart counts as recovered for this long", false},
    {"policy", "consent", MC_TYPE_CHOICE, AT(policy.consent), 0, 0, "required",
     "required|customers_only|consenting_customers",
     "to write to those who agreed; to customers too unless they refused; or to customers who agreed", false},
    {"policy", "offer", MC_TYPE_CHOICE, AT(policy.offer), 0, 0, "free_shipping", "none|free_shipping|percentage|amount",
     "what the message offers", false},
    {"policy", "offer_value", MC_TYPE_DECIMAL, AT(policy.offer_value), 0, (int64_t)1000000000000, "0", NULL,
     "how much of it: a percentage up to 100, or an amount in the shop's currency", false},
    {"policy", "coupons", MC_TYPE_CHOICE, AT(policy.coupons), 0, 0, "none", "none|pool",
     "whether an offer carries a code of the shop's pool (maxcart coupons import)", false},
    {"policy", "campaign", MC_TYPE_TEXT, AT(policy.campaign), 1, MC_POLICY_NAME_MAX - 1, "", NULL,
     "which codes of the pool are used", false},
    {"policy", "coupon_when_empty", MC_TYPE_CHOICE, AT(policy.coupon_when_empty), 0, 0, "send_without",
     "send_without|do_not_send", "what happens to a message when the pool has no code left", false},
    {"policy", "coupon_valid", MC_TYPE_DURATION, AT(policy.coupon_valid_us), 0, 3650 * DAY, "0", NULL,
     "a code imported without expires_at expires this long after the import; 0: never", false},

    {"mail", "transport", MC_TYPE_CHOICE, AT(mail.transport), 0, 0, "spool",
     "spool|smtp|webhook", "one .eml file a message in a folder, a mail server, or a webhook", false},
    {"mail", "spool", MC_TYPE_PATH, AT(mail.spool), 0, 0, "spool", NULL,
     "the folder of the .eml files", false},
    {"mail", "sender", MC_TYPE_EMAIL, AT(mail.sender), 0, 0, "", NULL,
     "the address that messages come from; needed before anything is sent", false},
    {"mail", "sender_name", MC_TYPE_TEXT, AT(mail.sender_name), 1, 200, "", NULL,
     "the name beside it; the shop's name if not set", false},
    {"mail", "reply_to", MC_TYPE_EMAIL, AT(mail.reply_to), 0, 0, "", NULL,
     "where answers go, if not to the sender", false},
    {"mail", "postal_address", MC_TYPE_TEXT, AT(mail.postal_address), 1, 500, "", NULL,
     "the shop's address at the foot of each message; needed before anything is sent", false},
    {"mail", "public_url", MC_TYPE_WEB, AT(mail.public_url), 0, 0, "", NULL,
     "where links of messages lead, http or https; needed before anything is sent", false},
    {"mail", "smtp_url", MC_TYPE_SMTP, AT(mail.smtp_url), 0, 0, "", NULL,
     "the mail server, as smtp://mail.example.com:587", false},
    {"mail", "smtp_user", MC_TYPE_TEXT, AT(mail.smtp_user), 1, 256, "", NULL,
     "the user to log in as; no login if not set", false},
    {"mail", "smtp_password", MC_TYPE_TEXT, AT(mail.smtp_password), 1, 1024, "", NULL,
     "the user's password; better in the environment than in a file", true},
    {"mail", "smtp_tls", MC_TYPE_CHOICE, AT(mail.smtp_tls), 0, 0, "required", "required|none",
     "encryption of the connection to the mail server (smtps or STARTTLS)", false},
    {"mail", "smtp_ca", MC_TYPE_PATH, AT(mail.smtp_ca), 0, 0, "", NULL,
     "a PEM file of the authority that vouches for the mail server; the system's if not set", false},
    {"mail", "templates", MC_TYPE_PATH, AT(mail.templates), 0, 0, "", NULL,
     "the folder of the message's Mustache templates; those that came with maxcart if not set", false},
    {"mail", "unknown", MC_TYPE_CHOICE, AT(mail.unknown), 0, 0, "keep", "keep|resend",
     "what happens to a message when the mail server's answer was lost", false},
    {"mail", "too_late_after", MC_TYPE_DURATION, AT(mail.too_late_after_us), 0, 30 * DAY, "1h", NULL,
     "a message not handed over this long after it was due is withheld; 0: never", false},
    {"mail", "per_minute", MC_TYPE_INT, AT(mail.per_minute), 0, 1000000, "0", NULL,
     "at most so many messages in any minute; 0: as many as there are", false},
    {"mail", "connections", MC_TYPE_INT, AT(mail.connections), 1, 64, "4", NULL,
     "connections to the mail server or webhook at the same time", false},

    {"webhook", "url", MC_TYPE_WEB, AT(webhook.url), 0, 0, "", NULL,
     "where messages are posted, http or https", false},
    {"webhook", "secret", MC_TYPE_TEXT, AT(webhook.secret), 1, 1024, "", NULL,
     "signs each message, at least 16 bytes; better in the environment than in a file", true},
    {"webhook", "ca", MC_TYPE_PATH, AT(webhook.ca), 0, 0, "", NULL,
     "a PEM file of the authority that vouches for the service; the system's if not set", false},
    {"webhook", "allow_private", MC_TYPE_CHOICE, AT(webhook.allow_private), 0, 0, "no", "no|yes",
     "whether the service may be at a private or loopback address", false},

    {"link", "restore_expires", MC_TYPE_DURATION, AT(link.restore_expires_us), HOUR, 365 * DAY, "14d", NULL,
     "how long a link brings the cart back", false},
    {"link", "cart_url", MC_TYPE_TEXT, AT(link.cart_url), 1, 2000, "", NULL,
     "the shop's cart, with {items} (ID:QUANTITY,...) and {coupon}; a page of ours if not set", false},
    {"link", "shop_url", MC_TYPE_WEB, AT(link.shop_url), 0, 0, "", NULL,
     "where a link leads that has expired; the root of cart_url if not set", false},

    {"http", "listen", MC_TYPE_TEXT, AT(http.listen), 1, 200, "127.0.0.1:8080", NULL,
     "address and port; :8080 is all addresses, port 0 any free one", false},
    {"http", "tls_certificate", MC_TYPE_PATH, AT(http.tls_certificate), 0, 0, "", NULL,
     "a PEM file with the certificate and its chain; plain http if not set", false},
    {"http", "tls_key", MC_TYPE_PATH, AT(http.tls_key), 0, 0, "", NULL,
     "a PEM file with the certificate's key", false},
    {"http", "trusted_proxies", MC_TYPE_TEXT, AT(http.trusted_proxies), 1, 1000, "", NULL,
     "addresses of proxies whose X-Forwarded-For is believed, comma between them", false},
    {"http", "cors_origins", MC_TYPE_TEXT, AT(http.cors_origins), 1, 2000, "*", NULL,
     "the shop's pages that may send events, as https://shop.example,...; * is any", false},
    {"http", "threads", MC_TYPE_INT, AT(http.threads), 0, 64, "0", NULL,
     "threads that read requests; 0: two, or as many as processors", false},
    {"http", "calls_per_key", MC_TYPE_INT, AT(http.calls_per_key), 0, 100000000, "0", NULL,
     "events a second that one key may send; 0: no limit", false},
    {"http", "calls_per_address", MC_TYPE_INT, AT(http.calls_per_address), 0, 100000000, "200", NULL,
     "events a second from one address with a browser key; 0: no limit", false},
    {"http", "connections", MC_TYPE_INT, AT(http.connections), 16, 100000, "4096", NULL,
     "connections at the same time", false},
    {"http", "connections_per_address", MC_TYPE_INT, AT(http.connections_per_address), 0, 100000, "256", NULL,
     "of them from one address; 0: no limit", false},

    {"inbox", "keep", MC_TYPE_DURATION, AT(inbox.keep_us), 0, 36500 * DAY, "0", NULL,
     "what was consumed longer ago is removed from the log; 0: never", false},

    {"engine", "threads", MC_TYPE_INT, AT(engine.threads), 0, 64, "0", NULL,
     "threads of a run; 0: one for each processor", false},
    {"engine", "partitions", MC_TYPE_INT, AT(engine.partitions), 0, 64, "0", NULL,
     "sets of users that threads own; 0: as many as threads. Results do not depend on it", false},
};
/* clang-format on */
const size_t mc_config_key_count = sizeof mc_config_keys / sizeof *mc_config_keys;
_Static_assert(sizeof mc_config_keys / sizeof *mc_config_keys <= MC_CONFIG_KEYS_MAX,
               "struct mc_config has room for all");

bool mc_config_type_is_text(enum mc_config_type type) {
    return type < MC_TYPE_CHOICE;
}

/* ---- texts ---- */

static bool is_currency(struct mc_str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] < 'A' || s.data[i] > 'Z')
            return false;
    return s.len == 3;
}

/* A name of the time zone database: relative, without "..", and a file there. UTC needs no database. */
static bool is_zone(struct mc_str s) {
    char path[256];
    if (mc_str_equal(s, MC_STR("UTC")))
        return true;
    if (s.len > 64 || s.data[0] == '/' || memmem(s.data, s.len, "..", 2) != NULL)
        return false;
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", (int)s.len, s.data);
    return access(path, R_OK) == 0;
}

static bool is_smtp_url(struct mc_str s) {
    bool scheme = (s.len > 7 && memcmp(s.data, "smtp://", 7) == 0) || (s.len > 8 && memcmp(s.data, "smtps://", 8) == 0);
    return scheme && memchr(s.data, ' ', s.len) == NULL;
}

static bool text_is_good(const struct mc_config_key *k, struct mc_str s) {
    if (s.len == 0)
        return k->initial[0] == '\0';
    /* control characters could reach a mail's header */
    if (!mc_text_is_line(s, k->type == MC_TYPE_TEXT ? (size_t)k->max : PATH_BYTES_MAX))
        return false;
    switch (k->type) {
    case MC_TYPE_CURRENCY:
        return is_currency(s);
    case MC_TYPE_ZONE:
        return is_zone(s);
    case MC_TYPE_EMAIL:
        return mc_email_is_valid(s);
    case MC_TYPE_WEB:
        return mc_public_url_is_valid(s);
    case MC_TYPE_SMTP:
        return is_smtp_url(s);
    default:
        return true;
    }
}

/* ---- numbers ---- */

/* "12", "12.5", "12.50", not negative, to hundredths. */
static bool parse_hundredths(struct mc_str s, int64_t *value) {
    const char *point = s.len > 0 ? memchr(s.data, '.', s.len) : NULL;
    size_t whole_len = point != NULL ? (size_t)(point - s.data) : s.len;
    int64_t whole, fraction = 0;
    struct mc_str behind = {s.data + whole_len + 1, s.len - whole_len - (point != NULL)};
    if (!mc_int_parse((struct mc_str){s.data, whole_len}, &whole) || whole < 0)
        return false;
    if (point != NULL &&
        (behind.len < 1 || behind.len > 2 || behind.data[0] == '-' || !mc_int_parse(behind, &fraction)))
        return false;
    if (behind.len == 1)
        fraction *= 10;
    return !__builtin_mul_overflow(whole, 100, value) && !__builtin_add_overflow(*value, fraction, value);
}

static bool parse_percent(struct mc_str s, int64_t *value) {
    if (s.len > 0 && s.data[s.len - 1] == '%')
        s = mc_str_trim((struct mc_str){s.data, s.len - 1});
    return parse_hundredths(s, value);
}

static bool number_parse(const struct mc_config_key *k, struct mc_str text, int64_t *number) {
    switch (k->type) {
    case MC_TYPE_CHOICE:
        return (*number = mc_choice_parse(k->choices, text)) >= 0;
    case MC_TYPE_INT:
        return mc_int_parse(text, number);
    case MC_TYPE_DURATION:
        return mc_duration_parse(text, number);
    case MC_TYPE_DECIMAL:
        return parse_hundredths(text, number);
    default:
        return parse_percent(text, number);
    }
}

bool mc_config_value_parse(const struct mc_config_key *k, struct mc_str text, int64_t *number) {
    if (mc_config_type_is_text(k->type))
        return text_is_good(k, text);
    if (!number_parse(k, text, number))
        return false;
    return k->type == MC_TYPE_CHOICE || (*number >= k->min && *number <= k->max);
}

/* ---- showing ---- */

static void put_hundredths(struct mc_buf *b, int64_t value) {
    mc_buf_int(b, value / 100);
    if (value % 100 != 0)
        mc_buf_printf(b, ".%02d", (int)(value % 100));
}

static void put_choice(struct mc_buf *b, const char *choices, int64_t index) {
    for (; index > 0; index--)
        choices = strchr(choices, '|') + 1;
    mc_buf_append(b, choices, strcspn(choices, "|"));
}

void mc_config_value_text(struct mc_buf *b, const struct mc_config_key *k, int64_t number) {
    switch (k->type) {
    case MC_TYPE_CHOICE:
        put_choice(b, k->choices, number);
        break;
    case MC_TYPE_DURATION:
        mc_buf_duration(b, number);
        break;
    case MC_TYPE_DECIMAL:
        put_hundredths(b, number);
        break;
    case MC_TYPE_PERCENT:
        put_hundredths(b, number);
        mc_buf_char(b, '%');
        break;
    default:
        mc_buf_int(b, number);
    }
}

static const char *const type_words[] = {
    [MC_TYPE_TEXT] = "a text",
    [MC_TYPE_PATH] = "a path",
    [MC_TYPE_CURRENCY] = "a currency code of three capital letters",
    [MC_TYPE_ZONE] = "a time zone like Europe/Berlin",
    [MC_TYPE_EMAIL] = "an e-mail address",
    [MC_TYPE_WEB] = "an http:// or https:// address",
    [MC_TYPE_SMTP] = "an smtp:// or smtps:// address",
    [MC_TYPE_CHOICE] = "",
    [MC_TYPE_INT] = "a whole number",
    [MC_TYPE_DURATION] = "a duration",
    [MC_TYPE_DECIMAL] = "a number with at most two decimals",
    [MC_TYPE_PERCENT] = "a percentage",
};

static void put_choices(struct mc_buf *b, const char *choices) {
    for (const char *c = choices; *c != '\0'; c++)
        if (*c == '|')
            mc_buf_text(b, strchr(c + 1, '|') != NULL ? ", " : " or ");
        else
            mc_buf_char(b, *c);
}

void mc_config_value_allowed(struct mc_buf *b, const struct mc_config_key *k) {
    mc_buf_text(b, type_words[k->type]);
    if (k->type == MC_TYPE_CHOICE)
        put_choices(b, k->choices);
    else if (k->type == MC_TYPE_TEXT)
        mc_buf_printf(b, " of at most %d bytes", (int)k->max);
    if (mc_config_type_is_text(k->type) || k->type == MC_TYPE_CHOICE)
        return;
    mc_buf_text(b, " from ");
    mc_config_value_text(b, k, k->min);
    mc_buf_text(b, " to ");
    mc_config_value_text(b, k, k->max);
}
