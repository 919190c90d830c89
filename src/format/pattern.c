/* Regular expressions of users: PCRE2 with JIT, over bytes. A user's expression may be one that
 * backtracks without end on the wrong line, so steps are limited: such lines are rejected and
 * counted, never waited for. */
#include "format/reader.h"
#include "format/slot_names.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

/* From each place where a match may begin. An expression that finds what it looks for goes over a
 * line of 64 KiB in fewer; one that backtracks without end takes 2 ms for them. */
#define STEPS 200000
#define HEAP_KIB 4096 /* only used without JIT */
/* A match begins here at the latest: steps are counted anew at each place, and trying all of a long
 * line took seconds. */
#define START_MAX 4096
#define JIT_STACK_MIN ((size_t)32 << 10)
#define JIT_STACK_MAX ((size_t)512 << 10)

struct group {
    enum slot slot;
    uint32_t number;
};

struct pattern {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    struct slot_set set;
    size_t n_groups;
    struct group *groups; /* those with names, in the order of their numbers */
};

static void pattern_free(void *state) {
    struct pattern *p = state;
    if (p == NULL)
        return;
    pcre2_match_data_free(p->data);
    pcre2_match_context_free(p->context);
    pcre2_jit_stack_free(p->stack);
    pcre2_code_free(p->code);
    free(p->groups);
    free(p);
}

static int compile(struct pattern *p, struct str spec, struct err *err) {
    int problem;
    PCRE2_SIZE at;
    /* the same name may stand on both sides of a `|` */
    uint32_t options =
        PCRE2_DUPNAMES | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;
    p->code = pcre2_compile((PCRE2_SPTR)spec.ptr, spec.len, options, &problem, &at, NULL);
    if (p->code == NULL) {
        char text[128] = "";
        pcre2_get_error_message(problem, (PCRE2_UCHAR *)text, sizeof text);
        struct str shown = str_of(spec.ptr + min_size(at, spec.len), 0);
        shown.len = min_size((size_t)(spec.ptr + spec.len - shown.ptr), 40);
        if (shown.len == 0)
            return err_set(err, ERR_USAGE, "regular expression: %s, at its end (byte %zu)", text,
                           (size_t)at);
        return err_set(err, ERR_USAGE,
                       "regular expression: %s, at byte %zu, before \"" STR_FMT "\"", text,
                       (size_t)at, STR_ARG(shown));
    }
    /* Without JIT the interpreter gives the same answers, slower. */
    (void)pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
    p->data = pcre2_match_data_create_from_pattern(p->code, NULL);
    p->context = pcre2_match_context_create(NULL);
    p->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
    if (p->data == NULL || p->context == NULL)
        abort(); /* out of memory (base.h) */
    pcre2_set_match_limit(p->context, STEPS);
    pcre2_set_depth_limit(p->context, STEPS);
    pcre2_set_heap_limit(p->context, HEAP_KIB);
    pcre2_set_offset_limit(p->context, START_MAX);
    if (p->stack != NULL) /* NULL where PCRE2 was built without JIT */
        pcre2_jit_stack_assign(p->context, NULL, p->stack);
    return 0;
}

static int compare_numbers(const void *a, const void *b) {
    const struct group *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* Each row of PCRE2's table of names: two bytes of number, then the name up to a NUL. */
static int name_groups(struct pattern *p, struct err *err) {
    uint32_t count = 0, size = 0;
    PCRE2_SPTR row = NULL;
    (void)pcre2_pattern_info(p->code, PCRE2_INFO_NAMECOUNT, &count);
    (void)pcre2_pattern_info(p->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    (void)pcre2_pattern_info(p->code, PCRE2_INFO_NAMETABLE, &row);
    p->groups = xcalloc(max_size(count, 1), sizeof *p->groups);
    for (uint32_t i = 0; i < count; i++, row += size) {
        struct group *group = &p->groups[p->n_groups++];
        group->number = (uint32_t)row[0] << 8 | row[1];
        int rc = slot_named(str_from((const char *)row + 2), &group->slot, err);
        if (rc != 0)
            return err_context(err, "regular expression");
        p->set.has[group->slot] = true;
    }
    qsort(p->groups, p->n_groups, sizeof *p->groups, compare_numbers);
    return 0;
}

static int pattern_open(struct str spec, void **ret_state, struct err *err) {
    struct pattern *p = xcalloc(1, sizeof *p);
    int rc = compile(p, spec, err);
    if (rc == 0)
        rc = name_groups(p, err);
    if (rc == 0)
        rc = slots_check(&p->set, err);
    if (rc != 0) {
        pattern_free(p);
        return rc;
    }
    *ret_state = p;
    return 0;
}

static enum reason pattern_read(void *state, struct str line, struct arena *scratch,
                                struct fields *ret) {
    const struct pattern *p = state;
    int rc = pcre2_match(p->code, (PCRE2_SPTR)line.ptr, line.len, 0, 0, p->data, p->context);
    if (rc < 0)
        return rc == PCRE2_ERROR_NOMATCH ? REASON_no_match : REASON_match_limit;
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(p->data);
    struct slots slots = {0};
    for (size_t i = 0; i < p->n_groups; i++) {
        struct str *piece = &slots.at[p->groups[i].slot];
        size_t from = ends[2 * p->groups[i].number], to = ends[2 * p->groups[i].number + 1];
        /* \K in a look-ahead can put the start behind the end */
        if (piece->ptr == NULL && from != PCRE2_UNSET && from <= to)
            *piece = str_of(line.ptr + from, to - from);
    }
    slots_complete(&slots, &p->set);
    return slots_finish(&slots, scratch, ret);
}

static bool pattern_names_site(const void *state) {
    return ((const struct pattern *)state)->set.has[SLOT_vhost];
}

const struct format_reader pattern_reader = {.open = pattern_open,
                                             .free = pattern_free,
                                             .read = pattern_read,
                                             .names_site = pattern_names_site};
