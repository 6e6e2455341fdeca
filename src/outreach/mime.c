#include "outreach/mime.h"

#include "base/hash.h"
#include "outreach/header.h"
#include "outreach/transfer.h"
#include "store/people.h"

enum { BOUNDARY_CHARS = 34, MESSAGE_ID_CHARS_MAX = 64 };

bool mc_message_id_is_valid(struct mc_str id) {
    if (id.len == 0 || id.len > MESSAGE_ID_CHARS_MAX || id.data[0] == '.' || id.data[id.len - 1] == '.')
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        bool pair = c == '.' && id.data[i - 1] == '.';
        if (pair || (!letter && c != '.' && c != '-' && c != '_'))
            return false;
    }
    return true;
}

static enum mc_err check_address(struct mc_str address, const char *of_whom, struct mc_error *e) {
    if (mc_email_is_valid(address))
        return MC_OK;
    return mc_error_set(e, MC_ERR_FORMAT, "the address of the %s is no e-mail address", of_whom);
}

static enum mc_err check(const struct mc_mime *mail, struct mc_error *e) {
    enum mc_err err = check_address(mail->from_address, "sender", e);
    if (err == MC_OK)
        err = check_address(mail->to_address, "recipient", e);
    if (err == MC_OK && mail->reply_to.len > 0)
        err = check_address(mail->reply_to, "reply-to setting", e);
    if (err != MC_OK)
        return err;
    if (!mc_message_id_is_valid(mail->message_id))
        return mc_error_set(e, MC_ERR_FORMAT, "the message id cannot stand in a Message-ID header");
    if (mail->unsubscribe_url.len > 900 || !mc_url_is_valid(mail->unsubscribe_url))
        return mc_error_set(e, MC_ERR_FORMAT, "the unsubscribe link is no http(s) URL of at most 900 characters");
    return MC_OK;
}

/* "=_" stands in neither quoted-printable nor base64, so no body can hold the boundary. */
static void make_boundary(char boundary[BOUNDARY_CHARS + 1], struct mc_str message_id) {
    struct mc_hash128 hash = mc_hash128(message_id.data, message_id.len);
    static const char hex[] = "0123456789abcdef";
    boundary[0] = '=';
    boundary[1] = '_';
    for (int i = 0; i < 16; i++) {
        boundary[2 + i] = hex[hash.high >> (60 - 4 * i) & 15];
        boundary[18 + i] = hex[hash.low >> (60 - 4 * i) & 15];
    }
    boundary[BOUNDARY_CHARS] = '\0';
}

static void put_message_id(struct mc_buf *out, const struct mc_mime *mail) {
    const char *at = memchr(mail->from_address.data, '@', mail->from_address.len);
    mc_buf_text(out, "Message-ID: <");
    mc_buf_str(out, mail->message_id);
    mc_buf_append(out, at, mail->from_address.len - (size_t)(at - mail->from_address.data));
    mc_buf_text(out, ">\r\n");
}

static void put_header(struct mc_buf *out, const struct mc_mime *mail, const char *boundary) {
    mc_header_mailbox(out, "From", mail->from_name, mail->from_address);
    if (mail->reply_to.len > 0)
        mc_header_mailbox(out, "Reply-To", (struct mc_str){0}, mail->reply_to);
    mc_header_mailbox(out, "To", mail->to_name, mail->to_address);
    mc_header_text(out, "Subject", mail->subject);
    mc_header_date(out, mail->date);
    put_message_id(out, mail);
    mc_buf_text(out, "List-Unsubscribe: <");
    mc_buf_str(out, mail->unsubscribe_url);
    mc_buf_text(out, ">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
                     "Auto-Submitted: auto-generated\r\n" /* no out-of-office answers */
                     "MIME-Version: 1.0\r\n");
    mc_buf_printf(out, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n", boundary);
}

/* The CRLF before a boundary belongs to the boundary, so each part ends in one more: its text keeps its last line end.
 */
static void put_part(struct mc_buf *out, const char *boundary, const char *type, struct mc_str text) {
    mc_buf_printf(out, "--%s\r\nContent-Type: %s; charset=utf-8\r\n", boundary, type);
    mc_transfer_text(out, text);
    mc_buf_text(out, "\r\n");
}

enum mc_err mc_mime_compose(struct mc_buf *out, const struct mc_mime *mail, struct mc_error *e) {
    enum mc_err err = check(mail, e);
    if (err != MC_OK)
        return err;
    char boundary[BOUNDARY_CHARS + 1];
    make_boundary(boundary, mail->message_id);
    put_header(out, mail, boundary);
    put_part(out, boundary, "text/plain", mail->text);
    put_part(out, boundary, "text/html", mail->html);
    mc_buf_printf(out, "--%s--\r\n", boundary);
    return out->failed ? mc_error_set(e, MC_ERR_NOMEM, "no memory to compose a message") : MC_OK;
}
