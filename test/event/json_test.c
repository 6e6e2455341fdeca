/* Bodies of JSON, a table for each rule: values, types, reasons, persons, forms, grammar, Segment's calls, bounds,
 * memory. */
#include "json_body.h"

static void expect(enum mc_json_shape shape, const char *body, bool persons, struct mc_wall at, const char *expected) {
    struct mc_buf out = {0};
    enum mc_err err = decode_at(shape, mc_str_of(body), persons, at, &out);
    const char *text = err == MC_OK ? mc_buf_cstr(&out) : err == MC_ERR_FORMAT ? "no JSON" : "another error";
    if (strcmp(text, expected) != 0)
        fail_msg("%s\ngives\n%s\nnot\n%s", body, text, expected);
    mc_buf_free(&out);
}

struct example {
    const char *body, *expected;
};

static void expect_all(enum mc_json_shape shape, const struct example *table, size_t count) {
    for (size_t i = 0; i < count; i++)
        expect(shape, table[i].body, true, arrival, table[i].expected);
}

#define T0 "1577836800000000"
/* ---- native ---- */

#define GOOD                                                                                                           \
    "\"event_time\":\"2020-01-01T00:00:00Z\",\"event_type\":\"view\",\"product_id\":\"p\",\"user_id\":\"u\","          \
    "\"user_session\":\"s\""
#define GOOD_IS " view " T0
#define IDS_ARE " user=\"u\" session=\"s\" product=\"p\""

static void test_native_values(void **state) {
    (void)state;
    static const struct example table[] = {
        {"{" GOOD "}", GOOD_IS IDS_ARE "\n"},
        {"{" GOOD ",\"price\":12.345}", GOOD_IS " 1x1234" IDS_ARE "\n"}, /* half to even, of the text */
        {"{" GOOD ",\"price\":12.355}", GOOD_IS " 1x1236" IDS_ARE "\n"},
        {"{" GOOD ",\"price\":\"12.345\"}", GOOD_IS " 1x1234" IDS_ARE "\n"},
        {"{" GOOD ",\"price\":\" .5 \"}", GOOD_IS " 1x50" IDS_ARE "\n"},
        {"{" GOOD ",\"price\":1e2}", GOOD_IS " 1x10000" IDS_ARE "\n"},
        {"{" GOOD ",\"price\":-0.004}", GOOD_IS " 1x0" IDS_ARE "\n"},
        {"{" GOOD ",\"price\":null,\"brand\":null}", GOOD_IS IDS_ARE "\n"},
        {"{" GOOD ",\"price\":\"\",\"quantity\":\"\",\"currency\":\"\"}", GOOD_IS IDS_ARE "\n"},
        {"{" GOOD ",\"price\":1,\"quantity\":3}", GOOD_IS " 3x100" IDS_ARE "\n"},
        {"{" GOOD ",\"price\":1,\"quantity\":\"03\"}", GOOD_IS " 3x100" IDS_ARE "\n"},
        {"{" GOOD ",\"price\":1,\"quantity\":3.00}", GOOD_IS " 3x100" IDS_ARE "\n"},
        {"{" GOOD ",\"price\":1,\"quantity\":0.03e2}", GOOD_IS " 3x100" IDS_ARE "\n"},
        {"{" GOOD ",\"price\":1,\"quantity\":300e-2}", GOOD_IS " 3x100" IDS_ARE "\n"},
        {"{" GOOD ",\"price\":1,\"quantity\":1e6}", GOOD_IS " 1000000x100" IDS_ARE "\n"},
        {"{" GOOD ",\"price\":1,\"quantity\":10200.0}", GOOD_IS " 10200x100" IDS_ARE "\n"},
        {"{" GOOD ",\"price\":1,\"currency\":\"USD\"}", GOOD_IS " 1x100" IDS_ARE "\n"},
        {"{" GOOD ",\"event_time\":1577836800123}", " view 1577836800123000" IDS_ARE "\n"},
        {"{" GOOD ",\"event_time\":\"2019-12-31 23:59:59.25 UTC\"}", " view 1577836799250000" IDS_ARE "\n"},
        {"{" GOOD ",\"event_type\":\" RemoveFromCart\\n\"}", " remove_from_cart " T0 IDS_ARE "\n"},
        {"{" GOOD ",\"user_id\":12345678901234567890,\"product_id\":1.50,\"user_session\":-1e3}",
         GOOD_IS " user=\"12345678901234567890\" session=\"-1e3\" product=\"1.50\"\n"},
        {"{" GOOD ",\"category_id\":1487580005092295511,\"category_code\":\"a.b\",\"brand\":4711,\"order_id\":7,"
         "\"message_id\":\"m\"}",
         GOOD_IS IDS_ARE " category_id=\"1487580005092295511\" category_code=\"a.b\" brand=\"4711\" order_id=\"7\""
                         " message_id=\"m\"\n"},
        {"{" GOOD ",\"brand\":\"\\u00e9\\ud83d\\ude00\\/\\\"\\\\\\b\\f\\n\\r\\tx\"}",
         GOOD_IS IDS_ARE " brand=\"\xC3\xA9\xF0\x9F\x98\x80/\\\"\\\\\\b\\f\\n\\r\\tx\"\n"},
        {"{" GOOD ",\"br\\u0061nd\":\"b\",\"\\u0000\":1,\"\\ud800\":2}", GOOD_IS IDS_ARE " brand=\"b\"\n"},
        {"{" GOOD ",\"brand\":\"first\",\"brand\":\"last\"}", GOOD_IS IDS_ARE " brand=\"last\"\n"},
        {"{" GOOD ",\"brand\":{},\"brand\":\"last\"}", GOOD_IS IDS_ARE " brand=\"last\"\n"},
        {"{" GOOD ",\"brand\":\"\\u0000\",\"brand\":null}", GOOD_IS IDS_ARE "\n"},
        {"{" GOOD ",\"x\":{\"brand\":\"deep\",\"y\":[1,{\"z\":[]}]},\"Brand\":\"no\",\"brand \":1}",
         GOOD_IS IDS_ARE "\n"}};
    expect_all(MC_JSON_NATIVE, table, COUNT_OF(table));
}

