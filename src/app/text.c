#include "app/text.h"

void mc_roff_text(struct mc_buf *b, const char *text) {
    bool at_start = b->len == 0 || b->data[b->len - 1] == '\n';
    for (; *text != '\0'; at_start = *text == '\n', text++) {
        if (at_start && (*text == '.' || *text == '\''))
            mc_buf_text(b, "\\&");
        if (*text == '\\')
            mc_buf_text(b, "\\e");
        else if (*text == '-')
            mc_buf_text(b, "\\-");
        else
            mc_buf_char(b, *text);
    }
}
