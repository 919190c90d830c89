/* Layouts: steps are collected from one of three notations, then finished here. */
#include "format/layout.h"

#include "format/cursor.h"
#include "format/reader.h"
#include "format/stamp.h"
#include <stdlib.h>

/* --- collecting --- */

static struct layout_step *add_step(struct layout *l) {
    l->steps = xrealloc(l->steps, (l->n + 1) * sizeof *l->steps);
    l->steps[l->n] = (struct layout_step){.text = STR(""), .until = STR("")};
    return &l->steps[l->n++];
}

static void flush_literal(struct layout *l) {
    if (l->literal.len == 0)
        return;
    add_step(l)->text = arena_dup(&l->texts, buf_str(&l->literal));
    buf_clear(&l->literal);
}

void layout_literal(struct layout *l, char c) {
    if (c == ' ' && l->literal.len > 0 && l->literal.ptr[l->literal.len - 1] == ' ')
        return;
    buf_add_char(&l->literal, c);
}

struct layout_step *layout_field(struct layout *l, enum layout_shape shape, enum slot slot,
                                 unsigned char rank, size_t at) {
    if (slot == SLOT_query && l->literal.len == 0 && l->n > 0 &&
        l->steps[l->n - 1].slot == SLOT_target)
        return &l->steps[l->n - 1];
    flush_literal(l);
    struct layout_step *step = add_step(l);
    step->shape = shape;
    step->slot = slot;
    step->rank = rank;
    step->at = at;
    return step;
}

int layout_stamp(struct layout *l, struct str pattern, size_t at, struct err *err) {
    struct buf compiled = {0};
    int rc = moment_compile(pattern, &compiled, &l->time_parts, err);
    if (rc == 0)
        layout_field(l, SHAPE_stamp, SLOT_time, 0, at)->text =
            arena_dup(&l->texts, buf_str(&compiled));
    buf_release(&compiled);
    return rc ? err_context(err, "at byte %zu", at) : 0;
}

void layout_clf(struct layout *l, size_t at) {
    layout_field(l, SHAPE_clf, SLOT_time, 0, at);
    l->time_parts |= MOMENT_epoch;
}

struct layout_header layout_header_of(struct str name) {
    static const struct {
        const char *name;
        struct layout_header header;
    } rows[] = {
        {"referer", {SLOT_referrer, SHAPE_text, 1}},
        {"referrer", {SLOT_referrer, SHAPE_text, 0}},
        {"user-agent", {SLOT_agent, SHAPE_text, 1}},
        {"host", {SLOT_vhost, SHAPE_token, 1}},
        {"x-forwarded-for", {SLOT_forwarded, SHAPE_text, 2}},
        {"x-real-ip", {SLOT_forwarded, SHAPE_token, 1}},
        {"cf-connecting-ip", {SLOT_forwarded, SHAPE_token, 1}},
        {"true-client-ip", {SLOT_forwarded, SHAPE_token, 1}},
        {"sec-ch-ua", {SLOT_hint_brands, SHAPE_text, 1}},
        {"sec-ch-ua-mobile", {SLOT_hint_mobile, SHAPE_text, 1}},
        {"sec-ch-ua-platform", {SLOT_hint_platform, SHAPE_text, 1}},
        {"sec-ch-ua-platform-version", {SLOT_hint_platform_version, SHAPE_text, 1}},
        {"sec-ch-ua-model", {SLOT_hint_model, SHAPE_text, 1}},
    };
    char plain[64];
    for (size_t i = 0; i < name.len && i < sizeof plain; i++)
        plain[i] = name.ptr[i] == '_' ? '-' : name.ptr[i];
    for (size_t i = 0; name.len < sizeof plain && i < ARRAY_LEN(rows); i++)
        if (str_eq_nocase(str_of(plain, name.len), str_from(rows[i].name)))
            return rows[i].header;
    return (struct layout_header){SLOT_none, SHAPE_text, 0};
}

/* --- finishing --- */

static bool is_time(const struct layout_step *s) {
    return s->shape == SHAPE_clf || s->shape == SHAPE_stamp;
}

/* One field a slot; of times every part counts, but those of the end only without a beginning. */
static void settle_slots(struct layout *l) {
    struct layout_step *best[SLOT_COUNT] = {NULL};
    bool begins = false;
    for (size_t i = 0; i < l->n; i++) {
        struct layout_step *s = &l->steps[i];
        begins |= is_time(s) && !s->second_time;
        if (s->shape == SHAPE_literal || is_time(s) || s->slot == SLOT_none)
            continue;
        struct layout_step *loser = s;
        if (best[s->slot] == NULL || best[s->slot]->rank < s->rank) {
            loser = best[s->slot];
            best[s->slot] = s;
        }
        if (loser != NULL)
            loser->slot = SLOT_none;
    }
    const struct layout_step *target = best[SLOT_target];
    if (target != NULL && target->rank >= RANK_WITH_QUERY && best[SLOT_query] != NULL)
        best[SLOT_query]->slot = SLOT_none;
    for (size_t i = 0; i < l->n; i++)
        l->steps[i].second_time = l->steps[i].second_time && begins;
}

static bool tells_its_end(const struct layout_step *s) {
    return is_time(s) || s->shape == SHAPE_addresses || s->shape == SHAPE_status;
}