static void test_native_types(void **state) {
    (void)state;
    static const char *const wrong[] = {"{}",
                                        "[]",
                                        "true",
                                        "false",
                                        "[\"b\"]",
                                        "\"\\u0000\"",
                                        "\"\\ud800\"",
                                        "\"\\udc00x\"",
                                        "\"\\ud800\\ud800\"",
                                        "\"\\ud800\\n\""};
    static const char *const columns[] = {"event_time", "event_type", "product_id", "category_id",  "category_code",
                                          "brand",      "price",      "user_id",    "user_session", "quantity",
                                          "currency",   "order_id",   "message_id"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        for (size_t c = 0; c < COUNT_OF(columns); c++) {
            struct mc_buf body = {0};
            mc_buf_printf(&body, "{" GOOD ",\"%s\":%s}", columns[c], wrong[i]);
            expect(MC_JSON_NATIVE, mc_buf_cstr(&body), true, arrival, " malformed_row\n0 malformed_row\n");
            mc_buf_free(&body);
        }
}

/* Each event has the faults of all that stand behind it: the first check that fails names the reason. */
static void test_native_reasons(void **state) {
    (void)state;
#define TAIL "\"price\":\"x\",\"quantity\":0,\"currency\":\"EUR\"}"
#define TIME "{\"event_time\":\"2020-01-01T00:00:00Z\","
    static const struct {
        const char *body;
        enum mc_reason reason;
    } table[] = {{"{\"brand\":[],\"event_type\":\"x\"," TAIL, MC_MALFORMED_ROW},
                 {"{\"event_type\":\"x\"," TAIL, MC_BAD_TIME},
                 {"{\"event_time\":null," TAIL, MC_BAD_TIME},
                 {"{\"event_time\":157783680012," TAIL, MC_BAD_TIME},
                 {"{\"event_time\":1577836800123.0," TAIL, MC_BAD_TIME},
                 {"{\"event_time\":-577836800123," TAIL, MC_BAD_TIME},
                 {TIME TAIL, MC_UNKNOWN_TYPE},
                 {TIME "\"event_type\":\"tick\"," TAIL, MC_UNKNOWN_TYPE},
                 {TIME "\"event_type\":7," TAIL, MC_UNKNOWN_TYPE},
                 {TIME "\"event_type\":\"cart\",\"product_id\":\" \\t\"," TAIL, MC_MISSING_PRODUCT},
                 {TIME "\"event_type\":\"cart\",\"product_id\":\"" X129 "\"," TAIL, MC_MISSING_USER},
                 {TIME "\"event_type\":\"cart\",\"product_id\":\"" X129 "\",\"user_id\":1," TAIL, MC_MISSING_SESSION},
                 {TIME "\"event_type\":\"cart\",\"product_id\":\"" X129 "\",\"user_id\":1,\"user_session\":1," TAIL,
                  MC_TOO_LONG},
                 {"{" GOOD ",\"event_type\":\"cart\",\"brand\":\"" X129 X129 "\"," TAIL, MC_TOO_LONG},
                 {"{" GOOD ",\"event_type\":\"cart\"," TAIL, MC_BAD_PRICE},
                 {"{" GOOD ",\"price\":1e999999999}", MC_BAD_PRICE},
                 {"{" GOOD ",\"price\":10000000000.01}", MC_BAD_PRICE},
                 {"{" GOOD ",\"event_type\":\"cart\",\"quantity\":0,\"currency\":\"EUR\"}", MC_MISSING_PRICE},
                 {"{" GOOD ",\"price\":-1e-2,\"quantity\":0,\"currency\":\"EUR\"}", MC_NEGATIVE_PRICE},
                 {"{" GOOD ",\"quantity\":0,\"currency\":\"EUR\"}", MC_BAD_QUANTITY},
                 {"{" GOOD ",\"quantity\":-1}", MC_BAD_QUANTITY},
                 {"{" GOOD ",\"quantity\":1.5}", MC_BAD_QUANTITY},
                 {"{" GOOD ",\"quantity\":0.0e5}", MC_BAD_QUANTITY},
                 {"{" GOOD ",\"quantity\":1000001}", MC_BAD_QUANTITY},
                 {"{" GOOD ",\"quantity\":1000001.0}", MC_BAD_QUANTITY},
                 {"{" GOOD ",\"quantity\":1e7}", MC_BAD_QUANTITY},
                 {"{" GOOD ",\"quantity\":1e99999999999999999999}", MC_BAD_QUANTITY},
                 {"{" GOOD ",\"quantity\":1e-99999999999999999999}", MC_BAD_QUANTITY},
                 {"{" GOOD ",\"quantity\":\"2.0\"}", MC_BAD_QUANTITY},
                 {"{" GOOD ",\"currency\":\"EUR\"}", MC_BAD_CURRENCY},
                 {"{" GOOD ",\"currency\":\"usd\"}", MC_BAD_CURRENCY}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct mc_buf text = {0};
        const char *name = mc_reason_names[table[i].reason];
        mc_buf_printf(&text, " %s\n0 %s\n", name, name);
        expect(MC_JSON_NATIVE, table[i].body, true, arrival, mc_buf_cstr(&text));
        assert_true(strlen(calls.refusals[0].message) > 10);
        mc_buf_free(&text);
    }
}

static void test_native_persons(void **state) {
    (void)state;
    static const struct example table[] = {
        {"{\"type\":\"identify\",\"user_id\":7,\"traits\":{\"email\":\"a@b.c\",\"first_name\":\" \\u00c4nn \","
         "\"consent\":true,\"language\":\"de\",\"time_zone\":\"Europe/Berlin\",\"x\":[1]}}",
         "identify user=\"7\" email=\"a@b.c\" first_name=\"\xC3\x84nn\" language=\"de\" time_zone=\"Europe/Berlin\""
         " consent=1\n"},
        {"{\"event_type\":\"Identify\",\"user_id\":\"u\",\"traits\":{\"consent\":\"NO\"}}",
         "identify user=\"u\" consent=2\n"},
        {"{\"event_type\":\"ident\\u0069fy\",\"user_id\":\"\\u0075\"}", "identify user=\"u\"\n"},
        {"{\"type\":\"identify\",\"user_id\":\"u\",\"traits\":{\"consent\":\"yes\"}}",
         "identify user=\"u\" consent=1\n"},
        {"{\"type\":\"identify\",\"user_id\":\"u\",\"traits\":{\"consent\":false}}", "identify user=\"u\" consent=2\n"},
        {"{\"type\":\"identify\",\"user_id\":\"u\",\"traits\":null}", "identify user=\"u\"\n"},
        {"{\"type\":\"alias\",\"user_id\":\"u\",\"previous_id\":12}", "alias user=\"u\" other=\"12\"\n"},
        {"{\"event_type\":\"ALIAS\",\"user_id\":1,\"previous_id\":2}", "alias user=\"1\" other=\"2\"\n"},
        {"{\"event_type\":{},\"type\":\"identify\",\"user_id\":1}", " malformed_row\n0 malformed_row\n"},
        {"{\"type\":\"alias\",\"user_id\":\"u\"}", "0 bad_person\n"},
        {"{\"type\":\"identify\"}", "0 missing_user\n"},
        {"{\"type\":\"identify\",\"user_id\":\"" X129 "\"}", "0 too_long\n"},
        {"{\"type\":\"identify\",\"user_id\":[]}", "0 bad_person\n"},
        {"{\"type\":\"identify\",\"user_id\":1,\"traits\":[]}", "0 bad_person\n"},
        {"{\"type\":\"identify\",\"user_id\":1,\"traits\":{\"email\":true}}", "0 bad_person\n"},
        {"{\"type\":\"identify\",\"user_id\":1,\"traits\":{\"email\":\"a@b.c, d@e.f\"}}", "0 bad_person\n"},
        {"{\"type\":\"identify\",\"user_id\":1,\"traits\":{\"first_name\":\"a\\nb\"}}", "0 bad_person\n"},
        {"{\"type\":\"identify\",\"user_id\":1,\"traits\":{\"first_name\":\"a\\u0000b\"}}", "0 bad_person\n"},
        {"{\"type\":\"identify\",\"user_id\":1,\"traits\":{\"consent\":\"perhaps\"}}", "0 bad_person\n"},
        {"{\"type\":\"page\"}", "ignored 1, corrected 0\n"},
        {"{\"type\":\"merge\"}", " bad_time\n0 bad_time\n"},
        {"{\"type\":\"identify\"," GOOD "}", GOOD_IS IDS_ARE "\n"},
        {"[{" GOOD "},{\"type\":\"alias\",\"user_id\":1,\"previous_id\":2},{\"type\":\"identify\"},{},{" GOOD "}]",
         GOOD_IS IDS_ARE "\nalias user=\"1\" other=\"2\"\n bad_time\n" GOOD_IS IDS_ARE
                         "\n2 missing_user\n3 bad_time\n"}};
    expect_all(MC_JSON_NATIVE, table, COUNT_OF(table));
    expect(MC_JSON_NATIVE, "{\"type\":\"identify\",\"user_id\":[]}\n{\"type\":\"alias\"}\n{" GOOD "}", false, arrival,
           GOOD_IS IDS_ARE "\n0 browser_key\n1 browser_key\n");
}

static void test_clocks_that_are_ahead(void **state) {
    (void)state;
    static const struct example table[] = {
        {"{" GOOD ",\"event_time\":\"2020-01-01 00:05:00\"}", " view 1577837100000000" IDS_ARE "\n"},
        {"{" GOOD ",\"event_time\":\"2020-01-01 00:05:00.000001\"}", GOOD_IS IDS_ARE "\nignored 0, corrected 1\n"},
        {"{" GOOD ",\"event_time\":\"2199-01-01 00:00:00\"}", GOOD_IS IDS_ARE "\nignored 0, corrected 1\n"}};
    expect_all(MC_JSON_NATIVE, table, COUNT_OF(table));
}

/* ---- the forms of a body ---- */

static void test_native_forms(void **state) {
    (void)state;
#define EV "{" GOOD "}"
#define ROW GOOD_IS IDS_ARE "\n"
    static const struct example table[] = {
        {"", "no JSON"},
        {" \n\r\n\t", "no JSON"},
        {"[]", ""},
        {" [ ] \n", ""},
        {"\xEF\xBB\xBF" EV, ROW},
        {"\xEF\xBB\xBF", "no JSON"},
        {EV "\n", ROW},
        {EV "\r\n\r\n" EV "\r\n \t\n" EV, ROW ROW ROW},
        {"{\n" GOOD "\n}\n", ROW},
        {"\n\n [" EV ",\n" EV "\n]\n", ROW ROW},
        {"[" EV ",1,\"x\",null,[{}]," EV "]",
         ROW " malformed_row\n malformed_row\n malformed_row\n malformed_row\n" ROW
             "1 malformed_row\n2 malformed_row\n3 malformed_row\n4 malformed_row\n"},
        {EV "\nnonsense\n" EV, ROW " malformed_row\n" ROW "1 malformed_row\n"},
        {"nonsense\n" EV, " malformed_row\n" ROW "0 malformed_row\n"},
        {EV "\n[" EV "]\n", ROW " malformed_row\n1 malformed_row\n"},
        {EV "\n\"open\n" EV "\n{\"x\":\"\xFF\"}\n" EV,
         ROW " malformed_row\n" ROW " malformed_row\n" ROW "1 malformed_row\n3 malformed_row\n"},
        {EV " x\n" EV, " malformed_row\n" ROW "0 malformed_row\n"},
        {EV " " EV "\n" EV, " malformed_row\n" ROW "0 malformed_row\n"},
        {EV "\n{" GOOD ",\n\"brand\":1}\n" EV,
         ROW " malformed_row\n malformed_row\n" ROW "1 malformed_row\n2 malformed_row\n"},
        {"{\n" GOOD "\n}\n" EV,
         " malformed_row\n malformed_row\n malformed_row\n" ROW "0 malformed_row\n1 malformed_row\n2 malformed_row\n"},
        {"[" EV "," EV, "no JSON"},
        {"[" EV ",]", "no JSON"},
        {"[" EV EV "]", "no JSON"},
        {"[" EV "]x", "no JSON"},
        {"[" EV "]\n" EV, "no JSON"},
        {"[" EV ",{\"x\":tru}]", "no JSON"},
        {"[" EV ",{\"x\":\"\xFF\"}]", "no JSON"},
        {"{\n" GOOD ",\n}\n", "no JSON"},
        {"5\n6\n", "no JSON"}};
    expect_all(MC_JSON_NATIVE, table, COUNT_OF(table));
}

/* The grammar is checked also where nothing is used, so that one machine's leniency is not another's. */
static void test_grammar(void **state) {
    (void)state;
    static const struct mc_str bad[] = {{"tru", 3},         {"True", 4},
                                        {"nulll", 5},       {"01", 2},
                                        {"1.", 2},          {".5", 2},
                                        {"+1", 2},          {"-", 1},
                                        {"1e", 2},          {"1e+", 3},
                                        {"0x1", 3},         {"NaN", 3},
                                        {"1 2", 3},         {"1\f", 2},
                                        {"\v1", 2},         {"\x1A", 1},
                                        {"\0", 1},          {"1\0", 2},
                                        {"'x'", 3},         {"\"\\q\"", 4},
                                        {"\"\\u12g4\"", 8}, {"\"\\u123\"", 7},
                                        {"\"\\\"", 3},      {"\"\t\"", 3},
                                        {"\"a\"b", 4},      {"12\"a\"", 5},
                                        {"\"a\"\"b\"", 6},  {"[1,]", 4},
                                        {"[,1]", 4},        {"[1 2]", 5},
                                        {"[1}", 3},         {"{\"a\":1]", 7},
                                        {"{\"a\"}", 5},     {"{\"a\" 1}", 7},
                                        {"{a:1}", 5},       {"{1:1}", 5},
                                        {"{\"a\":1,}", 8},  {"{,}", 3},
                                        {"[", 1},           {"]", 1},
                                        {"}", 1},           {"", 0},
                                        {"\xC0\x80", 2},    {"\"\xED\xA0\x80\"", 5},
                                        {"\"\xFF\"", 3},    {"\\", 1},
                                        {"1\\", 2},         {"{\"\\x\":1}", 8},
                                        {"\"a\"\\", 4},     {"[\"\\ud8\"]", 8},
                                        {"1,", 2},          {",", 1},
                                        {":", 1},           {"1:2", 3}};
    static const char *const good[] = {"null",
                                       "-0.0E-7",
                                       "1e5",
                                       "[[],{},[[{}]]]",
                                       "\"\\u0000\\ud800\\/\"",
                                       "{\"a\":{\"a\":[1,2,{\"b\":null}]}}",
                                       "123456789012345678901234567890",
                                       "\"\x7F\""};
    for (size_t i = 0; i < COUNT_OF(bad) + COUNT_OF(good); i++) {
        bool is_good = i >= COUNT_OF(bad);
        struct mc_str value = is_good ? mc_str_of(good[i - COUNT_OF(bad)]) : bad[i];
        for (int form = 0; form < 5; form++) {
            struct mc_buf body = {0}, out = {0};
            mc_buf_text(&body, form == 0   ? "{" GOOD ",\"x\":"
                               : form == 1 ? "[{\"x\":["
                               : form == 2 ? "{\"type\":\"page\",\"x\":{\"y\":"
                               : form == 3 ? "{\"batch\":[{\"x\":"
                                           : "{\"batch\":[");
            mc_buf_str(&body, value);
            mc_buf_text(&body, form == 0 ? "}" : form == 1 ? "]}]" : form == 2 ? "}}" : form == 3 ? "}]}" : "]}");
            enum mc_err err =
                decode_at(form < 2 ? MC_JSON_NATIVE : MC_JSON_SEGMENT, mc_buf_view(&body), true, arrival, &out);
            /* an empty array is one, and two elements are */
            bool fits = is_good || (form == 1 && value.len == 0) || (form == 4 && value.len == 0);
            if ((err == MC_OK) != fits)
                fail_msg("%s: error %d", mc_buf_cstr(&body), (int)err);
            mc_buf_free(&body);
            mc_buf_free(&out);
        }
    }
}

/* ---- Segment ---- */

#define SHOP " user=\"u\" session=\"u\" product=\"p\""

static void test_segment_events(void **state) {
    (void)state;
    static const struct example table[] = {
        {"{\"type\":\"track\",\"event\":\"Product Viewed\"," WHO ",\"properties\":{\"product_id\":\"p\",\"sku\":\"k\","
         "\"category\":\"Games\",\"brand\":\"Hasbro\",\"price\":18.995,\"variant\":\"red\",\"quantity\":2}}",
         " view " T0 " 2x1900" SHOP " category_code=\"Games\" brand=\"Hasbro\" message_id=\"m\"\n"},
        {"{\"type\":\"track\",\"event\":\"Product Added\"," WHO ",\"properties\":{\"sku\":\"p\",\"price\":\"1\"}}",
         " cart " T0 " 1x100" SHOP " message_id=\"m\"\n"},
        {"{\"type\":\"track\",\"event\":\"removed product\"," WHO ",\"properties\":{\"product_id\":\"\",\"id\":\"p\"}}",
         " remove_from_cart " T0 SHOP " message_id=\"m\"\n"},
        {"{\"event\":\"Product Viewed\"," WHO ",\"properties\":{\"id\":\"p\"}}",
         " view " T0 SHOP " message_id=\"m\"\n"},
        {"{\"properties\":{\"order_id\":9,\"currency\":\"USD\",\"products\":[{\"product_id\":\"p\",\"price\":1},"
         "{\"product_id\":\"q\",\"price\":2,\"quantity\":2.0},{\"product_id\":\"p\"},7,{\"id\":1,\"price\":1,"
         "\"currency\":\"EUR\"}]},\"event\":\"Order Completed\"," WHO ",\"type\":\"track\"}",
         " purchase " T0 " 1x100" SHOP " order_id=\"9\" message_id=\"m/0\"\n"
         " purchase " T0 " 2x200 user=\"u\" session=\"u\" product=\"q\" order_id=\"9\" message_id=\"m/1\"\n"
         " missing_price\n malformed_row\n bad_currency\n0 missing_price\n0 malformed_row\n0 bad_currency\n"},
        {"{\"type\":\"track\",\"event\":\"Completed Order\"," WHO "}", " missing_product\n0 missing_product\n"},
        {"{\"type\":\"track\",\"event\":\"Completed Order\"," WHO ",\"properties\":{\"products\":[]}}",
         " missing_product\n0 missing_product\n"},
        {"{\"type\":\"track\",\"event\":\"Completed Order\"," WHO ",\"properties\":{\"products\":{}}}",
         " malformed_row\n0 malformed_row\n"},
        {"{\"type\":\"track\",\"event\":\"Product Viewed\"," WHO ",\"properties\":[]}",
         " malformed_row\n0 malformed_row\n"},
        {"{\"type\":\"track\",\"event\":\"Product Viewed\"," WHO "}", " missing_product\n0 missing_product\n"},
        {"{\"type\":\"track\",\"event\":\"Product Viewed\"," AT ",\"properties\":{\"id\":1}}",
         " missing_user\n0 missing_user\n"},
        {"{\"type\":\"track\",\"event\":\"Product Viewed\",\"userId\":null,\"anonymousId\":5," AT
         ",\"properties\":{\"id\":1}}",
         " view " T0 " user=\"5\" session=\"5\" product=\"1\"\n"},
        {"{\"type\":\"track\"," WHO "}", " unknown_type\n0 unknown_type\n"},
        {"{\"type\":\"track\",\"event\":{}," WHO "}", " malformed_row\n0 malformed_row\n"},
        {"{\"type\":\"track\",\"event\":\"Cart Viewed\",\"userId\":[]}", "ignored 1, corrected 0\n"},
        {"{\"type\":\"page\"}", "ignored 1, corrected 0\n"},
        {"{}", " malformed_row\n0 malformed_row\n"},
        {"{\"batch\":[]}", ""},
        {"{\"batch\":null,\"type\":\"group\"}", "ignored 1, corrected 0\n"},
        {"{\"batch\":{}}", "no JSON"},
        {"{\"batch\":[{\"type\":\"track\",\"event\":\"Completed Order\"," WHO ",\"properties\":{\"products\":"
         "[{\"id\":1,\"price\":1}]}},]}",
         "no JSON"},
        {"{\"batch\":[],\"batch\":[]}", "no JSON"},
        {"[]", "no JSON"},
        {"{\"type\":\"page\"}\n{\"type\":\"page\"}", "no JSON"},
        {"{\"batch\":[{\"type\":\"screen\"},3,{\"type\":\"track\",\"event\":\"Product Viewed\"," WHO
         ",\"properties\":{\"id\":\"p\"}},{\"type\":5}],\"writeKey\":\"k\"}",
         " malformed_row\n view " T0 SHOP " message_id=\"m\"\n1 malformed_row\nignored 2, corrected 0\n"}};
    expect_all(MC_JSON_SEGMENT, table, COUNT_OF(table));
}

static void test_segment_times(void **state) {
    (void)state;
    static const struct example table[] = {
        {"{" VIEW "}", " view " T0 SHOP "\n"},
        {"{" VIEW ",\"sentAt\":\"2020-01-01T01:00:00Z\"}", " view " T0 SHOP "\n"},
        {"{" VIEW ",\"timestamp\":\"2020-01-01T01:00:00Z\",\"sentAt\":\"2020-01-01T01:00:10Z\"}",
         " view 1577836790000000" SHOP "\n"}, /* an hour ahead, and sent ten seconds later */
        {"{" VIEW ",\"timestamp\":\"2010-01-01T00:00:00Z\",\"sentAt\":\"2010-01-01T00:00:01.5Z\"}",
         " view 1577836798500000" SHOP "\n"},
        {"{" VIEW ",\"originalTimestamp\":\"2020-01-01T01:00:00Z\",\"sentAt\":\"2020-01-01T01:00:10Z\"}",
         " view 1577836790000000" SHOP "\n"},
        {"{" VIEW ",\"timestamp\":\"2020-01-01T02:00:00Z\",\"sentAt\":\"2020-01-01T01:54:59Z\"}",
         " view " T0 SHOP "\nignored 0, corrected 1\n"},
        {"{" VIEW ",\"timestamp\":\"2020-01-01T02:00:00Z\",\"sentAt\":\"nonsense\"}",
         " view " T0 SHOP "\nignored 0, corrected 1\n"},
        {"{" VIEW ",\"timestamp\":\"1970-01-02T00:00:00Z\",\"sentAt\":\"2190-01-01T00:00:00Z\"}",
         " bad_time\n0 bad_time\n"},
        {"{" VIEW ",\"timestamp\":\"yesterday\"}", " bad_time\n0 bad_time\n"},
        {"{" VIEW ",\"timestamp\":{}}", " malformed_row\n0 malformed_row\n"},
        {"{" VIEW ",\"timestamp\":1577836799000}", " view 1577836799000000" SHOP "\n"},
        {"{\"batch\":[{" VIEW ",\"timestamp\":\"2020-01-01T01:00:00Z\"},{" VIEW
         ",\"timestamp\":\"2020-01-01T01:00:00Z\",\"sentAt\":\"2020-01-01T01:00:20Z\"}],"
         "\"sentAt\":\"2020-01-01T01:00:1\\u0030Z\"}",
         " view 1577836790000000" SHOP "\n view 1577836780000000" SHOP "\n"}};
    expect_all(MC_JSON_SEGMENT, table, COUNT_OF(table));
}

static void test_segment_persons(void **state) {
    (void)state;
    static const struct example table[] = {
        {"{\"type\":\"identify\",\"userId\":\"u\",\"anonymousId\":\"a\",\"traits\":{\"email\":\"a@b.c\",\"firstName\":"
         "\"F\","
         "\"marketing_consent\":true,\"timezone\":\"UTC\"},\"context\":{\"locale\":\"de-DE\",\"timezone\":\"no\"}}",
         "identify user=\"u\" other=\"a\" email=\"a@b.c\" first_name=\"F\" language=\"de-DE\" time_zone=\"UTC\""
         " consent=1\n"},
        {"{\"type\":\"identify\",\"anonymousId\":\"a\"}", "identify user=\"a\"\n"},
        {"{\"type\":\"identify\",\"userId\":\"a\",\"anonymousId\":\"a\"}", "identify user=\"a\"\n"},
        {"{\"type\":\"identify\"}", "0 missing_user\n"},
        {"{\"type\":\"alias\",\"userId\":\"u\",\"previousId\":\"p\"}", "alias user=\"u\" other=\"p\"\n"},
        {"{\"type\":\"alias\",\"userId\":\"u\"}", "0 bad_person\n"},
        {"{\"batch\":[{\"type\":\"identify\",\"userId\":1},{\"type\":\"identify\",\"userId\":2,\"context\":"
         "{\"locale\":\"fr\"}}],\"context\":{\"locale\":\"e\\u006e\",\"timezone\":\"UTC\"}}",
         "identify user=\"1\" language=\"en\" time_zone=\"UTC\"\nidentify user=\"2\" language=\"fr\" "
         "time_zone=\"UTC\"\n"}};
    expect_all(MC_JSON_SEGMENT, table, COUNT_OF(table));
    expect(MC_JSON_SEGMENT, "{\"batch\":[{\"type\":\"identify\",\"userId\":{}},{\"type\":\"alias\"}]}", false, arrival,
           "0 browser_key\n1 browser_key\n");
}

/* What is kept of the rejected rows of an order stays about as long as the order. */
static void test_raw_of_rows(void **state) {
    (void)state;
    static const char body[] =
        " {\"type\":\"track\",\"event\":\"Order Completed\",\"userId\":1,\"properties\":{\"products\":"
        "[{\"id\":1},{\"id\":2,\"price\":1},{\"id\":3}]}} ";
    struct mc_buf out = {0};
    assert_int_equal(decode_at(MC_JSON_SEGMENT, mc_str_of(body), true, arrival, &out), MC_OK);
    assert_int_equal(calls.batch.reject_count, 2);
    assert_int_equal(calls.batch.rejects[0].row.raw.offset, 1);
    assert_int_equal(calls.batch.rejects[0].row.raw.len, strlen(body) - 2);
    assert_true(
        mc_str_equal(mc_slice_str(calls.batch.bytes.data, calls.batch.rejects[1].row.raw), MC_STR("{\"id\":3}")));
    assert_int_equal(decode_at(MC_JSON_NATIVE, MC_STR(" {\"x\":1} \r\n nonsense \r\n"), true, arrival, &out), MC_OK);
    assert_true(
        mc_str_equal(mc_slice_str(calls.batch.bytes.data, calls.batch.rejects[0].row.raw), MC_STR("{\"x\":1}")));
    assert_true(mc_str_equal(mc_slice_str(calls.batch.bytes.data, calls.batch.rejects[1].row.raw), MC_STR("nonsense")));
    mc_buf_free(&out);
}

static void test_write_key(void **state) {
    (void)state;
    static const struct example table[] = {
        {"{\"writeKey\":\"k1\",\"batch\":[]}", "k1"},
        {"{\"batch\":[{\"writeKey\":\"no\"}],\"write\\u004bey\":\" k\\u0032 \"}", "k2"},
        {"[{\"writeKey\":\"k3\"},{\"writeKey\":\"no\"}]", "k3"},
        {"{\"writeKey\":\"k4\"}\n{\"x\n", "k4"},
        {"{\"writeKey\":\"a\",\"writeKey\":\"k5\"}", "k5"},
        {"{\"writeKey\":{}}", ""},
        {"{\"writeKey\":null}", ""},
        {"{\"writeKey\":\"k\"", ""},
        {"[]", ""},
        {"x", ""},
        {"", ""}};
    struct mc_buf key = {0}, body = {0};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        body.len = 0;
        mc_buf_text(&body, table[i].body);
        bool found = mc_json_write_key(decoder, &body, &key);
        assert_int_equal(found, table[i].expected[0] != '\0');
        assert_string_equal(mc_buf_cstr(&key), table[i].expected);
        assert_true(mc_str_equal(mc_buf_view(&body), mc_str_of(table[i].body)));
        if (!found)
            continue;
        load(mc_buf_view(&body)); /* the decoder finds the same */
        enum mc_json_shape shape = strstr(table[i].body, "batch") ? MC_JSON_SEGMENT : MC_JSON_NATIVE;
        assert_int_equal(
            mc_json_decode(decoder, shape, (struct mc_json_rights){true}, MC_STR(""), arrival, &calls, NULL), MC_OK);
        assert_true(mc_str_equal(mc_slice_str(calls.batch.bytes.data, calls.write_key), mc_buf_view(&key)));
    }
    mc_buf_free(&key);
    mc_buf_free(&body);
}

