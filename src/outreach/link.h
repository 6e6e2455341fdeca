/* Links that a customer may hold and nobody can make: restore a cart, unsubscribe, click.
 *
 *     public_url + "/r/" + base64url( nonce 24 | sealed( kind 1, expiry 5, reference 0..254 ) + 16 )
 *
 * The payload is sealed by libsodium's XChaCha20-Poly1305 under a key of the store, so a token neither can be forged
 * nor says whom it is about. The nonce is a keyed hash of the payload (BLAKE2b under a second key): the same link is
 * the same token, different links never share a nonce. A token is never a login: what it opens is decided by its kind.
 * Checking takes the same time for every wrong token of a length (Poly1305's compare in libsodium).
 *
 * Pure; any thread. The key struct holds secrets: mc_link_key_clear wipes it.
 */
#ifndef MC_OUTREACH_LINK_H
#define MC_OUTREACH_LINK_H

#include "base/time.h"

enum mc_link_kind { MC_LINK_RESTORE, MC_LINK_UNSUBSCRIBE, MC_LINK_CLICK, MC_LINK_KINDS };

enum {
    MC_LINK_SECRET_BYTES = 32,
    MC_LINK_REFERENCE_BYTES_MAX = 254,
    MC_LINK_TOKEN_CHARS_MAX = 402,
};

struct mc_link_key {
    uint8_t seal[MC_LINK_SECRET_BYTES];
    uint8_t nonce[MC_LINK_SECRET_BYTES];
};

/* From the store's key for links (mc_ledger_key, purpose "links"). */
void mc_link_key_derive(struct mc_link_key *key, const uint8_t secret[MC_LINK_SECRET_BYTES]);
void mc_link_key_clear(struct mc_link_key *key);

struct mc_link {
    enum mc_link_kind kind;
    struct mc_wall
        expires_at;          /* whole seconds count; us MC_TIME_NONE_US: never. An unsubscribe link must never expire */
    struct mc_str reference; /* what it is about, at most MC_LINK_REFERENCE_BYTES_MAX bytes */
};

/* Appends the token. Asserts the limits of struct mc_link: they are the caller's. */
void mc_link_token(struct mc_buf *out, const struct mc_link_key *key, const struct mc_link *link);

/* Appends public_url without a slash at its end, "/r/", "/u/" or "/c/", and the token. */
void mc_link_url(struct mc_buf *out, const struct mc_link_key *key, struct mc_str public_url,
                 const struct mc_link *link);

enum mc_link_verdict { MC_LINK_VALID, MC_LINK_FORGED, MC_LINK_EXPIRED };

/* Opens a token that claims to be of that kind (the kind of the path it came by). VALID and EXPIRED fill *link, whose
 * reference points into `room`; FORGED (also: another kind, another store, any other bytes) leaves it untouched. */
enum mc_link_verdict mc_link_verify(const struct mc_link_key *key, enum mc_link_kind kind, struct mc_str token,
                                    struct mc_wall now, uint8_t room[MC_LINK_REFERENCE_BYTES_MAX],
                                    struct mc_link *link);

/* A message of the outbox as a reference, and back; 0 if the link's reference is none. */
enum { MC_LINK_MESSAGE_BYTES = 8 };
struct mc_str mc_link_message_encode(int64_t message, uint8_t room[MC_LINK_MESSAGE_BYTES]);
int64_t mc_link_message_decode(const struct mc_link *link);

/* A public_url that links can be made of: as mc_url_is_valid (store/people.h), without query, fragment and user, of at
 * most MC_PUBLIC_URL_BYTES_MAX bytes. */
enum { MC_PUBLIC_URL_BYTES_MAX = 400 };
bool mc_public_url_is_valid(struct mc_str url);

#endif
