#include "outreach/sample.h"

#include "outreach/locale.h"

static void expect_money(const char *language, __int128 minor, const char *currency, const char *expected) {
    struct mc_buf out = {0};
    mc_locale_money(&out, mc_locale_find(mc_str_of(language)), minor, mc_str_of(currency));
    assert_buf(&out, expected);
    mc_buf_free(&out);
}

static void money(void **state) {
    (void)state;
    expect_money("en", 0, "EUR", "€0.00");
    expect_money("en", 5, "USD", "$0.05");
    expect_money("en", 123456789, "GBP", "£1,234,567.89");
    expect_money("en", 100000, "EUR", "€1,000.00");
    expect_money("en", 99999, "EUR", "€999.99");
    expect_money("en", 1250, "CHF", "CHF\u00A012.50");
    expect_money("en", 1250, "", "12.50");
    expect_money("en", -1250, "EUR", "-€12.50");
    expect_money("en", 150000, "JPY", "¥1,500");
    expect_money("en", 150050, "JPY", "¥1,500.50");
    expect_money("de", 123456, "EUR", "1.234,56\u00A0€");
    expect_money("de-AT", 123456, "eur", "1.234,56\u00A0€");
    expect_money("fr", 123456, "EUR", "1\u202F234,56\u00A0€");
    expect_money("xx", 123456, "EUR", "€1,234.56");
    expect_money("", 123456, "EUR", "€1,234.56");
    expect_money("en", (__int128)INT64_MAX * 1000, "EUR", "€92,233,720,368,547,758,070.00");
}

static void expect_offer(const char *language, enum mc_offer_kind kind, int64_t value, const char *expected) {
    struct mc_buf out = {0};
    struct mc_offer offer = {kind, value};
    mc_locale_offer(&out, mc_locale_find(mc_str_of(language)), &offer, MC_STR("EUR"));
    assert_buf(&out, expected);
    mc_buf_free(&out);
}

static void offers(void **state) {
    (void)state;
    expect_offer("en", MC_OFFER_NONE, 0, "");
    expect_offer("en", MC_OFFER_FREE_SHIPPING, 0, "Free shipping on your order");
    expect_offer("en", MC_OFFER_PERCENTAGE, 1000, "10% off your order");
    expect_offer("en", MC_OFFER_PERCENTAGE, 1250, "12.5% off your order");
    expect_offer("en", MC_OFFER_PERCENTAGE, 1205, "12.05% off your order");
    expect_offer("en", MC_OFFER_PERCENTAGE, 0, "");
    expect_offer("en", MC_OFFER_AMOUNT, 500, "€5.00 off your order");
    expect_offer("en", MC_OFFER_AMOUNT, -500, "");
    expect_offer("de", MC_OFFER_PERCENTAGE, 1250, "12,5\u00A0% Rabatt auf Ihre Bestellung");
    expect_offer("fr", MC_OFFER_AMOUNT, 500, "5,00\u00A0€ de réduction sur votre commande");
}

static void times(void **state) {
    (void)state;
    struct mc_time t;
    assert_true(mc_time_parse(MC_STR("2026-11-24 14:05:59 UTC"), &t));
    struct mc_buf out = {0};
    mc_locale_time(&out, mc_locale_find(MC_STR("en")), t);
    assert_buf(&out, "24 November 2026, 14:05 UTC");
    out.len = 0;
    mc_locale_time(&out, mc_locale_find(MC_STR("de")), t);
    assert_buf(&out, "24. November 2026, 14:05 UTC");
    out.len = 0;
    mc_locale_time(&out, mc_locale_find(MC_STR("es")), t);
    assert_buf(&out, "24 de noviembre de 2026, 14:05 UTC");
    mc_buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(money),
        cmocka_unit_test(offers),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