static bool is_address(const struct layout_step *s) {
    return s->slot == SLOT_host || s->slot == SLOT_vhost || s->slot == SLOT_forwarded;
}

/* What a field ends with, and whether it can be known. */
static int settle_ends(struct layout *l, struct err *err) {
    for (size_t i = 0; i < l->n; i++) {
        struct layout_step *s = &l->steps[i], *next = i + 1 < l->n ? s + 1 : NULL;
        const struct layout_step *before = i > 0 ? s - 1 : NULL;
        if (s->shape == SHAPE_literal || next == NULL)
            continue;
        if (next->shape == SHAPE_literal)
            s->until = next->text;
        else if (next->slot == SLOT_target)
            s->target_next = true;
        else if (!tells_its_end(s))
            return err_set(
                err, ERR_USAGE,
                "at byte %zu: nothing stands between this field and the one before it, so "
                "they cannot be told apart",
                next->at);
        if (s->until.len > 0 && s->until.ptr[0] == ':' && is_address(s) && i + 2 < l->n) {
            const struct layout_step *after = i + 3 < l->n ? s + 3 : NULL;
            s->stop = after && after->shape == SHAPE_literal ? after->text.ptr[0] : ' ';
            s->last_colon = s->stop != ':';
        }
        bool opened = before != NULL && before->shape == SHAPE_literal &&
                      before->text.ptr[before->text.len - 1] == '"';
        if (opened && s->until.len > 0 && s->until.ptr[0] == '"' &&
            (s->shape == SHAPE_token || s->shape == SHAPE_text))
            s->shape = SHAPE_quoted;
    }
    return 0;
}

static void trim(struct layout *l) {
    if (l->n > 0 && l->steps[0].shape == SHAPE_literal && l->steps[0].text.ptr[0] == ' ')
        l->steps[0].text = str_skip(l->steps[0].text, 1);
    struct layout_step *last = l->n > 0 ? &l->steps[l->n - 1] : NULL;
    if (last != NULL && last->shape == SHAPE_literal && last->text.len > 0 &&
        last->text.ptr[last->text.len - 1] == ' ')
        last->text.len--;
    if (last != NULL && last->shape == SHAPE_literal && last->text.len == 0)
        l->n--;
    if (l->n > 0 && l->steps[0].shape == SHAPE_literal && l->steps[0].text.len == 0)
        memmove(l->steps, l->steps + 1, --l->n * sizeof *l->steps);
}

/* Client, at most one word, a text, time: a text that can be anything takes in what stands before a
 * line. Other words between them may well be addresses. */
static size_t guard_of(const struct layout *l) {
    size_t fields = 0; /* behind the client */
    const struct layout_step *host = NULL, *before = NULL;
    for (size_t i = 0; i < l->n; i++) {
        const struct layout_step *s = &l->steps[i];
        if (host == NULL && s->slot == SLOT_host)
            host = s;
        else if (host == NULL || s->shape == SHAPE_literal)
            continue;
        else if (is_time(s))
            return fields > 0 && fields <= 2 && before->shape == SHAPE_text ? i : 0;
        else if (s->slot != SLOT_none && s->slot != SLOT_user)
            return 0;
        else
            fields++;
        before = s;
    }
    return 0;
}

static int finish(struct layout *l, struct err *err) {
    flush_literal(l);
    trim(l);
    settle_slots(l);
    int rc = settle_ends(l, err);
    struct slot_set set = {0};
    for (size_t i = 0; i < l->n; i++)
        set.has[l->steps[i].slot] = l->steps[i].shape != SHAPE_literal;
    l->names_site = set.has[SLOT_vhost];
    l->guard = guard_of(l);
    if (rc == 0 && (rc = slots_check(&set, err)) != 0 && l->meant != NULL && err != NULL) {
        struct err before = *err;
        rc = err_set(err, rc, "%s; $" STR_FMT " is unknown: did you mean $%s?", before.text,
                     STR_ARG(l->unknown), l->meant);
    }
    return rc ? rc : moment_check(l->time_parts, err);
}

/* --- the reader --- */

static void layout_free(void *state) {
    struct layout *l = state;
    free(l->steps);
    buf_release(&l->literal);
    arena_release(&l->texts);
    free(l);
}

static int layout_open(struct str spec, void **ret_state, struct err *err) {
    struct layout *l = xcalloc(1, sizeof *l);
    l->header = STR("");
    int rc = layout_is_nginx(spec)      ? layout_nginx(l, spec, err)
             : layout_is_goaccess(spec) ? layout_goaccess(l, spec, err)
                                        : layout_apache(l, spec, err);
    if (rc == 0)
        rc = finish(l, err);
    if (rc == 0)
        *ret_state = l;
    else
        layout_free(l);
    return rc;
}

static enum reason layout_read(void *state, struct str line, struct arena *scratch,
                               struct fields *ret) {
    return layout_run(state, line, scratch, ret);
}

static bool layout_names_site(const void *state) {
    return ((const struct layout *)state)->names_site;
}

static bool layout_is_header(const void *state, struct str line) {
    const struct layout *l = state;
    return l->header.len > 0 && str_starts(line, l->header);
}

const struct format_reader layout_reader = {.open = layout_open,
                                            .free = layout_free,
                                            .read = layout_read,
                                            .is_header = layout_is_header,
                                            .names_site = layout_names_site};
