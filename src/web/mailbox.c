/* The demo's inbox: the mails of the spool's folder, as a customer would see them. The mail's own HTML is shown in a
 * frame that may run nothing and reach nothing of ours. */
#include "base/mem.h"
#include "web/internal.h"
#include "web/mail.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LISTED_MAX = 200, NAMES_MAX = 20000, MAIL_BYTES_MAX = 4 << 20, NAME_MAX_CHARS = 96 };

struct entry {
    char name[NAME_MAX_CHARS + 1]; /* without .eml */
    int64_t changed_ns;
};

/* A name of the spool: letters, digits, - and _, so no path. */
static bool name_is_good(struct mc_str name) {
    bool good = name.len > 0 && name.len <= NAME_MAX_CHARS;
    for (size_t i = 0; i < name.len && good; i++) {
        char c = name.data[i];
        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    }
    return good && name.data[0] != '.';
}

static int newest_first(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    return x->changed_ns != y->changed_ns ? (x->changed_ns > y->changed_ns ? -1 : 1) : strcmp(x->name, y->name);
}

/* The folder's mails, newest first; a folder that is not there yet has none. */
static size_t list(const char *folder, struct entry *entries) {
    DIR *dir = opendir(folder);
    size_t count = 0;
    struct dirent *d;
    while (dir != NULL && count < NAMES_MAX && (d = readdir(dir)) != NULL) {
        size_t len = strlen(d->d_name);
        struct stat about;
        if (len <= 4 || strcmp(d->d_name + len - 4, ".eml") != 0 ||
            !name_is_good((struct mc_str){d->d_name, len - 4}) || fstatat(dirfd(dir), d->d_name, &about, 0) != 0)
            continue;
        memcpy(entries[count].name, d->d_name, len - 4);
        entries[count].name[len - 4] = '\0';
        entries[count++].changed_ns = (int64_t)about.st_mtim.tv_sec * 1000000000 + about.st_mtim.tv_nsec;
    }
    if (dir != NULL)
        closedir(dir);
    if (count > 0)
        qsort(entries, count, sizeof *entries, newest_first);
    return count;
}

static bool load(const char *folder, struct mc_str name, struct mc_buf *out) {
    struct mc_buf path = {0};
    struct stat about;
    if (!name_is_good(name))
        return false;
    mc_buf_printf(&path, "%s/%.*s.eml", folder, (int)name.len, name.data);
    int fd = open(mc_buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool good = fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size <= MAIL_BYTES_MAX;
    char *room = good ? mc_buf_reserve(out, (size_t)about.st_size + 1) : NULL;
    ssize_t n = room != NULL ? read(fd, room, (size_t)about.st_size) : -1;
    if (n > 0)
        out->len += (size_t)n;
    if (fd >= 0)
        close(fd);
    mc_buf_free(&path);
    return n > 0;
}

static void put_header_html(struct mc_buf *b, struct mc_str mail, const char *name) {
    struct mc_buf text = {0};
    mc_mail_header(&text, mail, name);
    mc_buf_html(b, mc_buf_view(&text));
    mc_buf_free(&text);
}

static void put_line(struct mc_buf *b, const char *folder, const struct entry *entry) {
    struct mc_buf mail = {0};
    if (load(folder, mc_str_of(entry->name), &mail)) {
        mc_buf_printf(b, "<li><a href=\"/inbox/mail/%s\"><b>", entry->name);
        put_header_html(b, mc_buf_view(&mail), "Subject");
        mc_buf_text(b, "</b><span>");
        put_header_html(b, mc_buf_view(&mail), "To");
        mc_buf_text(b, "</span><span>");
        put_header_html(b, mc_buf_view(&mail), "Date");
        mc_buf_text(b, "</span></a></li>");
    }
    mc_buf_free(&mail);
}

static bool has_inbox(struct mc_web_request *r) {
    const char *folder = r->web->settings.spool_inbox;
    if (folder != NULL && folder[0] != '\0')
        return true;
    mc_http_answer_error(r->http, 404, "no_inbox", "Mails are sent, not kept: there is no inbox to show.");
    return false;
}

void mc_page_inbox(struct mc_web_request *r) {
    struct mc_buf body = {0}, html = {0};
    if (!has_inbox(r))
        return;
    struct entry *entries = mc_malloc(NAMES_MAX * sizeof *entries);
    size_t count = entries != NULL ? list(r->web->settings.spool_inbox, entries) : 0;
    mc_buf_printf(
        &body,
        "<p><a href=\"/\">Dashboard</a></p><h1>Inbox</h1><p>%zu mail%s that this service sent, newest first%s.</p>"
        "<ul class=\"mails\">",
        count, count == 1 ? "" : "s", count > LISTED_MAX ? "; the last 200" : "");
    for (size_t i = 0; i < count && i < LISTED_MAX; i++)
        put_line(&body, r->web->settings.spool_inbox, &entries[i]);
    mc_buf_text(&body, "</ul>");
    mc_web_plain_page(&html, "Inbox - MaxCart", mc_buf_view(&body));
    html.failed = html.failed || body.failed || entries == NULL;
    mc_buf_free(&body);
    mc_free(entries);
    mc_web_answer_html(r, 200, &html);
}

static void answer_no_mail(struct mc_web_request *r) {
    mc_http_answer_error(r->http, 404, "not_found", "There is no such mail.");
}

void mc_page_mail(struct mc_web_request *r) {
    static const char *const shown[] = {"Subject", "From", "To", "Date", "List-Unsubscribe"};
    struct mc_buf mail = {0}, body = {0}, html = {0};
    struct mc_str name = mc_http_tail(r->http);
    if (!has_inbox(r))
        return;
    if (!load(r->web->settings.spool_inbox, name, &mail)) {
        answer_no_mail(r);
        mc_buf_free(&mail);
        return;
    }
    mc_buf_text(&body, "<p><a href=\"/inbox\">Inbox</a></p><dl class=\"head\">");
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        mc_buf_printf(&body, "<dt>%s</dt><dd>", shown[i]);
        put_header_html(&body, mc_buf_view(&mail), shown[i]);
        mc_buf_text(&body, "</dd>");
    }
    mc_buf_printf(&body, "</dl><iframe title=\"The mail\" src=\"/inbox/body/%.*s\"></iframe>", (int)name.len,
                  name.data);
    mc_web_plain_page(&html, "Mail - MaxCart", mc_buf_view(&body));
    html.failed = html.failed || body.failed;
    mc_buf_free(&mail);
    mc_buf_free(&body);
    mc_web_answer_html(r, 200, &html);
}

void mc_page_mail_body(struct mc_web_request *r) {
    struct mc_buf mail = {0}, html = {0};
    if (!has_inbox(r))
        return;
    mc_buf_text(&html, "<base target=\"_blank\">");
    bool found = load(r->web->settings.spool_inbox, mc_http_tail(r->http), &mail) &&
                 mc_mail_part(&html, mc_buf_view(&mail), "text/html");
    mc_buf_free(&mail);
    if (found)
        mc_web_answer_html(r, 200, &html);
    else
        answer_no_mail(r);
    mc_buf_free(&html);
}