/* ---- bounds ---- */

static void put_times(struct mc_buf *b, const char *text, size_t times) {
    for (size_t i = 0; i < times; i++)
        mc_buf_text(b, text);
}

static void test_depth(void **state) {
    (void)state;
    static const struct {
        size_t depth;
        const char *expected;
    } table[] = {{31, GOOD_IS IDS_ARE "\n" ROW},
                 {32, " malformed_row\n" ROW "0 malformed_row\n"},
                 {100000, " malformed_row\n" ROW "0 malformed_row\n"}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct mc_buf body = {0};
        mc_buf_text(&body, "[{" GOOD ",\"x\":");
        put_times(&body, "[", table[i].depth);
        put_times(&body, "]", table[i].depth);
        mc_buf_text(&body, "}," EV "]");
        expect(MC_JSON_NATIVE, mc_buf_cstr(&body), true, arrival, table[i].expected);
        mc_buf_free(&body);
    }
    struct mc_buf open = {0}, out = {0};
    put_times(&open, "{\"a\":[", 50000);
    assert_int_equal(decode_at(MC_JSON_NATIVE, mc_buf_view(&open), true, arrival, &out), MC_ERR_FORMAT);
    assert_int_equal(decode_at(MC_JSON_SEGMENT, mc_buf_view(&open), true, arrival, &out), MC_ERR_FORMAT);
    mc_buf_free(&open);
    mc_buf_free(&out);
}

