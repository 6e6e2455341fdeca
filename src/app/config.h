/* The settings: one INI file, the environment over it, and one table of keys that makes the parser, the help and the
 * manual page.
 *
 *     # a comment, also with ;
 *     [section]
 *     key = value        everything behind the = without the spaces around it
 *
 * A value has no quotes, no escapes and no comment behind it. An unknown section or key, a key given twice, a value out
 * of range: an error that names file and line. MAXCART_SECTION_KEY in the environment stands above the file; an unknown
 * MAXCART_ variable is an error that names it.
 *
 * The struct owns its strings until mc_config_close. Filled by one thread, then read by any.
 */
#ifndef MC_APP_CONFIG_H
#define MC_APP_CONFIG_H

#include "base/buf.h"
#include "base/err.h"
#include <stdint.h>

enum mc_coupons_setting { MC_COUPONS_NONE, MC_COUPONS_POOL };
enum mc_coupon_empty_setting { MC_COUPON_EMPTY_SEND, MC_COUPON_EMPTY_KEEP };
enum mc_transport_setting { MC_TRANSPORT_SPOOL, MC_TRANSPORT_SMTP, MC_TRANSPORT_WEBHOOK };
enum mc_unknown_setting { MC_UNKNOWN_KEEP, MC_UNKNOWN_RESEND };

enum mc_config_source { MC_FROM_DEFAULT, MC_FROM_FILE, MC_FROM_ENVIRONMENT };

enum { MC_CONFIG_KEYS_MAX = 96 };

struct mc_config {
    struct {
        const char *path, *currency, *name, *time_zone;
    } store;
    struct {
        int64_t gap_us;
    } visit;
    struct {
        int64_t minimum; /* minor units */
        int64_t stale_after_us, cap_window_us, delay_us, attribution_window_us;
        int64_t holdout_bp; /* hundredths of a percent */
        const char *experiment, *campaign;
        int consent;           /* enum mc_consent_mode (store/policy.h) */
        int offer;             /* enum mc_offer_kind */
        int64_t offer_value;   /* hundredths: of a percent, or of the currency's unit */
        int coupons;           /* enum mc_coupons_setting */
        int coupon_when_empty; /* enum mc_coupon_empty_setting */
        int64_t coupon_valid_us;
    } policy;
    struct {
        int transport; /* enum mc_transport_setting */
        const char *spool, *sender, *sender_name, *reply_to, *postal_address, *public_url;
        const char *smtp_url, *smtp_user, *smtp_password;
        const char *smtp_ca;
        int smtp_tls; /* enum mc_smtp_tls */
        const char *templates;
        int unknown; /* enum mc_unknown_setting */
        int64_t too_late_after_us, per_minute, connections;
    } mail;
    struct {
        const char *url, *secret, *ca;
        int allow_private; /* 0 no, 1 yes */
    } webhook;
    struct {
        int64_t restore_expires_us;
        const char *cart_url, *shop_url;
    } link;
    struct {
        const char *listen, *tls_certificate, *tls_key, *trusted_proxies, *cors_origins;
        int64_t threads, calls_per_key, calls_per_address, connections, connections_per_address;
    } http;
    struct {
        int64_t keep_us;
    } inbox;
    struct {
        int64_t threads, partitions;
    } engine;

    /* Where each value of the table came from, by its line in the table. */
    uint8_t source[MC_CONFIG_KEYS_MAX]; /* enum mc_config_source */
    uint32_t line[MC_CONFIG_KEYS_MAX];
    char *file; /* the file that was read, or NULL */
};

/* Defaults, then `path` (NULL: ./maxcart.conf if there is one), then `environment` (like environ; NULL: none).
 * MC_ERR_USAGE for a bad setting, MC_ERR_IO for a file that cannot be read, MC_ERR_NOMEM; the struct is then empty. */
enum mc_err mc_config_open(struct mc_config *c, const char *path, char **environment, struct mc_error *e);

void mc_config_close(struct mc_config *c);

/* The i-th line of the table as text: "store.path", its value (a secret as asterisks, or "" if not set) and where it
 * came from. False behind the last. */
bool mc_config_describe(const struct mc_config *c, size_t i, struct mc_buf *key, struct mc_buf *value,
                        struct mc_buf *from);

/* All keys, for people. */
void mc_config_help(struct mc_buf *b);

/* The manual page maxcart.conf(5) in roff. */
void mc_config_man(struct mc_buf *b);

#endif
