// The one file that knows the Mustache library: see template.h. C++ stays inside; nothing is thrown out of it.
extern "C" {
#include "outreach/template.h"
#include "outreach/template_check.h"
#include "outreach/text.h"
}

#include <kainjow/mustache.hpp>
#include <new>
#include <string>

namespace mustache = kainjow::mustache;

struct mc_template {
    mc_template_kind kind;
    std::string file;
    mustache::mustache parsed;
};

namespace {

struct too_long {};

// Values arrive escaped (value_of), so the library has nothing left to do.
std::string as_it_is(const std::string &text) {
    return text;
}

// Frees the buffer on every way out, exceptions included.
struct scratch {
    mc_buf buf{};
    ~scratch() { mc_buf_free(&buf); }
};

// False, not an empty text, for an absent value: the library takes an empty text as true in a section.
mustache::data value_of(mc_template_kind kind, mc_str value) {
    if (value.len == 0)
        return mustache::data{false};
    if (kind != MC_TEMPLATE_HTML)
        return mustache::data{std::string(value.data, value.len)};
    scratch escaped;
    mc_text_html(&escaped.buf, value);
    if (escaped.buf.failed)
        throw std::bad_alloc();
    return mustache::data{std::string(escaped.buf.data, escaped.buf.len)};
}

mustache::data data_of(mc_template_kind kind, const mc_variables *fields) {
    mustache::data letter;
    mustache::list items;
    for (size_t i = 0; i < fields->count; i++) {
        const mc_variable *field = &fields->list[i];
        if (field->name == nullptr)
            items.emplace_back();
        else
            (items.empty() ? letter : items.back()).set(field->name, value_of(kind, mc_variable_value(fields, field)));
    }
    letter.set("items", mustache::data{items});
    return letter;
}

void render_into(mc_template *t, const mc_variables *fields, mc_buf *out) {
    const size_t start = out->len;
    const auto data = data_of(t->kind, fields);
    t->parsed.render(data, [&](const std::string &piece) {
        if (out->len - start + piece.size() > MC_RENDERED_BYTES_MAX)
            throw too_long();
        mc_buf_append(out, piece.data(), piece.size());
        if (out->failed)
            throw std::bad_alloc();
    });
}

void render_subject(mc_template *t, const mc_variables *fields, mc_buf *out) {
    scratch whole;
    render_into(t, fields, &whole.buf);
    mc_text_line(out, mc_buf_view(&whole.buf), MC_SUBJECT_BYTES_MAX);
    if (out->failed)
        throw std::bad_alloc();
}

} // namespace

extern "C" mc_err mc_template_parse(mc_template **out, mc_template_kind kind, mc_str source, const char *file,
                                    const char *const *known, mc_error *e) {
    *out = nullptr;
    const mc_err err = mc_template_check(source, file, known, e);
    if (err != MC_OK)
        return err;
    try {
        const std::string text(source.len > 0 ? source.data : "", source.len);
        mc_template *t = new mc_template{kind, file, mustache::mustache{text}};
        if (!t->parsed.is_valid()) {
            mc_error_set(e, MC_ERR_FORMAT, "%s: %s", file, t->parsed.error_message().c_str());
            delete t;
            return MC_ERR_FORMAT;
        }
        t->parsed.set_custom_escape(as_it_is);
        *out = t;
        return MC_OK;
    } catch (const std::bad_alloc &) {
        return mc_error_set(e, MC_ERR_NOMEM, "%s: no memory to read the template", file);
    } catch (...) {
        return mc_error_set(e, MC_ERR_FORMAT, "%s: the template cannot be read", file);
    }
}

extern "C" mc_err mc_template_render(mc_template *t, const mc_variables *fields, mc_buf *out, mc_error *e) {
    try {
        if (fields->failed)
            throw std::bad_alloc();
        if (t->kind == MC_TEMPLATE_SUBJECT)
            render_subject(t, fields, out);
        else
            render_into(t, fields, out);
        return MC_OK;
    } catch (const too_long &) {
        return mc_error_set(e, MC_ERR_LIMIT, "%s: the result has more than %d bytes", t->file.c_str(),
                            MC_RENDERED_BYTES_MAX);
    } catch (const std::bad_alloc &) {
        return mc_error_set(e, MC_ERR_NOMEM, "%s: no memory to fill the template", t->file.c_str());
    } catch (...) {
        return mc_error_set(e, MC_ERR_FORMAT, "%s: the template cannot be filled", t->file.c_str());
    }
}

extern "C" void mc_template_close(mc_template **t) {
    delete *t;
    *t = nullptr;
}