static void test_long_numbers(void **state) {
    (void)state;
    static const struct {
        const char *column, *before, *after, *expected;
    } table[] = {{"price", "1", "", " bad_price\n0 bad_price\n"},
                 {"price", "0.", "1", GOOD_IS " 1x0" IDS_ARE "\n"},
                 {"price", "1", "e-10000", GOOD_IS " 1x100" IDS_ARE "\n"},
                 {"quantity", "3.", "", GOOD_IS IDS_ARE "\n"},
                 {"quantity", "3", "e-10000", GOOD_IS IDS_ARE "\n"},
                 {"quantity", "3", "e-10001", " bad_quantity\n0 bad_quantity\n"},
                 {"user_id", "3", "", " too_long\n0 too_long\n"},
                 {"event_time", "3", "", " bad_time\n0 bad_time\n"}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct mc_buf body = {0};
        mc_buf_printf(&body, "{" GOOD ",\"%s\":%s", table[i].column, table[i].before);
        put_times(&body, "0", 10000);
        mc_buf_printf(&body, "%s}", table[i].after);
        expect(MC_JSON_NATIVE, mc_buf_cstr(&body), true, arrival, table[i].expected);
        mc_buf_free(&body);
    }
}

static void test_many_calls(void **state) {
    (void)state;
    struct mc_buf body = {0}, out = {0};
    put_times(&body, "{}\n", MC_JSON_CALLS_MAX);
    assert_int_equal(decode_at(MC_JSON_NATIVE, mc_buf_view(&body), true, arrival, &out), MC_OK);
    assert_int_equal(calls.batch.reject_count, MC_JSON_CALLS_MAX);
    assert_int_equal(calls.refusal_count, MC_JSON_CALLS_MAX);
    mc_buf_text(&body, "x\n");
    assert_int_equal(decode_at(MC_JSON_NATIVE, mc_buf_view(&body), true, arrival, &out), MC_ERR_LIMIT);
    body.len = 0;
    mc_buf_text(&body, "{\"type\":\"track\",\"event\":\"Order "
                       "Completed\",\"userId\":1,\"properties\":{\"products\":[{\"id\":1,\"price\":2}");
    put_times(&body, ",{\"id\":1,\"price\":2}", MC_JSON_PRODUCTS_MAX - 1);
    mc_buf_text(&body, "]}}");
    assert_int_equal(decode_at(MC_JSON_SEGMENT, mc_buf_view(&body), true, arrival, &out), MC_OK);
    assert_int_equal(calls.batch.event_count, MC_JSON_PRODUCTS_MAX);
    body.len -= 3;
    mc_buf_text(&body, ",1]}}");
    assert_int_equal(decode_at(MC_JSON_SEGMENT, mc_buf_view(&body), true, arrival, &out), MC_OK);
    assert_true(calls.batch.event_count == 0 && calls.batch.reject_count == 1);
    assert_int_equal(calls.batch.rejects[0].reason, MC_MALFORMED_ROW);
    mc_buf_free(&body);
    mc_buf_free(&out);
}

