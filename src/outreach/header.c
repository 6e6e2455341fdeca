#include "outreach/header.h"

#include "outreach/text.h"
#include "outreach/transfer.h"
#include "store/people.h"
#include <assert.h>

enum {
    LINE_CHARS = 78,    /* RFC 5322 2.1.1 */
    WORD_CHARS = 60,    /* a longer run without a space is encoded, which can be folded */
    ENCODED_BYTES = 42, /* raw bytes of an encoded word: 56 of base64, 12 around them, room for "Reply-To: " */
};

static bool is_ascii(struct mc_str text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    return true;
}

static bool has_long_word(struct mc_str text) {
    size_t run = 0;
    for (size_t i = 0; i < text.len; i++) {
        run = text.data[i] == ' ' ? 0 : run + 1;
        if (run > WORD_CHARS)
            return true;
    }
    return false;
}

/* "=?" would be read as the start of an encoded word. */
static bool needs_encoding(struct mc_str text) {
    return !is_ascii(text) || has_long_word(text) || (text.len > 1 && memmem(text.data, text.len, "=?", 2) != NULL);
}

/* One encoded word of as many whole characters as fit; returns their bytes. */
static size_t put_encoded_word(struct mc_buf *out, struct mc_str text) {
    size_t len = 0;
    while (len < text.len) {
        size_t more = mc_text_char((struct mc_str){text.data + len, text.len - len});
        assert(more > 0); /* mc_text_line left UTF-8 */
        if (len + more > ENCODED_BYTES)
            break;
        len += more;
    }
    mc_buf_text(out, "=?UTF-8?B?");
    mc_transfer_base64(out, (struct mc_str){text.data, len});
    mc_buf_text(out, "?=");
    return len;
}

/* The first word follows the field's name on its line, if that is short; the space between two words is no part of the
 * text. */
static void put_encoded(struct mc_buf *out, struct mc_str text) {
    while (text.len > 0 && !out->failed) {
        size_t len = put_encoded_word(out, text);
        text.data += len;
        text.len -= len;
        if (text.len > 0)
            mc_buf_text(out, "\r\n ");
    }
}

/* Plain words, a new line before each that would pass the limit. `column` is where we are. */
static void put_folded(struct mc_buf *out, struct mc_str text, size_t column) {
    while (text.len > 0) {
        const char *space = memchr(text.data, ' ', text.len);
        size_t len = space != NULL ? (size_t)(space - text.data) : text.len;
        if (column + 1 + len > LINE_CHARS) {
            mc_buf_text(out, "\r\n");
            column = 0;
        }
        mc_buf_char(out, ' ');
        mc_buf_append(out, text.data, len);
        column += 1 + len;
        size_t step = space != NULL ? len + 1 : len;
        text.data += step;
        text.len -= step;
    }
}

void mc_header_text(struct mc_buf *out, const char *name, struct mc_str text) {
    struct mc_buf line = {0};
    mc_text_line(&line, text, MC_HEADER_TEXT_BYTES_MAX);
    out->failed |= line.failed;
    struct mc_str clean = mc_buf_view(&line);
    mc_buf_text(out, name);
    mc_buf_char(out, ':');
    if (needs_encoding(clean)) {
        mc_buf_char(out, ' ');
        put_encoded(out, clean);
    } else {
        put_folded(out, clean, strlen(name) + 1);
    }
    mc_buf_text(out, "\r\n");
    mc_buf_free(&line);
}

static bool is_atom_text(struct mc_str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && strchr(" !#$%&'*+-/=?^_`{|}~", c) == NULL)
            return false;
    }
    return true;
}

static void put_quoted(struct mc_buf *out, struct mc_str text) {
    mc_buf_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            mc_buf_char(out, '\\');
        mc_buf_char(out, text.data[i]);
    }
    mc_buf_char(out, '"');
}

static size_t quoted_len(struct mc_str text) {
    size_t len = text.len;
    for (size_t i = 0; i < text.len; i++)
        len += text.data[i] == '"' || text.data[i] == '\\';
    return len;
}

/* A display name is never folded inside: a longer one is encoded. */
static void put_display(struct mc_buf *out, struct mc_str display) {
    if (quoted_len(display) > WORD_CHARS || needs_encoding(display))
        put_encoded(out, display);
    else if (is_atom_text(display))
        mc_buf_str(out, display);
    else
        put_quoted(out, display);
}

void mc_header_mailbox(struct mc_buf *out, const char *name, struct mc_str display, struct mc_str address) {
    assert(mc_email_is_valid(address));
    struct mc_buf line = {0};
    mc_text_line(&line, display, MC_HEADER_TEXT_BYTES_MAX);
    out->failed |= line.failed;
    mc_buf_text(out, name);
    mc_buf_text(out, ":");
    if (line.len > 0) {
        mc_buf_char(out, ' ');
        put_display(out, mc_buf_view(&line));
        mc_buf_text(out, "\r\n");
    }
    mc_buf_text(out, " <");
    mc_buf_str(out, address);
    mc_buf_text(out, ">\r\n");
    mc_buf_free(&line);
}

void mc_header_date(struct mc_buf *out, struct mc_time date) {
    static const char days_of_week[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t seconds = date.us / MC_SECOND_US - (date.us % MC_SECOND_US < 0);
    int64_t days = seconds / 86400 - (seconds % 86400 < 0);
    int64_t rest = seconds - days * 86400, weekday = ((days % 7) + 7) % 7;
    int year;
    unsigned month, day;
    mc_date_of_days(days, &year, &month, &day);
    mc_buf_printf(out, "Date: %.3s, %02u %.3s %04d %02d:%02d:%02d +0000\r\n", days_of_week + weekday * 3, day,
                  months + (month - 1) * 3, year, (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
}
