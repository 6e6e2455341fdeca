/* The table of settings that config.c parses by and config_text.c makes help and manual from. Private to config. */
#ifndef MC_APP_CONFIG_KEYS_H
#define MC_APP_CONFIG_KEYS_H

#include "app/config.h"

enum mc_config_type {
    MC_TYPE_TEXT,
    MC_TYPE_PATH,
    MC_TYPE_CURRENCY, /* three capital letters */
    MC_TYPE_ZONE,     /* a name of the machine's time zone database */
    MC_TYPE_EMAIL,
    MC_TYPE_WEB,      /* http:// or https:// */
    MC_TYPE_SMTP,     /* smtp:// or smtps:// */
    MC_TYPE_CHOICE,   /* int */
    MC_TYPE_INT,      /* the rest: int64_t */
    MC_TYPE_DURATION, /* us */
    MC_TYPE_DECIMAL,  /* hundredths: "12.50" */
    MC_TYPE_PERCENT,  /* hundredths of a percent: "5%" or "5" */
};

struct mc_config_key {
    const char *section, *key;
    enum mc_config_type type;
    size_t offset; /* in struct mc_config */
    int64_t min, max;
    const char *initial; /* the default as text; "" for a text that is not set */
    const char *choices;
    const char *meaning; /* one line; a percent sign stands for itself */
    bool secret;
};

extern const struct mc_config_key mc_config_keys[];
extern const size_t mc_config_key_count;

/* One line on each section, in the order of the table. */
struct mc_config_section {
    const char *name, *meaning;
};
extern const struct mc_config_section mc_config_sections[];
extern const size_t mc_config_section_count;

/* Whether `text` is a value of the key; texts are then only checked, numbers put into *number. */
bool mc_config_value_parse(const struct mc_config_key *k, struct mc_str text, int64_t *number);

/* What is allowed: "a duration from 1s to 24h". */
void mc_config_value_allowed(struct mc_buf *b, const struct mc_config_key *k);

/* A number in the key's own spelling. */
void mc_config_value_text(struct mc_buf *b, const struct mc_config_key *k, int64_t number);

bool mc_config_type_is_text(enum mc_config_type type);

#endif
