#include "outreach/link.h"

#include "store/people.h"
#include <assert.h>
#include <sodium.h>

enum {
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    HEAD = 6, /* kind, expiry */
    PAYLOAD_MAX = HEAD + MC_LINK_REFERENCE_BYTES_MAX,
    SEALED_MAX = NONCE + PAYLOAD_MAX + TAG,
};

static_assert(MC_LINK_TOKEN_CHARS_MAX >= (SEALED_MAX * 4 + 2) / 3, "a token fits");
static_assert(MC_LINK_SECRET_BYTES == crypto_kdf_KEYBYTES, "the secret is libsodium's master key");
static_assert(MC_LINK_SECRET_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "and its keys have that size");

static const unsigned char version[] = "maxcart link 1"; /* sealed with each token, so that a later form differs */

void mc_link_key_derive(struct mc_link_key *key, const uint8_t secret[MC_LINK_SECRET_BYTES]) {
    int bad = crypto_kdf_derive_from_key(key->seal, sizeof key->seal, 1, "mc_links", secret);
    bad |= crypto_kdf_derive_from_key(key->nonce, sizeof key->nonce, 2, "mc_links", secret);
    assert(bad == 0);
    (void)bad;
}

void mc_link_key_clear(struct mc_link_key *key) {
    sodium_memzero(key, sizeof *key);
}

/* Seconds in 40 bits, rounded up; all ones: never. */
static uint64_t expiry_code(struct mc_wall at) {
    const uint64_t never = ((uint64_t)1 << 40) - 1;
    if (at.us == MC_TIME_NONE_US)
        return never;
    assert(at.us >= 0);
    return (uint64_t)(at.us / MC_SECOND_US + (at.us % MC_SECOND_US != 0));
}

static struct mc_wall expiry_time(uint64_t code) {
    bool never = code == ((uint64_t)1 << 40) - 1;
    return (struct mc_wall){never ? MC_TIME_NONE_US : (int64_t)code * MC_SECOND_US};
}

static size_t payload_encode(uint8_t payload[PAYLOAD_MAX], const struct mc_link *link) {
    uint64_t code = expiry_code(link->expires_at);
    payload[0] = (uint8_t)link->kind;
    for (int i = 0; i < 5; i++)
        payload[1 + i] = (uint8_t)(code >> (8 * i));
    if (link->reference.len > 0)
        memcpy(payload + HEAD, link->reference.data, link->reference.len);
    return HEAD + link->reference.len;
}

void mc_link_token(struct mc_buf *out, const struct mc_link_key *key, const struct mc_link *link) {
    assert(link->kind < MC_LINK_KINDS && link->reference.len <= MC_LINK_REFERENCE_BYTES_MAX);
    assert(link->kind != MC_LINK_UNSUBSCRIBE || link->expires_at.us == MC_TIME_NONE_US);
    uint8_t payload[PAYLOAD_MAX], sealed[SEALED_MAX];
    size_t len = payload_encode(payload, link);
    unsigned long long sealed_len = 0;
    crypto_generichash(sealed, NONCE, payload, len, key->nonce, sizeof key->nonce);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE, &sealed_len, payload, len, version, sizeof version, NULL,
                                               sealed, key->seal);
    size_t whole = NONCE + (size_t)sealed_len;
    size_t room = sodium_base64_ENCODED_LEN(whole, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *text = mc_buf_reserve(out, room);
    if (text == NULL)
        return;
    sodium_bin2base64(text, room, sealed, whole, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    out->len += room - 1; /* without its NUL */
}

void mc_link_url(struct mc_buf *out, const struct mc_link_key *key, struct mc_str public_url,
                 const struct mc_link *link) {
    static const char *const path[MC_LINK_KINDS] = {"/r/", "/u/", "/c/"};
    while (public_url.len > 0 && public_url.data[public_url.len - 1] == '/')
        public_url.len--;
    mc_buf_str(out, public_url);
    mc_buf_text(out, path[link->kind]);
    mc_link_token(out, key, link);
}

/* libsodium 1.0.18 also decodes some bytes above 127: one token must have one spelling. */
static bool is_spelt_right(struct mc_str token) {
    for (size_t i = 0; i < token.len; i++) {
        char c = token.data[i];
        if ((c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_')
            return false;
    }
    return token.len > 0 && token.len <= MC_LINK_TOKEN_CHARS_MAX;
}

/* The payload's length, 0 if the token was not made with this key. */
static size_t open_token(const struct mc_link_key *key, struct mc_str token, uint8_t payload[PAYLOAD_MAX]) {
    uint8_t sealed[SEALED_MAX];
    size_t len = 0;
    const char *end = NULL;
    if (!is_spelt_right(token) ||
        sodium_base642bin(sealed, sizeof sealed, token.data, token.len, NULL, &len, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        end != token.data + token.len || len < NONCE + TAG + HEAD)
        return 0;
    unsigned long long opened = 0;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(payload, &opened, NULL, sealed + NONCE, len - NONCE, version,
                                                   sizeof version, sealed, key->seal) != 0)
        return 0;
    return (size_t)opened;
}

enum mc_link_verdict mc_link_verify(const struct mc_link_key *key, enum mc_link_kind kind, struct mc_str token,
                                    struct mc_wall now, uint8_t room[MC_LINK_REFERENCE_BYTES_MAX],
                                    struct mc_link *link) {
    uint8_t payload[PAYLOAD_MAX];
    size_t len = open_token(key, token, payload);
    if (len < HEAD || payload[0] != (uint8_t)kind)
        return MC_LINK_FORGED;
    uint64_t code = 0;
    for (int i = 0; i < 5; i++)
        code |= (uint64_t)payload[1 + i] << (8 * i);
    memcpy(room, payload + HEAD, len - HEAD);
    *link = (struct mc_link){kind, expiry_time(code), {(const char *)room, len - HEAD}};
    bool expired = link->expires_at.us != MC_TIME_NONE_US && now.us >= link->expires_at.us;
    return expired ? MC_LINK_EXPIRED : MC_LINK_VALID;
}

struct mc_str mc_link_message_encode(int64_t message, uint8_t room[MC_LINK_MESSAGE_BYTES]) {
    for (int i = 0; i < MC_LINK_MESSAGE_BYTES; i++)
        room[i] = (uint8_t)((uint64_t)message >> (8 * i));
    return (struct mc_str){(const char *)room, MC_LINK_MESSAGE_BYTES};
}

int64_t mc_link_message_decode(const struct mc_link *link) {
    uint64_t message = 0;
    if (link->reference.len != MC_LINK_MESSAGE_BYTES)
        return 0;
    for (int i = 0; i < MC_LINK_MESSAGE_BYTES; i++)
        message |= (uint64_t)(unsigned char)link->reference.data[i] << (8 * i);
    return (int64_t)message;
}

bool mc_public_url_is_valid(struct mc_str url) {
    if (url.len > MC_PUBLIC_URL_BYTES_MAX || !mc_url_is_valid(url))
        return false;
    return memchr(url.data, '?', url.len) == NULL && memchr(url.data, '#', url.len) == NULL &&
           memchr(url.data, '@', url.len) == NULL;
}
