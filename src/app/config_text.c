/* The table of settings as help and as a manual page. */
#include "app/config_keys.h"

#include "app/text.h"

static bool is_in(const struct mc_config_key *k, const struct mc_config_section *s) {
    return strcmp(k->section, s->name) == 0;
}

static void help_key(struct mc_buf *b, const struct mc_config_key *k) {
    mc_buf_printf(b, "  %-20s  %s\n  %-20s  ", k->key, k->meaning, "");
    mc_config_value_allowed(b, k);
    if (k->initial[0] != '\0')
        mc_buf_printf(b, "; default %s", k->initial);
    mc_buf_char(b, '\n');
}

void mc_config_help(struct mc_buf *b) {
    mc_buf_text(b, "Settings are read from the file that --config names, else from ./maxcart.conf if there is one:\n"
                   "\n"
                   "    # a comment\n"
                   "    [section]\n"
                   "    key = value\n"
                   "\n"
                   "MAXCART_SECTION_KEY in the environment stands above the file, a command's option above both.\n"
                   "Durations are written 90s, 10m, 24h, 7d; sizes 64k, 300M, 2G.\n");
    for (size_t s = 0; s < mc_config_section_count; s++) {
        mc_buf_printf(b, "\n[%s]  %s\n", mc_config_sections[s].name, mc_config_sections[s].meaning);
        for (size_t i = 0; i < mc_config_key_count; i++)
            if (is_in(&mc_config_keys[i], &mc_config_sections[s]))
                help_key(b, &mc_config_keys[i]);
    }
}

static void man_key(struct mc_buf *b, const struct mc_config_key *k) {
    struct mc_buf allowed = {0};
    mc_config_value_allowed(&allowed, k);
    mc_buf_text(b, ".TP\n.B ");
    mc_roff_text(b, k->key);
    mc_buf_char(b, '\n');
    mc_roff_text(b, k->meaning);
    mc_buf_text(b, ".\nTakes ");
    mc_roff_text(b, mc_buf_cstr(&allowed));
    if (k->initial[0] != '\0') {
        mc_buf_text(b, "; the default is ");
        mc_roff_text(b, k->initial);
    }
    mc_buf_text(b, ".\n");
    if (k->secret)
        mc_buf_text(b, "It is a secret: maxcart shows it as asterisks.\n");
    b->failed |= allowed.failed;
    mc_buf_free(&allowed);
}

void mc_config_man(struct mc_buf *b) {
    mc_buf_text(
        b, ".\\\" Made by: maxcart config --man\n"
           ".TH MAXCART.CONF 5 \"\" \"MaxCart " MC_VERSION "\"\n"
           ".SH NAME\nmaxcart.conf \\- settings of maxcart\n"
           ".SH DESCRIPTION\n"
           "One file for all commands of\n.BR maxcart (1),\n"
           "given by\n.B \\-\\-config\nor, if that is not given,\n.I maxcart.conf\nin the current folder, if there "
           "is one.\n"
           "It has sections in brackets and lines\n.IR key \" = \" value .\n"
           "A value is everything behind the equals sign, without the spaces around it: there are no quotes and "
           "no escapes.\n"
           "A line that begins with # or ; is a comment.\n"
           "An unknown section or key, a key given twice and a value that is not allowed are errors that name "
           "file and line.\n"
           ".PP\nDurations are written 90s, 10m, 24h, 7d; sizes in bytes, or as 64k, 300M, 2G.\n"
           ".SH ENVIRONMENT\n"
           "A variable MAXCART_\\fISECTION\\fR_\\fIKEY\\fR in capital letters, as\n.B MAXCART_STORE_PATH,\n"
           "stands above the file; an option of a command stands above both.\n"
           "A variable that begins with MAXCART_ and is no setting is an error.\n");
    for (size_t s = 0; s < mc_config_section_count; s++) {
        mc_buf_printf(b, ".SH [%s]\n", mc_config_sections[s].name);
        mc_roff_text(b, mc_config_sections[s].meaning);
        mc_buf_char(b, '\n');
        for (size_t i = 0; i < mc_config_key_count; i++)
            if (is_in(&mc_config_keys[i], &mc_config_sections[s]))
                man_key(b, &mc_config_keys[i]);
    }
    mc_buf_text(b, ".SH SEE ALSO\n.BR maxcart (1)\n");
}