/* What all calls of a batch share costs once, however it is spelled. */
static void test_shared_text_is_not_multiplied(void **state) {
    (void)state;
    struct mc_buf body = {0}, out = {0};
    mc_buf_text(&body, "{\"sentAt\":\"");
    put_times(&body, "\\u0020", 20000);
    mc_buf_text(&body, "2020-01-01T00:00:00Z\",\"context\":{\"locale\":\"");
    put_times(&body, "\\u0020", 20000);
    mc_buf_text(&body, "de\"},\"batch\":[{\"type\":\"identify\",\"userId\":1}");
    put_times(&body, ",{\"type\":\"identify\",\"userId\":1},{" VIEW "," AT "}", 2500);
    mc_buf_text(&body, "]}");
    assert_int_equal(decode_at(MC_JSON_SEGMENT, mc_buf_view(&body), true, arrival, &out), MC_OK);
    assert_true(calls.person_count == 2501 && calls.batch.event_count == 2500);
    assert_true(calls.batch.bytes.len < 2 * body.len);
    mc_buf_free(&body);
    mc_buf_free(&out);
}

/* ---- no memory ---- */

static void test_nth_allocation_fails(void **state) {
    (void)state;
    struct mc_buf body = {0}, expected = {0};
    mc_buf_text(&body, "{\"batch\":[{\"type\":\"identify\",\"userId\":\"\\u0075\"}");
    for (int i = 0; i < 40; i++)
        mc_buf_text(&body, ",{\"type\":\"track\",\"event\":\"Order Completed\"," WHO ",\"properties\":{\"products\":"
                           "[{\"id\":\"\\u0070\",\"price\":1,\"quantity\":2.0},{\"id\":1},[[]]]}}");
    mc_buf_text(&body, "]}");
    assert_int_equal(decode_at(MC_JSON_SEGMENT, mc_buf_view(&body), true, arrival, &expected), MC_OK);
    for (uint64_t n = 1;; n++) {
        struct mc_json_decoder *d = NULL;
        struct mc_calls c = {0};
        struct mc_error e = {0};
        struct mc_buf out = {0};
        mc_buf_str(&c.batch.bytes, mc_buf_view(&body));
        mc_mem_fail_at(n);
        enum mc_err err = mc_json_decoder_open(&d, &e);
        if (err == MC_OK)
            err = mc_json_decode(d, MC_JSON_SEGMENT, (struct mc_json_rights){true}, MC_STR("USD"), arrival, &c, &e);
        bool failed = mc_mem_failed();
        mc_mem_fail_at(0);
        assert_int_equal(err, failed ? MC_ERR_NOMEM : MC_OK);
        if (err == MC_OK)
            put_calls(&out, &c);
        if (err == MC_OK)
            assert_true(mc_str_equal(mc_buf_view(&out), mc_buf_view(&expected)));
        mc_json_decoder_close(&d);
        mc_calls_free(&c);
        mc_buf_free(&out);
        if (!failed)
            break;
    }
    mc_buf_free(&body);
    mc_buf_free(&expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_native_values),
                                       cmocka_unit_test(test_native_types),
                                       cmocka_unit_test(test_native_reasons),
                                       cmocka_unit_test(test_native_persons),
                                       cmocka_unit_test(test_clocks_that_are_ahead),
                                       cmocka_unit_test(test_native_forms),
                                       cmocka_unit_test(test_grammar),
                                       cmocka_unit_test(test_segment_events),
                                       cmocka_unit_test(test_segment_times),
                                       cmocka_unit_test(test_segment_persons),
                                       cmocka_unit_test(test_raw_of_rows),
                                       cmocka_unit_test(test_write_key),
                                       cmocka_unit_test(test_depth),
                                       cmocka_unit_test(test_long_numbers),
                                       cmocka_unit_test(test_many_calls),
                                       cmocka_unit_test(test_shared_text_is_not_multiplied),
                                       cmocka_unit_test(test_nth_allocation_fails)};
    return cmocka_run_group_tests(tests, open_decoder, close_decoder);
}
