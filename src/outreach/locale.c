#include "outreach/locale.h"

#define NBSP "\u00A0"

struct mc_locale {
    const char *code;
    const char *decimal, *group;
    bool sign_first;      /* €5 rather than 5 € */
    const char *percent;  /* between number and % */
    const char *day_mark; /* after the day's number */
    const char *free_shipping;
    const char *off_before, *off_after; /* around "10%" or "€5.00" */
    const char *months[12];
};

/* The first row is the fallback. */
static const struct mc_locale locales[] = {
    {.code = "en",
     .decimal = ".",
     .group = ",",
     .sign_first = true,
     .percent = "",
     .day_mark = "",
     .free_shipping = "Free shipping on your order",
     .off_before = "",
     .off_after = " off your order",
     .months = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
                "November", "December"}},
    {.code = "de",
     .decimal = ",",
     .group = ".",
     .percent = NBSP,
     .day_mark = ".",
     .free_shipping = "Kostenloser Versand für Ihre Bestellung",
     .off_before = "",
     .off_after = " Rabatt auf Ihre Bestellung",
     .months = {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
                "November", "Dezember"}},
    {.code = "fr",
     .decimal = ",",
     .group = "\u202F",
     .percent = NBSP,
     .day_mark = "",
     .free_shipping = "Livraison offerte pour votre commande",
     .off_before = "",
     .off_after = " de réduction sur votre commande",
     .months = {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
                "novembre", "décembre"}},
    {.code = "es",
     .decimal = ",",
     .group = ".",
     .percent = NBSP,
     .day_mark = " de",
     .free_shipping = "Envío gratis en tu pedido",
     .off_before = "",
     .off_after = " de descuento en tu pedido",
     .months = {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
                "noviembre", "diciembre"}},
    {.code = "it",
     .decimal = ",",
     .group = ".",
     .percent = "",
     .day_mark = "",
     .free_shipping = "Spedizione gratuita per il tuo ordine",
     .off_before = "",
     .off_after = " di sconto sul tuo ordine",
     .months = {"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre",
                "ottobre", "novembre", "dicembre"}},
    {.code = "nl",
     .decimal = ",",
     .group = ".",
     .sign_first = true,
     .percent = "",
     .day_mark = "",
     .free_shipping = "Gratis verzending van je bestelling",
     .off_before = "",
     .off_after = " korting op je bestelling",
     .months = {"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober",
                "november", "december"}},
};

struct currency {
    const char *code, *sign; /* sign NULL: the code is shown */
    bool whole;              /* no minor unit in daily use */
};

static const struct currency currencies[] = {
    {"EUR", "€", false},   {"USD", "$", false}, {"GBP", "£", false}, {"INR", "₹", false},  {"UAH", "₴", false},
    {"JPY", "¥", true},    {"KRW", "₩", true},  {"VND", "₫", true},  {"CLP", NULL, true},  {"HUF", NULL, true},
    {"ISK", NULL, true},   {"PYG", NULL, true}, {"UGX", NULL, true}, {"XAF", NULL, true},  {"XOF", NULL, true},
    {"RUB", "₽", false}, {"ILS", "₪", false}, {"TRY", "₺", false}, {"PLN", "zł", false},
};

const struct mc_locale *mc_locale_find(struct mc_str language) {
    size_t len = 0;
    while (len < language.len && language.data[len] != '-' && language.data[len] != '_')
        len++;
    for (size_t i = 0; i < sizeof locales / sizeof *locales; i++)
        if (mc_str_equal_nocase((struct mc_str){language.data, len}, mc_str_of(locales[i].code)))
            return &locales[i];
    return &locales[0];
}

static const struct currency *currency_find(struct mc_str code) {
    for (size_t i = 0; i < sizeof currencies / sizeof *currencies; i++)
        if (mc_str_equal_nocase(code, mc_str_of(currencies[i].code)))
            return &currencies[i];
    return NULL;
}

/* The digits of a whole number in groups of three. */
static void put_grouped(struct mc_buf *out, const struct mc_locale *locale, unsigned __int128 number) {
    char digits[40];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + (int)(number % 10));
    while ((number /= 10) != 0);
    for (size_t left = sizeof digits - at; left > 0; left--) {
        mc_buf_char(out, digits[sizeof digits - left]);
        if (left > 1 && left % 3 == 1)
            mc_buf_text(out, locale->group);
    }
}

static void put_number(struct mc_buf *out, const struct mc_locale *locale, unsigned __int128 hundredths,
                       bool fraction) {
    put_grouped(out, locale, hundredths / 100);
    if (fraction)
        mc_buf_printf(out, "%s%02d", locale->decimal, (int)(hundredths % 100));
}

void mc_locale_money(struct mc_buf *out, const struct mc_locale *locale, __int128 minor, struct mc_str currency) {
    const struct currency *known = currency_find(currency);
    unsigned __int128 size = minor < 0 ? -(unsigned __int128)minor : (unsigned __int128)minor;
    bool fraction = known == NULL || !known->whole || size % 100 != 0;
    bool sign = known != NULL && known->sign != NULL;
    struct mc_str shown = sign ? mc_str_of(known->sign) : currency;
    if (minor < 0)
        mc_buf_char(out, '-');
    if (locale->sign_first) {
        mc_buf_str(out, shown);
        if (shown.len > 0 && (!sign || known->sign[0] == 'z'))
            mc_buf_text(out, NBSP);
    }
    put_number(out, locale, size, fraction);
    if (!locale->sign_first && shown.len > 0) {
        mc_buf_text(out, NBSP);
        mc_buf_str(out, shown);
    }
}

void mc_locale_time(struct mc_buf *out, const struct mc_locale *locale, struct mc_time time) {
    int64_t days = time.us / MC_DAY_US, rest = time.us % MC_DAY_US;
    if (rest < 0) {
        rest += MC_DAY_US;
        days--;
    }
    int year;
    unsigned month, day;
    mc_date_of_days(days, &year, &month, &day);
    mc_buf_printf(out, "%u%s %s%s %d, %02d:%02d UTC", day, locale->day_mark, locale->months[month - 1],
                  strcmp(locale->code, "es") == 0 ? " de" : "", year, (int)(rest / MC_HOUR_US),
                  (int)(rest % MC_HOUR_US / MC_MINUTE_US));
}

/* 1000 is "10%", 1250 is "12.5%". */
static void put_percentage(struct mc_buf *out, const struct mc_locale *locale, int64_t hundredths) {
    mc_buf_int(out, hundredths / 100);
    int64_t rest = hundredths % 100;
    if (rest != 0)
        mc_buf_printf(out, rest % 10 == 0 ? "%s%d" : "%s%02d", locale->decimal,
                      (int)(rest % 10 == 0 ? rest / 10 : rest));
    mc_buf_printf(out, "%s%%", locale->percent);
}

void mc_locale_offer(struct mc_buf *out, const struct mc_locale *locale, const struct mc_offer *offer,
                     struct mc_str currency) {
    if (offer->kind == MC_OFFER_FREE_SHIPPING) {
        mc_buf_text(out, locale->free_shipping);
        return;
    }
    if (offer->value <= 0 || (offer->kind != MC_OFFER_PERCENTAGE && offer->kind != MC_OFFER_AMOUNT))
        return;
    mc_buf_text(out, locale->off_before);
    if (offer->kind == MC_OFFER_PERCENTAGE)
        put_percentage(out, locale, offer->value);
    else
        mc_locale_money(out, locale, offer->value, currency);
    mc_buf_text(out, locale->off_after);
}
